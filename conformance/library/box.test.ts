// SPDX-License-Identifier: Apache-2.0
// Containers without a bundle: what is safe without a word, and what each option changes.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Container, defaultSeccomp, newConfig, type BoxOptions, type CommonOptions, type Limits } from "../../lib/index.ts";
import { type Box, scenario } from "../harness/box.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { refused, skip } from "./made.ts";

/** A root file system, with users. */
function rootfsOf(box: Box): string {
  const rootfs = box.folder("rootfs");
  makeRootfs(rootfs);
  mkdirSync(join(rootfs, "etc"), { recursive: true });
  writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0::/:/bin/sh\nworker:x:1234:2345::/:/bin/sh\n");
  writeFileSync(join(rootfs, "etc/group"), "root:x:0:\nworkers:x:2345:\naudio:x:29:other,worker\n");
  return rootfs;
}

/** What a shell script prints. */
async function print(options: CommonOptions & BoxOptions, script: string): Promise<string> {
  const { stdio: _, ...rest } = options;
  const result = await Container.run({ ...rest, args: ["sh", "-c", script], buffer: true });
  return `${result.stdout}${result.stderr}`;
}

scenario(
  "the defaults are safe",
  async (t, box) => {
    const made = { rootfs: rootfsOf(box), root: box.root };
    const status = await print(made, "grep -E 'Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp:' /proc/self/status | tr -d '\\t\\n'");
    t.equal(
      status,
      "CapPrm:0000000000000000CapEff:0000000000000000CapBnd:0000000000000000CapAmb:0000000000000000NoNewPrivs:1Seccomp:2",
    );
    t.match(await print(made, "touch /file"), /Read-only/);
    t.equal(await print(made, "ls /sys/firmware; cat /proc/timer_list /proc/interrupts"), "");
    t.match(await print(made, "echo 1 > /proc/sys/kernel/domainname"), /Read-only/);
    t.match(await print(made, "df -k /tmp | tail -1"), /^tmpfs +65536 /);
    t.match(
      await print(made, "dd if=/dev/zero of=/tmp/file bs=1M count=65 2>&1; wc -c < /tmp/file"),
      /No space[\s\S]*\b67108864\n$/,
    );
    t.equal(
      await print(made, "ls /sys/class/net; pwd; echo $PATH; id -u; ulimit -n; ulimit -c"),
      "lo\n/\n/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n0\n1024\n0\n",
    );
    t.match(await print(made, "unshare -U true"), /Operation not permitted|not found/);
    t.match(await print(made, "mount -t tmpfs none /tmp"), /denied|not permitted|must be/);
    t.same(await Container.states({ root: box.root }), []);
    t.equal(existsSync(join(box.root, "@overlay")), false, "and nothing is made for what is not asked for");
  },
  { skip },
);

scenario(
  "each option",
  async (t, box) => {
    const rootfs = rootfsOf(box);
    const made = { rootfs, root: box.root };
    t.equal(await print({ ...made, env: { FOO: "bar baz", NONE: undefined } }, 'echo "$FOO$NONE"'), "bar baz\n");
    t.equal(await print({ ...made, env: ["FOO=list"] }, "echo $FOO"), "list\n");
    t.equal(await print({ ...made, cwd: "/proc" }, "pwd"), "/proc\n");
    t.equal(await print({ ...made, hostname: "sand" }, "hostname"), "sand\n");
    t.equal(await print({ ...made, user: "worker" }, "id -u; id -g; id -G"), "1234\n2345\n2345 29\n");
    t.equal(await print({ ...made, user: "1234" }, "id -u; id -g"), "1234\n2345\n");
    t.equal(await print({ ...made, user: "worker:audio" }, "id -u; id -g; id -G"), "1234\n29\n29\n");
    t.equal(await print({ ...made, user: "77:88" }, "id -u; id -g"), "77\n88\n");
    t.equal(await print({ ...made, user: { uid: 5, gid: 6, additionalGids: [7] } }, "id -u; id -G"), "5\n6 7\n");
    t.equal(
      await print({ ...made, network: "host" }, "ls /sys/class/net | grep -vc lo; true"),
      `${
        readFileSync("/proc/net/dev", "utf8")
          .split("\n")
          .filter((line) => line.includes(":") && !line.includes("lo:")).length
      }\n`,
    );
    t.equal(
      await print({ ...made, capabilities: ["CAP_CHOWN"] }, "grep CapEff /proc/self/status"),
      "CapEff:\t0000000000000001\n",
    );
    t.match(
      await print({ ...made, seccomp: "unconfined", noNewPrivileges: false }, "grep -E 'Seccomp:|NoNewPrivs' /proc/self/status"),
      /NoNewPrivs:\t0\nSeccomp:\t0/,
    );
    const folder = box.folder();
    writeFileSync(join(folder, "file"), "of the host\n");
    t.match(
      await print({ ...made, mounts: [{ source: folder, destination: "/data" }] }, "cat /data/file; touch /data/new"),
      /of the host\n.*Read-only/,
    );
    await print({ ...made, mounts: [{ source: folder, destination: "/data", readonly: false }] }, "echo back > /data/new");
    t.equal(readFileSync(join(folder, "new"), "utf8"), "back\n");
    t.match(
      await print(
        { ...made, mounts: [{ destination: "/more", type: "tmpfs", source: "tmpfs", options: ["size=1m"] }] },
        "df -k /more | tail -1",
      ),
      /^tmpfs +1024 /,
    );
    t.equal(await print({ ...made, readonly: false }, "echo mine > /mine; cat /mine"), "mine\n");
    t.equal(readFileSync(join(rootfs, "mine"), "utf8"), "mine\n");
  },
  { skip },
);

