// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { closeSync, copyFileSync, openSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box, type Bundle, type Edit } from "../harness/box.ts";
import { addNamespaces } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { readText, waitFor } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";

const SKIP = runtOnly("it joins the keyring that it finds");
/** KEY_POS_ALL, KEY_USR_ALL, KEY_GRP_ALL, KEY_OTH_ALL. */
const OPEN = "3f3f3f3f";
/** What the kernel gives a new session keyring, and SEARCH for its user. */
const ORDINARY = "3f1b0000";

/** A session keyring that somebody has made before the container. @returns what he has got by now */
function plant(box: Box, name: string, user: number, permissions: string): () => string {
  const report = box.path("planted");
  const output = openSync(report, "w");
  const child = spawn(helper("helpers/keyring.c"), ["plant", name, String(user), permissions], {
    stdio: ["ignore", output, "ignore"],
  });
  closeSync(output);
  box.atClose(() => child.kill("SIGKILL"));
  if (!waitFor(() => readText(report).startsWith("ready"))) throw new Error("no keyring was made");
  return () => readText(report);
}

/** A bundle whose program puts a key into its session keyring. */
function bundleWithKey(box: Box, edit: Edit = () => undefined): Bundle {
  const bundle = box.bundle((config) => {
    config.process.args = ["/keyring", "add"];
    edit(config);
  });
  copyFileSync(helper("helpers/keyring.c"), join(bundle.rootfs, "keyring"));
  return bundle;
}

for (const [user, permissions] of [
  [4242, OPEN],
  [4242, ORDINARY.replace(/..$/, "08")],
  [0, OPEN],
] as const) {
  scenario(
    `a session keyring that user ${user} has made with the rights ${permissions} is not the container's`,
    (t, box) => {
      const id = box.id();
      const gets = plant(box, `_ses.${id}`, user, permissions);
      const done = box.call(["run", "--bundle", bundleWithKey(box).dir, id]);
      t.match(done.stdout, /^added keyring;0;0;[0-9a-f]+;_ses\n$/, done.output);
      t.equal(gets(), "ready\n");

      const other = bundleWithKey(box, (config) => void (config.process.args = ["sleep", "1000"]));
      const running = box.call(["run", "--detach", "--bundle", other.dir, id]);
      t.equal(running.status, 0, running.output);
      const exec = box.call(["exec", id, "/keyring", "add"]);
      t.match(exec.stdout, /^added keyring;0;0;[0-9a-f]+;_ses\n$/, exec.output);
      t.equal(gets(), "ready\n", "nor that of exec");
    },
    { skip: SKIP },
  );
}

for (const kind of ["the runtime's", "its own"]) {
  scenario(`exec has the session keyring of its container, which nobody else finds: ${kind} user namespace`, (t, box) => {
    const bundle = bundleWithKey(box, (config) => {
      config.process.args = ["sleep", "1000"];
      if (kind !== "its own") return;
      addNamespaces(config, "user");
      config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    });
    const id = box.id();
    const done = box.call(["run", "--detach", "--bundle", bundle.dir, id]);
    t.equal(done.status, 0, done.output);
    const gets = plant(box, `_ses.${id}`, 4242, OPEN);
    for (let round = 0; round < 2; round += 1) {
      const exec = box.call(["exec", id, "/keyring", "add"]);
      t.match(exec.stdout, new RegExp(`^added keyring;0;0;[0-9a-f]+;_ses\\.${id}\n$`), exec.output);
    }
    t.equal(gets(), "ready\n");
  });
}
