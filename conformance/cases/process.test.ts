// SPDX-License-Identifier: Apache-2.0
import { chmodSync, chownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "../harness/box.ts";
import { addNamespaces, CAPABILITY_SETS, type CapabilitySet, type Config } from "../harness/config.ts";
import { readText } from "../harness/host.ts";
import { IS_RUNT, notFor, runtOnly } from "../harness/runtime.ts";

/** Numbers of linux/capability.h. */
const CAPABILITIES: Readonly<Record<string, bigint>> = {
  CAP_CHOWN: 0n,
  CAP_KILL: 5n,
  CAP_SETUID: 7n,
  CAP_NET_BIND_SERVICE: 10n,
  CAP_NET_RAW: 13n,
  CAP_SYS_CHROOT: 18n,
  CAP_SYS_ADMIN: 21n,
  CAP_MKNOD: 27n,
  CAP_AUDIT_WRITE: 29n,
};

const FIELDS: Readonly<Record<CapabilitySet, string>> = {
  bounding: "CapBnd",
  effective: "CapEff",
  permitted: "CapPrm",
  inheritable: "CapInh",
  ambient: "CapAmb",
};

function mask(names: readonly string[]): string {
  let bits = 0n;
  for (const name of names) bits |= 1n << (CAPABILITIES[name] ?? 63n);
  return bits.toString(16).padStart(16, "0");
}

function field(text: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(text)?.[1] ?? `no ${name}`;
}

const STATUS = "cat /proc/self/status";

scenario(
  "ociVersion: each version of the specification since 1.0",
  (t, box) => {
    for (const version of ["1.0.0", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0"]) {
      const container = box.create((config) => {
        config.ociVersion = version;
        config.process.args = ["true"];
      });
      t.match(container.state().ociVersion, /^1\.\d+\.\d+/, version);
      container.finish();
    }
  },
  { proves: ["ociVersion"] },
);

scenario(
  "ociVersion: one of a later major is an error, a version that is none a warning",
  (t, box) => {
    for (const [version, status, level] of [
      ["2.0.0", 1, "error"],
      ["10.1.0-rc.1", 1, "error"],
      ["1", 0, "warning"],
      ["one", 0, "warning"],
      ["", 0, "warning"],
    ] as const) {
      const done = box.run((config) => {
        config.ociVersion = version;
        config.process.args = ["true"];
      });
      t.equal(done.status, status, version);
      t.match(done.stderr, new RegExp(`level=${level} .*ociVersion`), version);
    }
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("takes any text") },
);

scenario(
  "user: uid, gid and additionalGids",
  (t, box) => {
    const out = box.sh("cat /proc/self/status; id -u; id -g; id -G", (config) => {
      config.process.user = { uid: 1000, gid: 1001, additionalGids: [5, 1002, 2000000000] };
    });
    t.match(field(out, "Uid"), /^1000\s+1000\s+1000\s+1000$/);
    t.match(field(out, "Gid"), /^1001\s+1001\s+1001\s+1001$/);
    t.equal(field(out, "Groups").trim(), "5 1002 2000000000");
  },
  { proves: ["process.user.uid", "process.user.gid", "process.user.additionalGids"] },
);

scenario("user: no additionalGids means no supplementary groups", (t, box) => {
  t.equal(field(box.sh(STATUS), "Groups").trim(), "");
});

scenario(
  "user: the annotation run.oci.keep_original_groups keeps the caller's groups",
  (t, box) => {
    const out = box.sh(
      STATUS,
      (config) => {
        config.annotations = { "run.oci.keep_original_groups": "1" };
        config.process.user = { uid: 1000, gid: 1001, additionalGids: [5] };
      },
      { wrap: ["setpriv", "--groups", "4242,4343"] },
    );
    t.equal(field(out, "Groups").trim(), "4242 4343");
  },
  { skip: notFor("runc", "is an annotation of crun's") },
);

scenario(
  "user: umask, and 0022 if there is none",
  (t, box) => {
    for (const [umask, wanted] of [
      [0o27, "0027"],
      [0, "0000"],
      [undefined, "0022"],
    ] as const) {
      const out = box.sh("umask; touch /dev/shm/f; stat -c %a /dev/shm/f", (config) => {
        config.process.user = { uid: 0, gid: 0, ...(umask === undefined ? {} : { umask }) };
      });
      const mode = (0o666 & ~Number.parseInt(wanted, 8)).toString(8);
      t.equal(out, `${wanted}\n${mode}\n`);
    }
  },
  { proves: ["process.user.umask"] },
);

scenario(
  "args and env arrive as they are",
  (t, box) => {
    const args = ["sh", "-c", 'for a in "$@"; do echo "<$a>"; done', "zero"];
    const odd = ["", "two words", "new\nline", "ünï", '"quoted"', "*"];
    const done = box.run((config) => {
      config.process.args = [...args, ...odd];
    });
    t.equal(done.stdout, odd.map((each) => `<${each}>\n`).join(""));
    const env = ["PATH=/bin", "A=1=2", "EMPTY=", "HOME=/somewhere", "NAME=ü"];
    const shown = box.run((config) => {
      config.process.args = ["env"];
      config.process.env = env;
    });
    t.same(shown.stdout.trim().split("\n").sort(), env.sort());
  },
  { proves: ["process.args", "process.env"] },
);

scenario("HOME comes from /etc/passwd if env has none", (t, box) => {
  t.equal(box.sh("echo $HOME"), "/root\n");
  const out = box.sh("echo $HOME", (config) => void (config.process.user = { uid: 1000, gid: 1000 }));
  t.equal(out, "/home/user\n");
});

scenario("the environment of the runtime does not get in", (t, box) => {
  const out = box.sh("env", () => undefined, { env: { SECRET_OF_HOST: "1", LD_PRELOAD: "" } });
  t.notMatch(out, /SECRET_OF_HOST|LD_PRELOAD|RUNT|BUN|_LIBCONTAINER/);
});

scenario(
  "cwd",
  (t, box) => {
    t.equal(
      box.sh("pwd", (config) => void (config.process.cwd = "/home/user")),
      "/home/user\n",
    );
  },
  { proves: ["process.cwd"] },
);

scenario(
  "cwd: one that is missing is made",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.cwd = "/not/there/yet";
      config.process.args = ["sh", "-c", "pwd; stat -c %a ."];
    });
    t.equal(box.run(bundle).stdout, "/not/there/yet\n755\n");
  },
  { proves: ["process.cwd"] },
);

