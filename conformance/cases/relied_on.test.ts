// SPDX-License-Identifier: Apache-2.0
/** What the specification leaves open, and callers of runc rely on. */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "../harness/box.ts";
import { CAPABILITY_SETS } from "../harness/config.ts";
import { isAlive, openFiles, readText, waitFor } from "../harness/host.ts";
import { KIND, notFor, RUNTIME, runtOnly } from "../harness/runtime.ts";

/** The words of a tmpfs mount. */
const tmpfs = (destination: string, ...options: string[]) => ({ destination, type: "tmpfs", source: "tmpfs", options });

scenario("tmpfs: the mode is that of the directory that it covers, or the option's", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["stat", "-c", "%a", "/covered", "/asked", "/new"];
    config.mounts.push(tmpfs("/covered"), tmpfs("/asked", "mode=0500"), tmpfs("/new"));
  });
  for (const name of ["covered", "asked"]) {
    mkdirSync(join(bundle.rootfs, name));
    chmodSync(join(bundle.rootfs, name), 0o3710);
  }
  // runc 1.1 forgets the option.
  t.equal(box.run(bundle).stdout, `3710\n${KIND === "runc" ? "3710" : "500"}\n1777\n`);
});

scenario(
  "maskedPaths: a path that is listed twice is mounted once",
  (t, box) => {
    const out = box.sh("grep -c ' /secret ' /proc/self/mountinfo", (config) => {
      config.mounts.push(tmpfs("/secret"));
      config.linux.maskedPaths = ["/secret", "/proc/acpi", "/secret"];
    });
    t.equal(out, "2\n", "the tmpfs and what hides it");
  },
  { skip: notFor("runc", "1.1 mounts it twice") },
);

scenario("a created container holds no descriptor of what it has hidden", (t, box) => {
  const { pid } = box.create((config) => {
    config.linux.maskedPaths = ["/proc/acpi", "/proc/keys"];
  });
  const targets = openFiles(pid);
  t.same(
    targets.filter((target) => target.startsWith("/proc/") && !target.startsWith("/proc/1/")),
    [],
  );
  t.same(
    targets.filter((target) => target.startsWith("/sys")),
    [],
  );
});

scenario(
  "a device rule: letters of the access that are none are ignored, and the others hold",
  (t, box) => {
    const out = box.sh("true </dev/fuse && echo read; true 2>/dev/null >/dev/fuse && echo written; true", (config) => {
      const fuse = { type: "c", major: 10, minor: 229 } as const;
      config.linux.devices = [{ path: "/dev/fuse", ...fuse, fileMode: 0o666 }];
      config.linux.resources = {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, ...fuse, access: "ra" },
        ],
      };
    });
    t.equal(out, "read\n");
  },
  { skip: !existsSync("/dev/fuse") && "needs /dev/fuse" },
);

for (const signal of ["HUP", "INT", "TERM"]) {
  scenario(`a created container is ended by SIG${signal}`, (t, box) => {
    const container = box.create(() => undefined);
    t.equal(container.kill(signal).status, 0);
    container.until("stopped");
    t.pass();
  });
}

scenario(
  "the process may use every CPU, whatever the caller of the runtime is bound to",
  (t, box) => {
    const read = "grep Cpus_allowed_list /proc/self/status";
    const allowed = spawnSync("sh", ["-c", read], { encoding: "utf8" }).stdout;
    const out = box.sh(read, () => undefined, { wrap: ["taskset", "-c", "0"] });
    t.equal(out, allowed);
  },
  { skip: notFor("runc", "1.1 hands the caller's CPUs on") },
);

scenario(
  "a file that only its owner may execute, and CAP_DAC_OVERRIDE",
  (t, box) => {
    const attempt = (more: readonly string[]) => {
      const bundle = box.bundle((config) => {
        config.process.args = ["/bin/mine"];
        config.process.user = { uid: 1000, gid: 1000 };
        config.process.capabilities = Object.fromEntries(CAPABILITY_SETS.map((set) => [set, [...more]]));
      });
      const path = join(bundle.rootfs, "bin/mine");
      writeFileSync(path, "#!/bin/sh\necho ran\n");
      chmodSync(path, 0o744);
      chownSync(path, 0, 0);
      return box.run(bundle);
    };
    t.match(attempt([]).stderr, /permission denied/);
    t.equal(attempt(["CAP_DAC_OVERRIDE"]).stdout, "ran\n");
  },
  { skip: notFor("runc", "1.1 asks for the real ids' rights") },
);

scenario(
  "kill KILL of a container without pid namespace whose first process is gone",
  (t, box) => {
    const container = box.running((config) => {
      config.process.args = ["sh", "-c", "sleep 1000 & echo $! > /started; wait"];
      config.root.readonly = false;
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    });
    const started = join(container.bundle.rootfs, "started");
    t.ok(waitFor(() => existsSync(started) && readText(started) !== ""));
    const child = Number(readText(started));
    process.kill(container.pid, "SIGKILL");
    container.until("stopped");
    t.ok(isAlive(child));
    t.equal(container.kill("KILL").status, 0);
    t.ok(
      waitFor(() => !isAlive(child)),
      "the process that it had left is gone",
    );
    t.match(container.kill("KILL").stderr, "container not running", "and then there is nothing left to kill");
  },
  { skip: notFor("runc", "1.1 says that the container does not run") },
);

