// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { addNamespaces, CAPABILITY_SETS, removeNamespaces, type Config } from "../harness/config.ts";
import { exec, execSh } from "../harness/exec.ts";
import { helper } from "../harness/helpers.ts";
import { readText, statusField, waitFor } from "../harness/host.ts";
import { KIND, notFor, PROJECT, runtOnly } from "../harness/runtime.ts";

/** The runtime runs on a simulated kernel, see cases/fallbacks. */
const WRAPPED = (process.env["RUNTIME_WRAP"] ?? "") !== "";
const MAPS = [{ containerID: 0, hostID: 100000, size: 65536 }];

void t.test("the table of advisories and the scenarios name the same", async (tt) => {
  const folder = join(PROJECT, "conformance");
  const table = readText(join(folder, "README.md"))
    .split("\n")
    .filter((line) => /^\| (CVE|GHSA)-/.test(line));
  const id = /CVE-\d+-\d+|GHSA(-[0-9a-z]{4}){3}/g;
  const titles = readdirSync(join(folder, "security"))
    .filter((name) => name.endsWith(".test.ts"))
    .flatMap((name) => [...readText(join(folder, "security", name)).matchAll(/scenario\(\s*["`]([^"`]*)/g)])
    .map(([, title]) => title ?? "");
  const sorted = (texts: readonly string[]): string[] => [...new Set(texts.flatMap((text) => text.match(id) ?? []))].sort();
  const listed = sorted(table.map((line) => line.split("|")[1] ?? ""));
  tt.ok(listed.length >= 28, `${listed.length} advisories`);
  tt.same(sorted(titles), listed);
});

/** Root of the container has `capabilities`, may write everywhere, and nothing is hidden. */
function grant(config: Config, ...capabilities: string[]): void {
  config.process.capabilities = { bounding: capabilities, permitted: capabilities, effective: capabilities };
  config.root.readonly = false;
  config.linux.maskedPaths = [];
  config.linux.readonlyPaths = [];
}

/** Files in `folder`, which is made with all directories of theirs. */
function plant(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** Two names that trade places until the function that is returned is called. */
function swapping(box: Box, one: string, other: string): () => Promise<void> {
  const child = spawn(helper("helpers/swap.c"), [one, other], { stdio: "ignore" });
  const ended = new Promise<void>((settle) => child.on("exit", () => settle()));
  box.atClose(() => child.kill("SIGKILL"));
  return () => {
    child.kill("SIGKILL");
    return ended;
  };
}

scenario(
  "CVE-2014-8989: in a user namespace an unprivileged user gets rid of no group",
  (t, box) => {
    const [uid, kept] = [4321, 5555];
    const file = box.file("secret");
    chownSync(file, 0, kept);
    chmodSync(file, 0o604);
    const wrap = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, `--groups=${kept}`];
    mkdirSync(box.root);
    chownSync(box.root, uid, uid);
    const folder = box.folder("spec");
    chownSync(folder, uid, uid);
    t.equal(box.call(["spec", "--rootless", "--bundle", folder], { wrap }).status, 0);
    const config = JSON.parse(readText(join(folder, "config.json"))) as Config;
    config.process.terminal = false;
    config.process.args = ["sh", "-c", "cat /proc/self/setgroups; cat /file || echo denied"];
    config.mounts.push({ destination: "/file", type: "bind", source: file, options: ["bind", "ro"] });
    // runc allows no additional group at all there.
    for (const groups of KIND === "runc" ? [undefined] : [undefined, [0]]) {
      const bundle = box.bundle();
      chownSync(bundle.dir, uid, uid);
      chownSync(bundle.rootfs, uid, uid);
      if (groups !== undefined) config.process.user.additionalGids = groups;
      bundle.write(config);
      const done = box.call(["run", "--bundle", bundle.dir, box.id()], { wrap });
      t.equal(done.stdout, "deny\ndenied\n", done.stderr);
    }
  },
  { skip: WRAPPED ? "an unprivileged user cannot take system calls away without no_new_privs" : false },
);

scenario(
  "CVE-2021-43784: texts and lists of more than 64 KiB forge nothing of what comes behind them",
  (t, box) => {
    const userNamespace = (config: Config): void => {
      addNamespaces(config, "user");
      config.linux.uidMappings = MAPS;
      config.linux.gidMappings = MAPS;
    };
    const show = "cat /proc/self/uid_map; echo ${#1} ${#LONG}; cat /proc/self/oom_score_adj";
    for (const length of [0xfffc, 0xffff, 0x10000, 0x10008, 0x1fff0]) {
      // What a length of 16 bits would leave over, in the form of the message that it comes in.
      const text = "0 0 4294967295\\n".repeat(Math.ceil(length / 16)).slice(0, length);
      const out = box.sh("", (config) => {
        userNamespace(config);
        config.process.args = ["sh", "-c", show, "sh", text];
        config.process.env = ["PATH=/bin", `LONG=${text}`];
        config.process.oomScoreAdj = 77;
      });
      t.equal(out.replaceAll(/ +/g, " "), ` 0 100000 65536\n${length} ${length}\n77\n`, `${length} bytes`);
      const far = box.run((config) => {
        userNamespace(config);
        removeNamespaces(config, "network");
        config.linux.namespaces.push({ type: "network", path: `/${"x".repeat(length)}` });
      });
      t.equal(far.status, 1, `a path of ${length} bytes`);
      t.match(far.stderr, /namespace/);
    }
    t.same(box.leftovers(), []);
  },
  { skip: notFor("runc", "1.1.5 asks the kernel for environment variables that are too long") },
);

scenario(
  "CVE-2022-24769, CVE-2022-27650, CVE-2022-29162, CVE-2025-27612: what the config does not say is not inheritable",
  (t, box) => {
    const container = box.running(
      (config) =>
        void (config.process.capabilities = {
          bounding: ["CAP_KILL", "CAP_CHOWN"],
          permitted: ["CAP_KILL"],
          effective: ["CAP_KILL"],
        }),
    );
    const none = { CapInh: "0".repeat(16), CapAmb: "0".repeat(16) };
    for (const [name, wanted] of Object.entries(none)) t.equal(statusField(container.pid, name), wanted, name);
    for (const flags of [[], ["--cap", "CAP_SYS_ADMIN"], ["--cap", "CAP_SYS_ADMIN", "--user", "1000"]]) {
      const out = execSh(box, container, "grep -E '^Cap(Inh|Amb)' /proc/self/status", flags);
      t.equal(out, `CapInh:\t${none.CapInh}\nCapAmb:\t${none.CapAmb}\n`, flags.join(" "));
    }
  },
);

for (const mounted of [true, false]) {
  scenario(
    `CVE-2023-25809: in a user namespace no cgroup of the host is writable in /sys, ${mounted ? "with" : "without"} a cgroup mount`,
    (t, box) => {
      const attack = `
      grep -c ' /sys' /proc/self/mountinfo
      grep ' /sys' /proc/self/mountinfo | cut -d' ' -f5 | while read d; do
        mkdir $d/made 2> /dev/null && echo made in $d
        for f in cgroup.procs notify_on_release; do test -e $d/$f && echo 0 2> /dev/null > $d/$f && echo wrote $d/$f; done
      done; echo end`;
      for (const own of [true, false]) {
        const done = box.run((config) => {
          config.process.args = ["sh", "-c", attack];
          config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
          config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
          addNamespaces(config, "user", ...(own ? ["cgroup"] : []));
          // A sysfs of its own would need a network namespace: the host's comes instead, with its cgroups.
          removeNamespaces(config, "network", ...(own ? [] : ["cgroup"]));
          config.root.readonly = false;
          if (!mounted) config.mounts = config.mounts.filter(({ type }) => type !== "cgroup");
        });
        t.equal(done.status, 0, done.stderr);
        const [count, ...rest] = done.stdout.trim().split("\n");
        t.ok(Number(count) >= 2, `${count} mounts`);
        t.same(rest, ["end"], `${own ? "with" : "without"} a cgroup namespace`);
      }
    },
    { skip: notFor("runc", "fails to mount a sysfs there") },
  );
}

scenario("CVE-2025-24965: a file that the root has in the place of one that a runtime could write stays as it is", (t, box) => {
  const host = box.file("kept");
  const bundle = box.bundle((config) => {
    config.root.readonly = false;
    config.process.args = ["true"];
  });
  for (const name of [".krun_config.json", ".runt", ".dockerenv", ".containerenv", "config.json", "state.json"]) {
    symlinkSync(`/../../../../../..${host}`, join(bundle.rootfs, name));
  }
  const before = readdirSync(bundle.rootfs);
  t.equal(box.run(bundle).status, 0);
  t.equal(readText(host), "kept");
  t.same(readdirSync(bundle.rootfs), before, "nothing was added to the root");
});

scenario(
  "CVE-2026-30892: exec --user takes numbers only, and all of them",
  (t, box) => {
    const container = box.running((config) => void (config.root.readonly = false));
    t.equal(execSh(box, container, "id -u; id -g", ["--user", "1000:2000"]), "1000\n2000\n");
    for (const user of [
      "1000x",
      "1000 ",
      "0x3e8",
      "1e3",
      "+1000",
      "-1",
      "1000:",
      ":1000",
      "1000:5x",
      "1000:-1",
      "1000:5:6",
      "4294967295",
      "4294967296",
      "18446744073709551616",
      "root",
      ":",
    ]) {
      const done = exec(box, container, ["sh", "-c", "id -u > /ran"], ["--user", user]);
      t.not(done.status, 0, user);
      t.match(done.stderr, /user|uid|gid/, user);
      t.notOk(existsSync(join(container.bundle.rootfs, "ran")), `${user}: nothing ran`);
    }
  },
  { skip: runtOnly("takes some of them") },
);

const RACE_ROUNDS = WRAPPED ? 10 : 25;

for (const proc of ["/proc", "//proc/"])
  scenario(
    `GHSA-3q8j-pf29-vwv8: ${proc} trades places with a directory of the image while paths are hidden in it`,
    async (t, box) => {
      // Whatever the race leads to, the real procfs has everything hidden, by whatever name it can be reached.
      const look = `
    for d in /proc /fake; do cd $d; test -e self/status || continue
      echo real; wc -c < sys/kernel/ostype; echo changed 2> /dev/null > sys/kernel/hostname && echo written
      ls fs 2> /dev/null | wc -l
    done`;
      let came = 0;
      for (let round = 0; round < RACE_ROUNDS; round += 1) {
        const bundle = box.bundle((config) => {
          for (const mount of config.mounts) if (mount.destination === "/proc") mount.destination = proc;
          config.linux.maskedPaths = [`${proc}/sys/kernel/ostype`, `${proc}/fs`];
          config.linux.readonlyPaths = [`${proc}/sys`];
          config.process.args = ["sh", "-c", look];
        });
        const fake = join(bundle.rootfs, "fake");
        plant(fake, { "sys/kernel/ostype": "fake", "sys/kernel/hostname": "fake", "fs/x": "" });
        const stop = swapping(box, join(bundle.rootfs, "proc"), fake);
        let out: string | undefined;
        try {
          const container = box.create(bundle);
          await stop();
          out = container.finish();
        } catch (error) {
          // A directory that changed under its hands may be an error.
          t.match(String(error), /proc/);
          await stop();
        }
        if (out === undefined) continue;
        came += 1;
        t.match(out, /^(real\n0\n0\n)+$/, `round ${round}`);
      }
      t.comment(`${came} of ${RACE_ROUNDS} came through`);
      t.ok(came > 0, "some came through");
    },
    { skip: runtOnly("has no defence"), timeout: 120_000 },
  );

scenario(
  "GHSA-3q8j-pf29-vwv8: a hidden path trades places with a link to another while it is hidden",
  async (t, box) => {
    for (let round = 0; round < RACE_ROUNDS; round += 1) {
      const bundle = box.bundle((config) => {
        config.root.readonly = false;
        config.linux.maskedPaths = ["/secret/spot"];
        config.linux.readonlyPaths = ["/fixed/spot"];
        config.process.args = ["sh", "-c", "cat /etc/hostile; touch /tmp/made; ls /tmp"];
      });
      plant(bundle.rootfs, { "secret/spot": "secret", "fixed/spot/x": "", "etc/hostile": "kept\n" });
      mkdirSync(join(bundle.rootfs, "tmp"), { recursive: true });
      const host = box.folder("outside");
      symlinkSync(`/../../../../../../..${host}`, join(bundle.rootfs, "secret/other"));
      symlinkSync(`/../../../../../../..${host}`, join(bundle.rootfs, "fixed/other"));
      const stops = ["secret", "fixed"].map((name) =>
        swapping(box, join(bundle.rootfs, name, "spot"), join(bundle.rootfs, name, "other")),
      );
      const done = box.run(bundle);
      for (const stop of stops) await stop();
      t.equal(done.status, 0, done.stderr);
      t.equal(done.stdout, "kept\nmade\n");
      writeFileSync(join(host, "still"), "writable");
      t.equal(readText(join(host, "still")), "writable", "the host's directory is as it was");
    }
  },
  { timeout: 120_000 },
);

// In no list: found here. The same where not /proc itself is moved, but a directory above a mount of any kind.
for (const kind of ["volume", "procfs", "link"] as const) {
  scenario(
    `GHSA-3q8j-pf29-vwv8: the directory above a mount (${kind}) trades places while paths are hidden, and more is mounted, in it`,
    async (t, box) => {
      let came = 0;
      for (let round = 0; round < RACE_ROUNDS; round += 1) {
        const volume = box.folder("volume");
        plant(volume, { secret: "SECRET", "fixed/x": "", "covered/secret": "SECRET" });
        const bundle = box.bundle((config) => {
          config.root.readonly = false;
          const look =
            kind === "procfs"
              ? "for d in /x/vol /y/vol; do cd $d; test -e self/status || continue; echo real; wc -c < sys/kernel/ostype; echo a 2> /dev/null > sys/kernel/hostname && echo written; done; true"
              : "for d in /x/vol /y/vol /z/vol; do cat $d/secret $d/covered/secret 2> /dev/null; touch $d/fixed/made 2> /dev/null; done; echo end";
          config.process.args = ["sh", "-c", look];
          if (kind === "procfs") {
            config.mounts.push({ destination: "/x/vol", type: "proc", source: "proc" });
            config.linux.maskedPaths?.push("/x/vol/sys/kernel/ostype");
            config.linux.readonlyPaths?.push("/x/vol/sys");
          } else {
            const base = kind === "link" ? "/to-x" : "/x";
            config.mounts.push({ destination: `${base}/vol`, type: "bind", source: volume, options: ["rbind"] });
            config.mounts.push({ destination: `${base}/vol/covered`, type: "tmpfs", source: "tmpfs" });
            config.linux.maskedPaths?.push(`${base}/vol/secret`);
            config.linux.readonlyPaths?.push(`${base}/vol/fixed`);
          }
        });
        for (const name of ["x/vol", "y/vol"])
          plant(join(bundle.rootfs, name), { secret: "", "sys/kernel/ostype": "", "sys/kernel/hostname": "", "covered/x": "" });
        for (const name of ["x", "y"]) mkdirSync(join(bundle.rootfs, name, "vol/fixed"));
        symlinkSync("x", join(bundle.rootfs, "to-x"));
        const stop = swapping(box, join(bundle.rootfs, "x"), join(bundle.rootfs, "y"));
        let out: string | undefined;
        try {
          const container = box.create(bundle);
          // The names stand still while the program looks, or it would find the mount under neither.
          await stop();
          out = container.finish();
        } catch (error) {
          t.match(String(error), /\/x|mount/, "a directory that changed under its hands may be an error");
          await stop();
        }
        if (out === undefined) continue;
        came += 1;
        if (kind === "procfs") t.match(out, /^(real\n0\n)+$/, `round ${round}`);
        else t.equal(out, "end\n", `round ${round}`);
        t.same(readdirSync(join(volume, "fixed")), ["x"], "nothing was written to what is read-only");
      }
      t.comment(`${came} of ${RACE_ROUNDS} came through`);
      t.ok(came > 0, "some came through");
    },
    { skip: runtOnly("has no defence"), timeout: 120_000 },
  );
}

scenario(
  "paths are hidden in a mount that a link leads to, and in one that covers it",
  (t, box) => {
    const volume = (text: string): string => {
      const folder = box.folder("volume");
      plant(folder, { secret: text, "sub/secret": text });
      return folder;
    };
    const look = "for f in /x/secret /y/secret /x/sub/secret; do cat $f 2> /dev/null; done; echo end";
    const bound = (destination: string, source: string) => ({ destination, type: "bind", source, options: ["rbind"] });
    const cases: [string, string[], string[], string][] = [
      ["a link to the place", ["/x"], ["/x/secret", "/y/sub"], "end\n"],
      ["covered under its own name", ["/x", "/y"], ["/x/secret", "/x/sub/secret"], "end\n"],
      ["covered by one above", ["/x", "/"], ["/x/secret", "/y/sub/secret"], "end\n"],
      ["a link, then its place again", ["/y", "/x", "/y"], ["/x/secret", "/y/sub/secret"], "end\n"],
    ];
    for (const [name, destinations, masked, wanted] of cases) {
      const bundle = box.bundle((config) => {
        config.root.readonly = false;
        config.process.args = ["sh", "-c", look];
        config.linux.maskedPaths = masked;
      });
      mkdirSync(join(bundle.rootfs, "y"));
      symlinkSync("y", join(bundle.rootfs, "x"));
      const config = JSON.parse(readText(join(bundle.dir, "config.json"))) as Config;
      const first = config.mounts;
      config.mounts = [];
      for (const [index, destination] of destinations.entries()) {
        if (destination === "/") {
          const root = box.path("root");
          cpSync(bundle.rootfs, root, { recursive: true, verbatimSymlinks: true });
          plant(join(root, "y"), { secret: "ROOT", "sub/secret": "ROOT" });
          config.mounts.push(bound("/", root));
        } else config.mounts.push(bound(destination, volume(`SECRET${index}`)));
      }
      config.mounts.push(...first);
      bundle.write(config);
      const done = box.run(bundle);
      t.equal(done.stdout, wanted, `${name}: ${done.stderr}`);
    }
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("refuses a mount on /") },
);

scenario(
  "thousands of mounts, each in another or beside it: the time is linear, and RLIMIT_NOFILE is far away",
  (t, box) => {
    const layouts: Readonly<Record<string, (index: number) => string>> = {
      beside: (index) => `/m/${index}`,
      pairs: (index) => `/m/${index >> 1}${index % 2 === 0 ? "" : "/in"}`,
    };
    for (const [name, place] of Object.entries(layouts)) {
      const done = box.run(
        (config) => {
          config.process.args = ["sh", "-c", "grep -c ' /m/' /proc/mounts"];
          config.process.rlimits = [];
          config.root.readonly = false;
          config.mounts.push({ destination: "/m", type: "tmpfs", source: "tmpfs" });
          for (let index = 0; index < 1500; index += 1)
            config.mounts.push({ destination: place(index), type: "tmpfs", source: "tmpfs" });
          config.linux.maskedPaths?.push("/m/7/secret");
        },
        [],
        { wrap: ["prlimit", "--nofile=256"] },
      );
      t.equal(done.stdout, "1500\n", `${name}: ${done.stderr}`);
    }
  },
  { skip: runtOnly("slower"), timeout: 120_000 },
);

// In no list: found here. A process that joins needs a procfs; a link of the image can lead through its descriptor.
for (const user of [false, true]) {
  scenario(
    `CVE-2024-21626, for programs: exec of a link through init's descriptors ${user ? "to a container of the same user namespace" : "to a process of the host"}`,
    (t, box) => {
      const container = box.running((config) => {
        grant(config, "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN");
        if (!user) return;
        addNamespaces(config, "user");
        config.linux.uidMappings = MAPS;
        config.linux.gidMappings = MAPS;
      });
      const victim = user
        ? box.running((config) => void config.linux.namespaces.push({ type: "user", path: `/proc/${container.pid}/ns/user` }))
        : spawn("sleep", ["1000"], { stdio: "ignore" });
      if (!("bundle" in victim)) box.atClose(() => victim.kill("SIGKILL"));
      t.ok(waitFor(() => readText(`/proc/${victim.pid}/comm`) === "sleep\n"));
      if (user) {
        const inside = `/proc/${victim.pid}/root/bin/busybox`;
        const enter = ["nsenter", "--user", `--target=${container.pid}`, "test", "-e", inside];
        t.equal(spawnSync(enter[0] ?? "", enter.slice(1)).status, 0, "who sees that process gets to its root");
      }
      const { rootfs } = container.bundle;
      for (let number = 3; number <= 20; number += 1) {
        const way = `/proc/self/fd/${number}/${victim.pid}/root`;
        symlinkSync(`${way}/bin/busybox`, join(rootfs, `bin/link${number}`));
        writeFileSync(join(rootfs, `bin/script${number}`), `#!${way}/bin/busybox cat\n`, { mode: 0o755 });
        for (const program of [`link${number}`, `script${number}`, `${way}/bin/busybox`]) {
          const done = exec(box, container, [program.startsWith("/") ? program : `/bin/${program}`, "cat", "/proc/self/comm"]);
          t.equal(done.status, 255, `${program}: ${done.output}`);
          // It is not even told whether there is such a file.
          t.match(done.stderr, /no such file|not a directory|permission denied/, program);
        }
        const done = exec(box, container, ["/bin/pwd"], ["--cwd", way]);
        t.not(done.status, 0, `--cwd ${way}`);
      }
    },
    { skip: notFor("runc", "1.1.5 is older than the fix") },
  );
}

scenario("the program of a container is a link through init's descriptors", (t, box) => {
  const caps = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"];
  for (let number = 3; number <= 20; number += 1) {
    const bundle = box.bundle((config) => {
      config.process.capabilities = {};
      for (const set of CAPABILITY_SETS) config.process.capabilities[set] = caps;
      config.process.args = ["/bin/lead", "cat", "/etc/debian_version"];
    });
    symlinkSync(`/proc/self/fd/${number}/bin/busybox`, join(bundle.rootfs, "bin/lead"));
    const done = box.run(bundle);
    t.equal(done.status === 0 ? done.stdout : "", "", `descriptor ${number}`);
    t.notMatch(done.stdout, /\d/, "the host's file is not read");
  }
  t.same(box.leftovers(), []);
});