scenario("cwd: a path that is not absolute, or is a file, is an error", (t, box) => {
  for (const cwd of ["home", "/etc/passwd"]) {
    const done = box.run((config) => void (config.process.cwd = cwd));
    t.equal(done.status, 1, cwd);
    t.match(done.stderr, /cwd|\/etc\/passwd|chdir/i, cwd);
  }
  t.same(box.leftovers(), []);
});

scenario("cwd: one that only root may enter is no obstacle for another user, as with runc", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.cwd = "/root";
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.args = ["id", "-u"];
  });
  chmodSync(join(bundle.rootfs, "root"), 0o700);
  t.equal(box.run(bundle).stdout, "1000\n");
});

/** With users of the host that the container does not have, root of the container is no more than others. */
function ownUsers(config: Config, user: number): void {
  addNamespaces(config, "user");
  config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  config.process.cwd = "/private";
  config.process.user = { uid: user, gid: user };
  config.process.args = ["pwd"];
}

for (const [user, status] of [
  [1000, 0],
  [1001, 1],
] as const) {
  scenario(`cwd: one that only user 1000 may enter is ${status === 0 ? "entered" : "an error"} with user ${user}`, (t, box) => {
    const bundle = box.bundle((config) => ownUsers(config, user));
    const folder = join(bundle.rootfs, "private");
    mkdirSync(folder);
    chownSync(folder, 0, 101000);
    chmodSync(folder, 0o750);
    const done = box.run(bundle);
    t.equal(done.status, status, done.stderr);
    if (status === 0) t.equal(done.stdout, "/private\n");
    else t.match(done.stderr, /cwd.*permission denied/i);
    t.same(box.leftovers(), []);
  });
}

scenario("no args at all is an error", (t, box) => {
  const done = box.run((config) => void (config.process.args = []));
  t.equal(done.status, 1);
  t.match(done.stderr, /args/i);
  t.same(box.leftovers(), []);
});