scenario(
  "a failing hook: its number, then why",
  (t, box) => {
    const result = box.tryCreate(
      box.bundle((config) => {
        config.hooks = { createRuntime: [{ path: "/bin/true" }, { path: "/bin/false" }] };
      }),
    );
    t.not(result.status, 0);
    t.match(result.stderr, /error running createRuntime hook #1: .*exit status 1/);
  },
  { skip: notFor("runc", "1.1 has another text") },
);

scenario("a hook that a signal ends: the signal's name", (t, box) => {
  const result = box.tryCreate(
    box.bundle((config) => {
      config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "kill -SYS $$"] }] };
    }),
  );
  t.match(result.stderr, /signal: bad system call/);
});

scenario(
  "a startContainer hook without an environment has the process's, with a HOME",
  (t, box) => {
    const out = box.sh("cat /log", (config) => {
      config.root.readonly = false;
      config.process.env = ["PATH=/bin", "ONE=two"];
      config.hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "echo $ONE $HOME > /log"] }] };
    });
    t.equal(out, "two /root\n");
  },
  { skip: notFor("runc", "1.1 runs it without HOME") },
);

scenario("/proc that is a symbolic link in the image", (t, box) => {
  const bundle = box.bundle();
  if (existsSync(join(bundle.rootfs, "proc"))) spawnSync("rmdir", [join(bundle.rootfs, "proc")]);
  symlinkSync("/elsewhere", join(bundle.rootfs, "proc"));
  const result = box.run(bundle);
  t.not(result.status, 0);
  t.match(result.stderr, /must be mounted on ordinary directory/);
});

scenario(
  "an ambient capability that is not inheritable: a warning",
  (t, box) => {
    const result = box.run((config) => {
      config.process.args = ["grep", "CapAmb", "/proc/self/status"];
      config.process.capabilities = {
        ...config.process.capabilities,
        permitted: ["CAP_KILL", "CAP_CHOWN"],
        inheritable: ["CAP_KILL"],
        ambient: ["CAP_KILL", "CAP_CHOWN"],
      };
    });
    t.match(result.stderr, /can't raise ambient capability CAP_CHOWN: /);
    t.match(result.stdout, /^CapAmb:\t0*20$/m);
  },
  { skip: notFor("runc", "1.1 leaves it out without a word") },
);

scenario(
  "exec --cgroup of a cgroup that is not there",
  (t, box) => {
    const container = box.running();
    const result = box.call(["exec", "--cgroup", "none", container.id, "true"]);
    t.not(result.status, 0);
    t.match(result.stderr, /exec failed: .*adding pid \d+ to cgroups: .*no such file or directory/);
  },
  { skip: notFor("runc", "1.1 has another text") },
);

scenario(
  "--debug tells the way that a process takes",
  (t, box) => {
    const ran = box.call([
      "--debug",
      "run",
      "--bundle",
      box.bundle((config) => {
        config.process.args = ["true"];
      }).dir,
      box.id(),
    ]);
    for (const words of ["nsexec container setup", "child process in init()", "init: closing the pipe"]) {
      t.match(ran.stderr, words);
    }
    const container = box.running();
    const process = JSON.stringify({ args: ["true"], cwd: "/", execCPUAffinity: { initial: "0" } });
    const file = box.file(process, "process.json");
    const entered = box.call(["--debug", "exec", "--process", file, container.id]);
    t.equal(entered.status, 0, entered.output);
    for (const words of ["nsexec container setup", ": affinity: 0x1", "setns_init: about to exec"]) {
      t.match(entered.stderr, words);
    }
  },
  { skip: notFor("runc", "1.1 has other words") },
);

scenario(
  "a link with the name runc: that is what the program then calls itself",
  (t, box) => {
    const link = join(box.folder("link"), "runc");
    symlinkSync(RUNTIME, link);
    const call = (...args: string[]) => spawnSync(link, args, { encoding: "utf8" });
    t.match(call("--version").stdout, /^runc version \d+\.\d+\.\d+/);
    t.match(call("--help").stdout, /^NAME:\n   runc - /);
    t.match(call("state", "--help").stdout, /^NAME:\n   runc state - /);
    t.match(call("--root", box.dir, "run", "-b", box.folder(), box.id()).stderr, "runc run failed: ");
    t.match(call("state").stderr, /msg="runc: \\"state\\" requires exactly 1 argument\(s\)"/);
    const bundle = box.bundle((config) => void (config.process.terminal = true));
    const run = (...flags: string[]) => call("--root", box.dir, "run", "-b", bundle.dir, ...flags, box.id()).stderr;
    t.match(run("-d"), "cannot allocate tty if runc will detach without setting console socket");
    t.match(run("--console-socket", "/none"), "cannot use console socket if runc will not detach or allocate tty");
  },
  { skip: runtOnly("is what it is called") },
);
