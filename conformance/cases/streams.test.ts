// SPDX-License-Identifier: Apache-2.0
/** The standard streams: the caller's are not given away, and what the container gets is the container's. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { scenario, type Box, type Container, type Edit } from "../harness/box.ts";
import { addNamespaces, type Config } from "../harness/config.ts";
import { readText, waitFor } from "../harness/host.ts";
import { ENVIRONMENT, needs, notFor, RUNTIME, runtOnly } from "../harness/runtime.ts";

const MAP = [{ containerID: 0, hostID: 100000, size: 65536 }];

/** A device of the host's, of the box's own: what is done to it disturbs nobody. */
function hostNode(box: Box, minor: number): string {
  const path = box.path("node");
  const made = spawnSync("mknod", ["-m", "666", path, "c", "1", String(minor)], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr);
  return path;
}

/** Words before the runtime that make a file its standard streams. */
function streamsOf(path: string): readonly string[] {
  return ["sh", "-c", `exec "$@" < ${path} > ${path} 2> ${path}`, "sh"];
}

function facts(path: string): string {
  const { mode, uid, gid, ctimeMs } = statSync(path);
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid} ${ctimeMs}`;
}

function inUserNamespace(config: Config): void {
  addNamespaces(config, "user");
  config.linux.uidMappings = MAP;
  config.linux.gidMappings = MAP;
}

/** Tries to change the streams; /which then tells what stdin is, and /did that the program came to its end. */
const CHANGE =
  "for f in /dev/stdin /proc/self/fd/1 /proc/self/fd/2; do chmod 600 $f; chown 5:5 $f; touch -d @5 $f; done; stat -c %t:%T -L /proc/self/fd/0 > /which; echo > /did; sleep 0.1";

function asRoot(config: Config): void {
  config.root.readonly = false;
  for (const name of ["bounding", "effective", "permitted"] as const) {
    (config.process.capabilities ??= {} as never)[name] = ["CAP_CHOWN", "CAP_FOWNER", "CAP_DAC_OVERRIDE", "CAP_KILL"];
  }
}

/** Each way in which a process gets streams; `script` runs in it, and has ended when this returns. */
const WAYS: Readonly<Record<string, (box: Box, script: string, wrap: readonly string[], edit: Edit) => string>> = {
  run: (box, script, wrap, edit) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["sh", "-c", script];
      edit(config);
    });
    box.run(bundle, [], { wrap });
    return bundle.rootfs;
  },
  "run --detach": (box, script, wrap, edit) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["sh", "-c", script];
      edit(config);
    });
    box.run(bundle, ["--detach"], { wrap });
    waitFor(() => existsSync(join(bundle.rootfs, "did")));
    return bundle.rootfs;
  },
  create: (box, script, wrap, edit) => {
    const container = box.create(
      (config) => {
        config.process.args = ["sh", "-c", script];
        edit(config);
      },
      [],
      { wrap },
    );
    container.finish();
    return container.bundle.rootfs;
  },
  exec: (box, script, wrap, edit) => execIn(box, script, wrap, edit, []),
  "exec --detach": (box, script, wrap, edit) => execIn(box, script, wrap, edit, ["--detach"]),
};

function execIn(box: Box, script: string, wrap: readonly string[], edit: Edit, flags: readonly string[]): string {
  const container: Container = box.running(edit);
  if (readText(join(container.bundle.dir, "config.json")).includes("/spoiled")) {
    waitFor(() => existsSync(join(container.bundle.rootfs, "spoiled")));
  }
  box.call(["exec", ...flags, container.id, "sh", "-c", script], { wrap });
  waitFor(() => existsSync(join(container.bundle.rootfs, "did")));
  return container.bundle.rootfs;
}

for (const [way, make] of Object.entries(WAYS)) {
  scenario(
    `${way}: a stream that is the host's /dev/null, or a device like it, is the container's own`,
    (t, box) => {
      for (const minor of [3, 5, 7]) {
        const node = hostNode(box, minor);
        const before = facts(node);
        const rootfs = make(box, CHANGE, streamsOf(node), asRoot);
        t.ok(existsSync(join(rootfs, "did")), "the program ran");
        t.equal(facts(node), before, `1:${minor} of the host is as it was`);
        t.equal(readText(join(rootfs, "which")), `1:${minor}\n`, "and the container has the same device");
      }
    },
    { skip: notFor("runc", "/dev/null alone, and not with exec") || notFor("crun", "hands them through") },
  );

  scenario(
    `${way}: where /dev/null is not the container's own any more, no link is followed`,
    (t, box) => {
      for (const trick of ["ln -s /secret /dev/null", "ln -s /dev/zero /dev/null", "cp /bin/busybox /dev/null", "true"]) {
        const node = hostNode(box, 3);
        const before = facts(node);
        const secret = box.file("secret\n");
        const spoil = `rm -f /dev/null; ${trick}`;
        const edit: Edit = (config) => {
          asRoot(config);
          config.mounts.push({ destination: "/secret", type: "bind", source: secret, options: ["bind"] });
          if (way.startsWith("exec")) {
            config.process.args = ["sh", "-c", `${spoil}; echo > /spoiled; sleep 1000`];
            return;
          }
          const rootfs = join(box.dir, basename(config.linux.cgroupsPath ?? ""), "rootfs");
          config.hooks = {
            createContainer: [
              { path: "/bin/sh", args: ["sh", "-c", `chroot ${rootfs} /bin/sh -c "${spoil}"`], env: ["PATH=/usr/sbin:/bin"] },
            ],
          };
        };
        const rootfs = make(box, CHANGE, streamsOf(node), edit);
        t.ok(existsSync(join(rootfs, "did")), `${trick}: the program ran`);
        t.equal(facts(node), before, `${trick}: the host's is as it was`);
        t.equal(readText(join(rootfs, "which")), "1:3\n", `${trick}: it is the null device`);
        t.equal(readText(secret), "secret\n");
        t.equal(statSync(secret).uid, 0);
      }
    },
    { skip: runtOnly("others hand the host's through, or follow") },
  );
}