scenario(
  "each of the five capability sets",
  (t, box) => {
    const sets: Partial<Record<CapabilitySet, string[]>> = {
      bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_MKNOD"],
      permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
      effective: ["CAP_CHOWN", "CAP_KILL"],
      inheritable: ["CAP_KILL", "CAP_NET_RAW"],
      ambient: ["CAP_KILL"],
    };
    for (const uid of [0, 1000]) {
      const out = box.sh(STATUS, (config) => {
        config.process.user = { uid, gid: uid };
        config.process.capabilities = sets;
        config.process.noNewPrivileges = false;
      });
      t.equal(field(out, "CapBnd"), mask(sets.bounding ?? []), `bounding of ${uid}`);
      t.equal(field(out, "CapInh"), mask(sets.inheritable ?? []), `inheritable of ${uid}`);
      t.equal(field(out, "CapAmb"), mask(sets.ambient ?? []), `ambient of ${uid}`);
      // execve of a user that is not root keeps the ambient set alone; root gets inheritable and bounding.
      const kept = uid === 0 ? (sets.bounding ?? []) : (sets.ambient ?? []);
      t.equal(field(out, "CapPrm"), mask(kept), `permitted of ${uid}`);
      t.equal(field(out, "CapEff"), mask(kept), `effective of ${uid}`);
    }
  },
  {
    proves: ["bounding", "inheritable", "permitted", "ambient"].map((set) => `process.capabilities.${set}`),
  },
);

scenario(
  "effective capabilities hold when the program is executed",
  (t, box) => {
    for (const effective of [true, false]) {
      const bundle = box.bundle((config) => {
        config.process.args = ["/closed/echo", "reached"];
        config.process.user = { uid: 1000, gid: 1000 };
        const own = ["CAP_DAC_READ_SEARCH"];
        config.process.capabilities = { bounding: own, permitted: own, ...(effective ? { effective: own } : {}) };
      });
      mkdirSync(join(bundle.rootfs, "closed"), { mode: 0o700 });
      symlinkSync("/bin/busybox", join(bundle.rootfs, "closed/echo"));
      const done = box.run(bundle);
      t.equal(done.stdout, effective ? "reached\n" : "", done.stderr);
    }
  },
  { proves: ["process.capabilities.effective"] },
);

scenario("no capabilities at all", (t, box) => {
  for (const capabilities of [{}, undefined]) {
    const out = box.sh(STATUS, (config) => {
      if (capabilities === undefined) delete config.process.capabilities;
      else config.process.capabilities = capabilities;
    });
    for (const set of CAPABILITY_SETS) t.equal(field(out, FIELDS[set]), mask([]), set);
  }
});

