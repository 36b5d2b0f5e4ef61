// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Box } from "./box.ts";
import { helper } from "./helpers.ts";
import { readText, waitFor } from "./host.ts";

/** What receives a console. */
export interface Console {
  readonly socket: string;
  /** What the receiver and then the terminal have said. */
  text(): string;
  write(text: string): void;
}

/** A receiver that waits on a console socket. */
export function listen(box: Box, ...size: string[]): Console {
  const socket = box.path("sock");
  const out = box.path("console");
  const fd = openSync(out, "a");
  const child = spawn(helper("helpers/console.c"), [socket, ...size], { stdio: ["pipe", fd, "inherit"] });
  closeSync(fd);
  box.atClose(() => child.kill("SIGKILL"));
  const text = (): string => readText(out).replaceAll("\r\n", "\n");
  if (!waitFor(() => text().startsWith("ready\n"))) throw new Error("the console receiver did not start");
  return { socket, text, write: (words) => void child.stdin?.write(words) };
}
