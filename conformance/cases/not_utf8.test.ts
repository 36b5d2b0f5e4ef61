// SPDX-License-Identifier: Apache-2.0
/** Names and words that are no UTF-8: a container gives them, or the kernel has cut them in the middle of a character. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "../harness/box.ts";
import { removeNamespaces } from "../harness/config.ts";
import { cgroupDirOf, hasController, isAlive, PURE_V2, waitFor } from "../harness/host.ts";
import { IS_RUNT } from "../harness/runtime.ts";

for (const byte of ["377", "200", "303"]) {
  scenario(
    `a container whose first process has \\${byte} in its name can be looked at, entered, killed and deleted`,
    (t, box) => {
      const container = box.running((config) => {
        // A shell keeps its own name as long as it has a child to wait for.
        config.process.args = ["sh", "-c", `printf ') \\${byte}' > /proc/self/comm; sleep 1001 & wait`];
      });
      t.ok(
        waitFor(() => readFileSync(`/proc/${container.pid}/comm`).includes(Number.parseInt(byte, 8))),
        "it has the name",
      );
      t.equal(container.state().status, "running");
      t.match(box.call(["list"]).stdout, new RegExp(`${container.id} +${container.pid} +running`));
      t.equal(box.call(["exec", container.id, "true"]).status, 0);
      t.equal(box.call(["ps", "--format", "json", container.id]).status, 0);
      const killed = container.kill("KILL");
      t.equal(killed.status, 0, killed.output);
      container.until("stopped");
      const removed = container.remove();
      t.equal(removed.status, 0, removed.output);
    },
  );
}

scenario("one that was cut: the kernel keeps 15 bytes of a program's name", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["/bin/äääääääää"];
  });
  writeFileSync(join(bundle.rootfs, "bin/äääääääää"), "#!/bin/sh\nsleep 1001 & wait\n", { mode: 0o755 });
  const container = box.create(bundle);
  t.equal(container.start().status, 0);
  t.ok(
    waitFor(() => readFileSync(`/proc/${container.pid}/comm`).length === 16),
    "it has the name",
  );
  t.equal(container.state().status, "running");
  t.equal(container.remove("--force").status, 0);
});

scenario("a cgroup that a container has made with such a name hides no process, and is removed", (t, box) => {
  const container = box.running((config) => {
    removeNamespaces(config, "pid");
    config.process.args = ["sh", "-c", "sleep 1001 & exec sleep 1002"];
  });
  t.ok(
    waitFor(() => JSON.parse(box.call(["ps", "-f", "json", container.id]).stdout).length === 2),
    "two processes",
  );
  const before = box.call(["ps", "-f", "json", container.id]).stdout;
  const other = (JSON.parse(before) as number[]).find((pid) => pid !== container.pid) ?? 0;
  for (const controller of PURE_V2 ? [""] : ["devices", "freezer", "memory", "pids"].filter(hasController)) {
    const inner = Buffer.concat([Buffer.from(`${cgroupDirOf(container.pid, controller)}/in`), Buffer.from([0xff])]);
    if (existsSync(inner)) continue;
    mkdirSync(inner);
    writeFileSync(Buffer.concat([inner, Buffer.from("/cgroup.procs")]), String(other));
  }
  t.equal(box.call(["ps", "-f", "json", container.id]).stdout, before);
  const removed = container.remove("--force");
  t.equal(removed.status, 0, removed.output);
  t.ok(
    waitFor(() => !isAlive(other)),
    "none is left",
  );
});

scenario("a mount of the host at such a place is nobody's trouble", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["echo", "good"];
  });
  mkdirSync(Buffer.concat([Buffer.from(`${box.dir}/at-`), Buffer.from([0xff])]));
  const script = `mount -t tmpfs none ${box.dir}/at-* && exec "$@"`;
  const wrap = ["unshare", "--mount", "sh", "-c", script, "sh"];
  const done = box.call(["run", "--bundle", bundle.dir, box.id()], { wrap });
  t.equal(done.stdout, "good\n", done.output);
});

scenario("what a failing hook has said in another encoding is told", (t, box) => {
  const bundle = box.bundle((config) => {
    const args = ["sh", "-c", "printf 'ferm\\351 today\\n' >&2; exit 3"];
    config.hooks = { createRuntime: [{ path: "/bin/sh", args }] };
  });
  const done = box.tryCreate(bundle);
  t.not(done.status, 0);
  if (IS_RUNT) t.match(done.stderr, /ferm\S+ today/);
});