scenario(
  "/dev of the image is a link to the host's, and has no mount",
  (t, box) => {
    const node = hostNode(box, 3);
    const before = facts(node);
    const bundle = box.bundle((config) => {
      asRoot(config);
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
      config.process.args = ["sh", "-c", CHANGE];
    });
    rmSync(join(bundle.rootfs, "dev"), { recursive: true, force: true });
    mkdirSync(join(bundle.rootfs, "real"));
    symlinkSync("/real", join(bundle.rootfs, "dev"));
    box.run(bundle, [], { wrap: streamsOf(node) });
    t.equal(readText(join(bundle.rootfs, "which")), "1:3\n");
    t.equal(facts(node), before);
  },
  { skip: runtOnly("others refuse a /dev that is a link, or hand the host's through") },
);

scenario(
  "in a user namespace that has the host's root, and in a container without a mount namespace",
  (t, box) => {
    const all = (config: Config): void => {
      asRoot(config);
      addNamespaces(config, "user");
      config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
    };
    const chroot = (config: Config): void => {
      asRoot(config);
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type === "pid");
      config.mounts = [];
      delete config.hostname;
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    };
    for (const [name, edit] of Object.entries({ all, chroot })) {
      for (const way of ["run", "exec"]) {
        const node = hostNode(box, 3);
        const before = facts(node);
        // Without a procfs the stream itself is all that there is, and dd is what changes nothing.
        const rootfs = WAYS[way]?.(box, name === "chroot" ? "echo > /did; cat; echo x" : CHANGE, streamsOf(node), edit) ?? "";
        t.ok(existsSync(join(rootfs, "did")), `${name}, ${way}: the program ran`);
        t.equal(facts(node), before, `${name}, ${way}`);
      }
    }
  },
  { skip: runtOnly("others hand the host's through") },
);

/** A user namespace that has the host's root. */
function asHostRoot(config: Config): void {
  addNamespaces(config, "user");
  config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
}

scenario(
  "what hides a file, and the host's devices in a user namespace, cannot be changed through",
  (t, box) => {
    const masks = (config: Config): void => {
      asRoot(config);
      config.linux.maskedPaths = ["/proc/keys", "/proc/kcore", "/hidden"];
    };
    const other = box.running(asHostRoot);
    const before = facts("/dev/null").split(" ", 2).join();
    const hidden = "/proc/keys /hidden";
    for (const [name, paths, edit] of [
      ["root", hidden, masks],
      [
        "a user namespace that has the host's root",
        hidden,
        (config: Config): void => {
          masks(config);
          asHostRoot(config);
        },
      ],
      // No node can be made for it: the host's are bound.
      [
        "one that is joined",
        `${hidden} /dev/null /dev/zero /dev/tty`,
        (config: Config): void => {
          masks(config);
          config.linux.namespaces.push({ type: "user", path: `/proc/${other.pid}/ns/user` });
        },
      ],
    ] as const) {
      const bundle = box.bundle((config) => {
        edit(config);
        config.process.args = [
          "sh",
          "-c",
          `for f in ${paths}; do chmod 666 $f; chown 0:0 $f; touch $f; done 2>&1; cat /hidden; echo x > /hidden && echo written; echo y > /dev/null && echo too`,
        ];
      });
      spawnSync("sh", ["-c", `echo hidden > ${bundle.rootfs}/hidden`]);
      const done = box.run(bundle);
      const words = paths.split(" ");
      t.equal(done.stdout.split("Read-only file system").length - 1, 3 * words.length, `${name}: ${done.output}`);
      t.match(done.stdout, /written\ntoo\n$/, `${name}: they are written to all the same`);
    }
    t.equal(facts("/dev/null").split(" ", 2).join(), before);
  },
  { skip: runtOnly("others mount masks, or devices, so that they can be changed") },
);