scenario("the capabilities of the default config", (t, box) => {
  const out = box.sh(STATUS);
  const three = mask(["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]);
  for (const set of ["bounding", "effective", "permitted"] as const) t.equal(field(out, FIELDS[set]), three, set);
});

scenario("a capability that does not exist, or cannot be granted, is a warning", (t, box) => {
  const done = box.run((config) => {
    const names = ["CAP_KILL", "CAP_OF_NOTHING"];
    config.process.capabilities = { bounding: names, permitted: names, effective: names };
    config.process.args = ["cat", "/proc/self/status"];
  });
  t.equal(done.status, 0, done.stderr);
  t.equal(field(done.stdout, "CapBnd"), mask(["CAP_KILL"]));
  t.match(done.stderr, /warn.*CAP_OF_NOTHING/i);
});

scenario(
  "noNewPrivileges true and false",
  (t, box) => {
    for (const value of [true, false]) {
      const out = box.sh(STATUS, (config) => void (config.process.noNewPrivileges = value));
      t.equal(field(out, "NoNewPrivs"), value ? "1" : "0");
    }
  },
  { proves: ["process.noNewPrivileges"] },
);

/** Each type, how /proc/PID/limits shows it, and a soft and a hard limit that every caller may set. */
const RLIMITS: readonly (readonly [type: string, shown: string, soft: number, hard: number])[] = [
  ["AS", "Max address space", 1 << 29, 1 << 30],
  ["CORE", "Max core file size", 0, 1024],
  ["CPU", "Max cpu time", 100, 200],
  ["DATA", "Max data size", 1 << 28, 1 << 29],
  ["FSIZE", "Max file size", 4096, 8192],
  ["LOCKS", "Max file locks", 10, 20],
  ["MEMLOCK", "Max locked memory", 4096, 8192],
  ["MSGQUEUE", "Max msgqueue size", 1000, 2000],
  ["NICE", "Max nice priority", 0, 0],
  ["NOFILE", "Max open files", 100, 200],
  ["NPROC", "Max processes", 1000, 2000],
  ["RSS", "Max resident set", 1 << 28, 1 << 29],
  ["RTPRIO", "Max realtime priority", 0, 0],
  ["RTTIME", "Max realtime timeout", 5000, 6000],
  ["SIGPENDING", "Max pending signals", 50, 60],
  ["STACK", "Max stack size", 1 << 20, 1 << 21],
];

scenario(
  "rlimits: each type",
  (t, box) => {
    const container = box.running((config) => {
      config.process.rlimits = RLIMITS.map(([type, , soft, hard]) => ({ type: `RLIMIT_${type}`, soft, hard }));
    });
    const limits = readText(`/proc/${container.pid}/limits`);
    for (const [type, shown, soft, hard] of RLIMITS) t.match(limits, new RegExp(`^${shown} +${soft} +${hard} `, "m"), type);
  },
  { proves: ["process.rlimits"] },
);

scenario("rlimits that are not listed are those of the caller", (t, box) => {
  const out = box.sh("cat /proc/self/limits", (config) => void delete config.process.rlimits, {
    wrap: ["prlimit", "--nofile=333:444", "--stack=1048576:2097152"],
  });
  // Go raises the soft limit of its own process, and runc 1.1 hands that down.
  t.match(out, IS_RUNT ? /Max open files\s+333\s+444/ : /Max open files\s+\d+\s+444/);
  t.match(out, /Max stack size\s+1048576\s+2097152/);
});

scenario(
  "rlimits: the unlimited value, 2^64-1, is taken as it is",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["cat", "/proc/self/limits"];
      config.process.rlimits = [{ type: "RLIMIT_CPU", soft: 7777, hard: 7777 }];
    });
    const path = join(bundle.dir, "config.json");
    bundle.write(readFileSync(path, "utf8").replaceAll("7777", "18446744073709551615"));
    const done = box.run(bundle);
    t.match(done.stdout, /Max cpu time\s+unlimited\s+unlimited/, done.stderr);
  },
  { proves: ["process.rlimits"] },
);

scenario(
  "rlimits: a type twice, an unknown one, or soft above hard, is an error",
  (t, box) => {
    const wrong: Config["process"]["rlimits"][] = [
      [
        { type: "RLIMIT_CORE", soft: 1, hard: 1 },
        { type: "RLIMIT_CORE", soft: 2, hard: 2 },
      ],
      [{ type: "RLIMIT_NOTHING", soft: 1, hard: 1 }],
      [{ type: "RLIMIT_CORE", soft: 2, hard: 1 }],
    ];
    for (const rlimits of wrong) {
      const done = box.run((config) => void (config.process.rlimits = rlimits ?? []));
      t.equal(done.status, 1, JSON.stringify(rlimits));
      t.match(done.stderr, /rlimit/i);
    }
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("takes a type twice") },
);

scenario(
  "oomScoreAdj: set, and left alone",
  (t, box) => {
    const read = "cat /proc/self/oom_score_adj";
    t.equal(
      box.sh(read, (config) => void (config.process.oomScoreAdj = 321)),
      "321\n",
    );
    t.equal(
      box.sh(read, () => undefined, { wrap: ["choom", "-n", "222", "--"] }),
      "222\n",
    );
  },
  { proves: ["process.oomScoreAdj"] },
);

scenario("the program is found along the PATH of the container", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.env = ["PATH=/nowhere:/etc:/opt/tools"];
    config.process.args = ["tool"];
  });
  mkdirSync(join(bundle.rootfs, "opt/tools"), { recursive: true });
  writeFileSync(join(bundle.rootfs, "etc/tool"), "not executable");
  writeFileSync(join(bundle.rootfs, "opt/tools/tool"), '#!/bin/sh\necho "found as $0"\n', { mode: 0o755 });
  t.equal(box.run(bundle).stdout, "found as /opt/tools/tool\n");
});