scenario(
  "limits",
  async (t, box) => {
    const made = { rootfs: rootfsOf(box), root: box.root };
    const run = (limits: Limits, script: string) => Container.run({ ...made, limits, args: ["sh", "-c", script], buffer: true });
    t.match(await run({ memory: "16m" }, "tail /dev/zero"), {
      exitCode: 137,
      signal: 9,
      oomKilled: true,
      killedBy: "oom",
      timedOut: false,
    });
    t.match((await run({ pids: 4 }, "for i in 1 2 3 4 5 6; do sleep 1 & done; true")).stderr, /fork/);
    t.equal(
      (await run({ tmp: "1m", files: 33 }, "df -k /tmp | tail -1 | tr -s ' ' | cut -d' ' -f2; ulimit -n")).stdout,
      "1024\n33\n",
    );
    const container = await Container.run({
      ...made,
      limits: { cpus: 0.25, memory: "32m", resources: { cpu: { shares: 512 } } },
      args: ["sleep", "1000"],
      stdio: "ignore",
    });
    t.match((await container.stats()).memory.usage, { limit: 32 << 20 });
    await container.delete({ force: true });
    t.equal(await refused(run({ memory: "16m", memoryAndSwap: "8m" }, "true")).then(({ code }) => code), "USAGE");
  },
  { skip },
);

scenario(
  "an overlay of its own, which goes with the container",
  async (t, box) => {
    const rootfs = rootfsOf(box);
    const made = { rootfs, root: box.root, overlay: true };
    const mounts = (): number => readFileSync("/proc/self/mountinfo", "utf8").split("\n").length;
    const before = mounts();
    t.equal(await print(made, "echo mine > /mine; rm /etc/group; ls / | grep -c mine; ls /etc"), "1\npasswd\n");
    t.equal(await print(made, "cat /mine 2>&1 | grep -c 'No such'; cat /etc/group | wc -l"), "1\n3\n");
    t.notOk(existsSync(join(rootfs, "mine")));
    t.match(await print({ ...made, overlay: { size: "1m" } }, "dd if=/dev/zero of=/big bs=64k count=20 2>&1"), /No space/);
    t.match(await print({ ...made, readonly: true }, "touch /mine"), /Read-only/);
    t.equal(await print({ ...made, user: "worker" }, "id -u"), "1234\n");
    const directory = box.folder("layer");
    await print({ ...made, overlay: { directory } }, "echo kept > /kept");
    t.equal(readFileSync(join(directory, "upper/kept"), "utf8"), "kept\n");
    const containers = await Promise.all(
      Array.from({ length: 5 }, (_, at) =>
        Container.run({ ...made, args: ["sh", "-c", `echo ${at} > /number; sleep 1000`], stdio: "ignore" }),
      ),
    );
    const results = await Promise.all(containers.map((container) => container.exec(["cat", "/number"])));
    t.same(
      results.map(({ stdout }) => stdout.trim()),
      ["0", "1", "2", "3", "4"],
    );
    t.equal(mounts(), before, "the host sees none of it");
    await Promise.all(containers.map((container) => container.delete({ force: true })));
    t.equal(spawnSync("ls", [join(box.root, "@overlay/layer/upper")], { encoding: "utf8" }).stdout, "", "nor is anything left");
  },
  { skip },
);