scenario(
  "the devices of a user namespace that has the host's root are nodes of its own, which it may change",
  (t, box) => {
    const paths = ["/dev/null", "/dev/zero", "/dev/tty"];
    const before = paths.map((path) => facts(path).split(" ", 2).join());
    // The host's is let alone, should it be that one.
    const hosts = paths.map((path) => statSync(path).dev).join("|");
    const script = `for f in ${paths.join(" ")}; do
    case $(stat -c %d $f) in ${hosts}) echo "$f: the host's"; continue;; esac
    chmod 640 $f; chown 5:7 $f; stat -c "%n %a %u:%g" $f
  done 2>&1`;
    const out = box.sh(script, (config) => {
      asRoot(config);
      asHostRoot(config);
    });
    t.equal(out, paths.map((path) => `${path} 640 5:7\n`).join(""));
    t.same(
      paths.map((path) => facts(path).split(" ", 2).join()),
      before,
    );
  },
  { skip: runtOnly("others bind the host's") || needs("fsopen", "the host's are bound") },
);

scenario(
  "a terminal of the caller stays his, whoever the container's user is",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.args = ["sh", "-c", "echo from the container"];
    });
    const user = box.bundle((config) => {
      inUserNamespace(config);
      config.process.args = ["sh", "-c", "echo from the container"];
    });
    const container = box.running();
    const runt = `${RUNTIME} --root ${box.root}`;
    for (const command of [
      `${runt} run -b ${bundle.dir} ${box.id()}`,
      `${runt} run -b ${user.dir} ${box.id()}`,
      `${runt} exec --user 1000:1000 ${container.id} echo from the container`,
      `id=${box.id()}; ${runt} create -b ${bundle.dir} $id && ${runt} start $id; sleep 0.5`,
    ]) {
      const done = spawnSync(
        "script",
        ["-qec", `stat -c 'owner %u' $(tty); ${command}; stat -c 'owner %u' $(tty)`, "/dev/null"],
        {
          encoding: "utf8",
          env: ENVIRONMENT,
          input: "",
        },
      );
      t.match(done.stdout, /^owner 0\r\n[^]*from the container\r\n[^]*owner 0\r\n/, `${command}: ${done.stdout}`);
    }
  },
  { skip: notFor("crun", "gives it away") },
);

for (const uid of [0, 7, 65534]) {
  scenario(
    `a user namespace: user ${uid} opens his streams again by name`,
    (t, box) => {
      const script = "echo o >> /dev/stdout; echo e >> /dev/stderr; cat /dev/stdin; echo x > /proc/self/fd/1";
      const edit: Edit = (config) => {
        inUserNamespace(config);
        config.process.user = { uid, gid: uid };
        config.process.args = ["sh", "-c", script];
      };
      // The pipes of a shell, as an engine gives them.
      const through = (command: string): string => {
        const done = spawnSync("sh", ["-c", `{ echo in | ${command} 2>&3 | cat; } 3>&1 | sort`], {
          encoding: "utf8",
          env: ENVIRONMENT,
        });
        return done.stdout.replaceAll("\n", " ");
      };
      const runt = `${RUNTIME} --root ${box.root}`;
      const bundle = box.bundle(edit);
      t.equal(through(`${runt} run -b ${bundle.dir} ${box.id()}`), "e in o x ", "run");
      const id = box.id();
      t.equal(through(`sh -c '${runt} create -b ${bundle.dir} ${id} && ${runt} start ${id}'`), "e in o x ", "create");
      const container = box.running((config) => {
        edit(config);
        config.process.args = ["sleep", "1000"];
      });
      t.equal(through(`${runt} exec ${container.id} sh -c '${script}'`), "e in o x ", "exec");
      t.equal(through(`${runt} exec --user 9:9 ${container.id} sh -c '${script}'`), "e in o x ", "exec --user");
      const joined = box.bundle((config) => {
        edit(config);
        delete config.linux.uidMappings;
        delete config.linux.gidMappings;
        for (const namespace of config.linux.namespaces) {
          if (namespace.type === "user") namespace.path = `/proc/${container.pid}/ns/user`;
        }
      });
      t.equal(through(`${runt} run -b ${joined.dir} ${box.id()}`), "e in o x ", "a user namespace that is joined");
      const files = [box.file(""), box.file("in\n")];
      const command = `${runt} run -b ${bundle.dir} ${box.id()} < ${files[1]} > ${files[0]} 2>&1`;
      spawnSync("sh", ["-c", command], { env: ENVIRONMENT });
      t.equal(statSync(files[0] ?? "").uid, 100000 + uid, "a file that is written to is given as well");
      t.equal(statSync(files[1] ?? "").uid, 0, "one that is read from is not");
    },
    { skip: runtOnly("others leave the owner, or give pipes of their own") },
  );
}