scenario("a program that does not exist: said so, and where it was looked for", (t, box) => {
  const bundle = box.bundle((config) => void (config.process.args = ["no-such-program"]));
  const done = box.tryCreate(bundle);
  t.equal(done.status, 1);
  t.match(done.stderr, /exec: \\?"no-such-program\\?": executable file not found in \$PATH/);
  const absolute = box.run((config) => void (config.process.args = ["/bin/no-such-program"]));
  t.equal(absolute.status, 1);
  t.match(absolute.stderr, /exec: \\?"\/bin\/no-such-program\\?": .*no such file or directory/);
  t.same(box.leftovers(), []);
});

scenario("a program that is not executable, or a directory: permission denied", (t, box) => {
  for (const program of ["/etc/passwd", "/etc"]) {
    const done = box.run((config) => void (config.process.args = [program]));
    t.equal(done.status, 1, program);
    t.match(done.stderr, new RegExp(`exec: \\\\?"${program}\\\\?": .*(permission denied|is a directory)`), program);
  }
  t.same(box.leftovers(), []);
});

scenario("a file that is no program: exec format error; a script without its interpreter", (t, box) => {
  for (const [text, wanted] of [
    ["\0\0\0\0", /exec format error/],
    ["#!/no/such/interpreter\n", /no such file or directory/],
  ] as const) {
    const bundle = box.bundle((config) => void (config.process.args = ["/bin/odd"]));
    writeFileSync(join(bundle.rootfs, "bin/odd"), text, { mode: 0o755 });
    const done = box.run(bundle);
    t.not(done.status, 0);
    t.match(done.stderr, wanted);
  }
});

scenario("the program starts with no signal blocked or ignored, in a session of its own", (t, box) => {
  const out = box.sh("cat /proc/self/status; cut -d' ' -f6 /proc/self/stat", () => undefined, {
    wrap: ["sh", "-c", `trap "" PIPE HUP USR1; exec "$@"`, "sh"],
  });
  t.equal(field(out, "SigBlk"), "0000000000000000");
  const pipe = 1n << 12n;
  t.equal(BigInt(`0x${field(out, "SigIgn")}`) & pipe, 0n, "SIGPIPE");
  t.match(out, /\n1\n$/);
});

scenario(
  "an empty HOME is one that is not there",
  (t, box) => {
    const env = ["PATH=/bin", "HOME=", "LAST=1"];
    const printed = box.sh("env", (config) => void (config.process.env = env));
    t.match(printed, /^HOME=\/root$/m);
    t.equal(printed.split("HOME=").length, 2, "once");
    t.match(printed, /^LAST=1$/m);
  },
  { skip: notFor("runc", "1.1 leaves it empty") || notFor("crun", "1.8 leaves it empty") },
);

scenario(
  "capabilities that one set grants and another does not are left out, with a warning",
  (t, box) => {
    const done = box.run((config) => {
      config.process.capabilities = {
        bounding: ["CAP_KILL"],
        permitted: ["CAP_KILL"],
        effective: ["CAP_CHOWN"],
        inheritable: ["CAP_FOWNER"],
      };
      config.process.args = ["cat", "/proc/self/status"];
    });
    t.equal(done.status, 0, done.stderr);
    t.equal(field(done.stdout, "CapBnd"), mask(["CAP_KILL"]));
    t.equal(field(done.stdout, "CapInh"), mask([]));
    t.match(done.stderr, /process.capabilities.effective: CAP_CHOWN cannot be granted/);
    t.match(done.stderr, /process.capabilities.inheritable: CAP_FOWNER cannot be granted/);
  },
  { skip: runtOnly("fails: spec 1.1 wants a warning") },
);

scenario(
  "rlimits that leave the process nothing to start with are named in the error",
  (t, box) => {
    const cases = [
      ["RLIMIT_NOFILE", 3, /too many open files.*is RLIMIT_NOFILE of process.rlimits too low/],
      ["RLIMIT_AS", 1, /process.args: .*RLIMIT_AS.* in process.rlimits, too low/],
    ] as const;
    for (const [type, limit, message] of cases) {
      const done = box.run((config) => void (config.process.rlimits = [{ type, soft: limit, hard: limit }]));
      t.equal(done.status, 1, type);
      t.match(done.stderr, message, type);
    }
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("other words") },
);
