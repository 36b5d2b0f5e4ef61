// SPDX-License-Identifier: Apache-2.0
/** A container that runs, for what is changed of one that is there. */
import { chownSync } from "node:fs";
import { join } from "node:path";
import type { Box, Container } from "./box.ts";
import { addNamespaces, type Config } from "./config.ts";

const FIRST_ID = 100_000;
const MAPS = [{ containerID: 0, hostID: FIRST_ID, size: 65_536 }];

/** Gives the container a user namespace. */
export function mapUsers(config: Config): void {
  config.linux.uidMappings = MAPS;
  config.linux.gidMappings = MAPS;
  addNamespaces(config, "user");
}

/** A container that sleeps; with mapped users its root owns the directories `owned` of the root file system. */
export function running(box: Box, edit: (config: Config) => void, owned: readonly string[]): Container {
  let isMapped = false;
  const bundle = box.bundle((config) => {
    config.process.args = ["sleep", "1000"];
    edit(config);
    isMapped = config.linux.uidMappings !== undefined;
  });
  if (isMapped) for (const name of owned) chownSync(join(bundle.rootfs, name), FIRST_ID, FIRST_ID);
  const container = box.create(bundle);
  const started = container.start();
  if (started.status !== 0) throw new Error(started.output);
  return container;
}
