// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { scenario, type Box } from "../harness/box.ts";
import { RUNTIME, runtOnly } from "../harness/runtime.ts";

const skip = runtOnly("has no top");

interface Row {
  readonly id: string;
  readonly status: string;
  readonly cpu?: number;
  readonly memory?: number;
  readonly pids?: number;
}

scenario(
  "once, as JSON and as a table, sorted; of all and of some",
  (t, box) => {
    const idle = box.running();
    const busy = box.running((config) => void (config.process.args = ["sh", "-c", "while :; do :; done"]));
    const created = box.create(() => undefined);
    const rows = (...words: string[]): Row[] =>
      JSON.parse(box.call(["top", "--once", "--format", "json", ...words]).stdout) as Row[];
    const all = rows();
    t.equal(all[0]?.id, busy.id);
    t.ok((all[0]?.cpu ?? 0) > 5, `${all[0]?.cpu} %`);
    t.same(all.map(({ status }) => status).toSorted(), ["created", "running", "running"]);
    t.ok(all.every(({ memory = 0, pids = 0 }) => memory > 0 && pids > 0));
    t.same(
      rows("--sort", "id").map(({ id }) => id),
      [idle.id, busy.id, created.id].toSorted(),
    );
    t.same(
      rows(idle.id).map(({ id }) => id),
      [idle.id],
    );
    t.match(box.call(["top", "--once"]).stdout, /^ID +STATE +CPU %/);
    const unknown = box.call(["top", "--once", "nobody"]);
    t.equal(unknown.status, 1);
    t.match(unknown.output, "container does not exist");
    t.equal(box.call(["top", "--once", "--sort", "colour"]).status, 1);
    t.equal(box.call(["top", "--interval", "1ms"]).status, 1);
  },
  { skip },
);

async function onTerminal(box: Box, end: (child: ReturnType<typeof spawn>) => void): Promise<string> {
  const command = `stty rows 10 cols 60; stty -g; ${RUNTIME} --root ${box.root} top --interval 100ms; echo status $?; stty -g`;
  const child = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (data: Buffer) => void (text += data.toString()));
  const deadline = Date.now() + 10_000;
  while (!text.includes("CPU %") && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  end(child);
  await once(child, "exit");
  return text;
}

for (const [name, keys] of [
  ["q", "mq"],
  ["^C", "\x03"],
] as const) {
  scenario(
    `a terminal is as it was before, when ${name} ends it`,
    async (t, box) => {
      const container = box.running();
      const text = await onTerminal(box, (child) => child.stdin?.write(keys));
      const [before = "", , after = ""] = text
        .replace(/\x1b\[\?1049h[^]*\x1b\[\?1049l/, "")
        .trim()
        .split(/\r?\n/);
      t.ok(before.length > 20);
      t.equal(after, before, "the settings of the terminal");
      t.match(text, "status 0");
      t.ok(text.includes("\x1b[?1049h") && text.endsWith(`${after}\r\n`));
      t.match(text, container.id.slice(0, 10));
    },
    { skip },
  );
}
