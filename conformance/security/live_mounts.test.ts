// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { type Config, CAPABILITY_SETS } from "../harness/config.ts";
import { helper } from "../harness/helpers.ts";
import { parseMountinfo, readText } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";

const skip = runtOnly("has no list of live mounts");
const ROUNDS = Number(process.env["RUNT_RACE_ROUNDS"] ?? 60);
const MAPS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

function swapping(box: Box, one: string, other: string): () => Promise<void> {
  const child = spawn(helper("helpers/swap.c"), [one, other], { stdio: "ignore" });
  box.atClose(() => child.kill("SIGKILL"));
  return async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  };
}

function userNamespace(config: Config): void {
  config.linux.uidMappings = MAPS;
  config.linux.gidMappings = MAPS;
  config.linux.namespaces.push({ type: "user" });
}

for (const user of [false, true]) {
  scenario(
    `directories trade places with links while mounts are added${user ? " (user namespace)" : ""}`,
    async (t, box) => {
      const container = box.running((config) => {
        config.root.readonly = false;
        if (user) userNamespace(config);
      });
      const { rootfs } = container.bundle;
      const host = box.folder("host");
      const source = box.folder("source");
      writeFileSync(join(source, "file"), "mounted\n");
      if (user) for (const name of [".", "tmp"]) chownSync(join(rootfs, name), 100_000, 100_000);
      mkdirSync(join(rootfs, "place/deep"), { recursive: true });
      symlinkSync(`../../../../../../../../..${host}`, join(rootfs, "link"));
      symlinkSync("/proc/sys", join(rootfs, "procfs"));
      const stops = [
        swapping(box, join(rootfs, "place"), join(rootfs, "link")),
        swapping(box, join(rootfs, "procfs"), join(rootfs, "tmp")),
      ];
      const mounted = (): string[] =>
        parseMountinfo(readText("/proc/self/mountinfo"))
          .map((each) => each.target)
          .filter((each) => each.includes(box.marker));
      const ours = mounted();
      let added = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const destination = round % 3 === 2 ? "/procfs/kernel" : "/place/deep";
        const words = ["--destination", destination, "--source", source, "--options", "bind"];
        const done = box.call(["mounts", "add", container.id, ...words]);
        if (done.status === 0) {
          added += 1;
          const gone = box.call(["mounts", "remove", container.id, "--destination", destination]);
          t.equal(gone.status, 0, gone.output);
        }
      }
      for (const stop of stops) await stop();
      t.ok(added > 0, "some were added");
      t.equal(box.call(["mounts", "list", container.id]).stdout.split("\n").length, 2, "none is left in the list");
      t.same(readdirSync(host), [], "nothing was made on the host");
      t.same(mounted(), ours, "nothing was mounted there");
      const left = parseMountinfo(readText(`/proc/${container.pid}/mountinfo`)).filter((each) => each.root.includes("/source."));
      t.same(left, [], "all is taken away");
      t.same(
        parseMountinfo(readText(`/proc/${container.pid}/mountinfo`)).filter((each) => each.target.startsWith("/proc/sys/kernel")),
        [],
      );
    },
    { skip, timeout: 240_000 },
  );
}

// With CAP_SYS_PTRACE and no user namespace root of a container may look into whatever it sees.
for (const [name, kind, edit] of [
  ["a bind mount", ["--options", "bind"], (): void => undefined],
  ["a procfs", ["--type", "proc"], (): void => undefined],
  ["a procfs, with a user namespace", ["--type", "proc"], userNamespace],
] as const) {
  scenario(
    `nothing of the host is found through what adds ${name}`,
    (t, box) => {
      const secret = box.folder("secret");
      writeFileSync(join(secret, "found"), "");
      const container = box.running((config) => {
        const all = ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_KILL"];
        config.process.capabilities = {};
        for (const set of CAPABILITY_SETS) if (set !== "ambient" && set !== "inheritable") config.process.capabilities[set] = all;
        config.root.readonly = false;
        config.process.env = ["PATH=/bin"];
        config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=777"] });
        edit(config);
        config.process.args = [
          "sh",
          "-c",
          `
        while :; do for p in /proc/[0-9]*; do
          read name < $p/comm || continue
          case "$name" in runt*) ;; *) continue ;; esac
          echo "$name" >> /tmp/seen
          for place in root cwd fd/3 fd/4 fd/5 fd/6 fd/7 fd/8; do
            [ -e $p/$place${secret}/found ] && echo "$p/$place" >> /tmp/found
          done
        done; done 2>/dev/null`,
        ];
      });
      chownSync(container.bundle.rootfs, 100_000, 100_000);
      for (let round = 0; round < 40; round++) {
        const words = ["--destination", "/data", ...(kind[0] === "--type" ? kind : ["--source", secret, ...kind])];
        const done = box.call(["mounts", "add", container.id, ...words]);
        t.equal(done.status, 0, done.output);
        t.equal(box.call(["mounts", "remove", container.id, "--destination", "/data"]).status, 0);
      }
      const found = box.call(["exec", container.id, "cat", "/tmp/found"]);
      t.not(found.status, 0, `found: ${found.stdout}`);
    },
    { skip, timeout: 120_000 },
  );
}