scenario(
  "a whole config, a terminal, check and plan",
  async (t, box) => {
    const rootfs = rootfsOf(box);
    const config = newConfig();
    config.root.path = rootfs;
    config.process.terminal = false;
    config.process.args = ["hostname"];
    config.hostname = "whole";
    const { stdout } = await Container.run({ config, root: box.root, buffer: true });
    t.equal(stdout, "whole\n");
    config.process.cwd = "relative";
    const failure = await refused(Container.run({ config, root: box.root }));
    t.match(failure, {
      code: "CONFIG_INVALID",
      message: /^config: \/process\/cwd: found "relative"/,
      facts: { problems: [{ pointer: "/process/cwd" }] },
    });
    const found = await Container.check({ config, root: box.root });
    t.ok(found.some(({ pointer }) => pointer === "/process/cwd"));
    const steps = await Container.plan({ rootfs, args: ["true"], overlay: true, root: box.root });
    t.ok(steps.some(({ op }) => op === "seccomp"));
    const container = await Container.run({
      rootfs,
      args: ["sh", "-c", "stty size; echo $TERM"],
      terminal: { rows: 11, columns: 22 },
      root: box.root,
    });
    let shown = "";
    for await (const chunk of container.stdout) shown += String(chunk);
    t.equal(shown, "11 22\r\nxterm\r\n");
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "a hostile root has no say in who a user is",
  async (t, box) => {
    const rootfs = rootfsOf(box);
    const passwd = join(rootfs, "etc/passwd");
    const run = (script: string) => {
      spawnSync("sh", ["-c", `rm -rf ${passwd}; ${script}`]);
      return refused(Container.run({ rootfs, root: box.root, user: "worker", args: ["id", "-u"], buffer: true }));
    };
    const outside = box.file("worker:x:0:0::/:/bin/sh\n");
    t.match(await run(`ln -s ${outside} ${passwd}`), { code: "USAGE", message: /no user "worker"/ }, "a link out");
    t.match(await run(`ln -s ../../../../../..${outside} ${passwd}`), { code: "USAGE" }, "a relative one");
    t.match(await run(`mkfifo ${passwd}`), { code: "USAGE" }, "a pipe that nobody writes to");
    t.match(await run(`ln -s passwd ${passwd}`), { code: "USAGE" }, "a loop");
    spawnSync("sh", ["-c", `rm -f ${passwd}; ln -s /etc/there ${passwd}; echo worker:x:44:55:: > ${rootfs}/etc/there`]);
    t.equal(
      (await Container.run({ rootfs, root: box.root, user: "worker", args: ["id", "-u"], buffer: true })).stdout,
      "44\n",
      "a link within",
    );
  },
  { skip },
);

scenario(
  "the seccomp profile allows nothing that docker's does not",
  (t) => {
    const path = "/usr/share/containers/seccomp.json";
    if (!existsSync(path)) {
      t.pass("there is none here to compare with");
      return;
    }
    type Profile = {
      readonly syscalls: readonly {
        readonly names: readonly string[];
        readonly action: string;
        readonly args?: unknown;
        readonly includes?: { readonly caps?: unknown };
      }[];
    };
    const theirs = JSON.parse(readFileSync(path, "utf8")) as Profile;
    const allowed = new Set(
      theirs.syscalls
        .filter(({ action, includes }) => action === "SCMP_ACT_ALLOW" && includes?.caps === undefined)
        .flatMap(({ names }) => names),
    );
    const ours = (defaultSeccomp().syscalls ?? [])
      .filter(({ action }) => action === "SCMP_ACT_ALLOW")
      .flatMap(({ names }) => names);
    // Newer than the profile there; each has no power over anything but the caller.
    const newer = ["futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "map_shadow_stack", "mseal", "fchmodat2"];
    t.same(
      ours.filter((name) => !allowed.has(name) && !newer.includes(name)),
      [],
    );
    for (const name of [
      "ptrace",
      "process_vm_readv",
      "bpf",
      "mount",
      "unshare",
      "setns",
      "keyctl",
      "add_key",
      "userfaultfd",
      "io_uring_setup",
      "perf_event_open",
      "open_by_handle_at",
      "kexec_load",
    ]) {
      t.notOk(ours.includes(name), name);
    }
  },
  { skip },
);
