// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box, type State } from "../harness/box.ts";
import { HOOK_KINDS, type Config, type Hook, type HookKind } from "../harness/config.ts";
import { isAlive, namespaceOf, readText, waitFor } from "../harness/host.ts";
import { KIND, notFor, runtOnly } from "../harness/runtime.ts";

/** Where hooks write: this directory on the host, and /hooks in the container. */
function hookFolder(box: Box): string {
  const folder = box.path("hooks");
  mkdirSync(folder);
  return folder;
}

/** A shell script as a hook; `$D` is the directory of {@link hookFolder} wherever it runs. */
function shellHook(kind: HookKind, folder: string, script: string, more: Partial<Hook> = {}): Hook {
  const place = kind === "startContainer" ? "/hooks" : folder;
  return {
    path: "/bin/sh",
    args: ["sh", "-c", `D=${place}; ${script}`],
    env: ["PATH=/usr/bin:/bin"],
    ...more,
  };
}

function addHookMount(config: Config, folder: string): void {
  config.mounts.push({ destination: "/hooks", type: "bind", source: folder, options: ["bind"] });
}

const READ_NAMESPACES = "for n in mnt pid uts net; do readlink /proc/self/ns/$n; done";

scenario(
  "all six kinds run in the order of the lifecycle, several of a kind in theirs",
  (t, box) => {
    const folder = hookFolder(box);
    const container = box.create((config) => {
      addHookMount(config, folder);
      config.process.args = ["sh", "-c", "echo program >> /hooks/log"];
      config.hooks = {};
      for (const kind of HOOK_KINDS) {
        config.hooks[kind] = [1, 2].map((number) => shellHook(kind, folder, `echo ${kind} ${number} >> $D/log`));
      }
    });
    const log = (): string[] => readText(join(folder, "log")).trim().split("\n");
    const early = ["prestart", "createRuntime", "createContainer"];
    const two = (kind: string): string[] => [`${kind} 1`, `${kind} 2`];
    t.same(log(), early.flatMap(two), "those of create");
    container.finish();
    t.same(log().slice(6, 8), two("startContainer"), "startContainer, before the program");
    t.same(log().slice(8).toSorted(), ["poststart 1", "poststart 2", "program"]);
    t.equal(container.remove().status, 0);
    t.same(log().slice(11), two("poststop"));
  },
  { skip: notFor("runc", "1.1 runs poststart in create"), proves: HOOK_KINDS.map((kind) => `hooks.${kind}[].path`) },
);

scenario(
  "each hook gets the state on stdin, with the status of the spec",
  (t, box) => {
    const folder = hookFolder(box);
    const container = box.create((config) => {
      addHookMount(config, folder);
      config.process.args = ["sleep", "1000"];
      config.annotations = { "org.example.a": "b" };
      config.hooks = {};
      for (const kind of HOOK_KINDS) config.hooks[kind] = [shellHook(kind, folder, `cat > $D/${kind}`)];
    });
    t.equal(container.start().status, 0);
    t.equal(container.remove("--force").status, 0);
    const wanted: Record<HookKind, string> = {
      prestart: "creating",
      createRuntime: "creating",
      createContainer: "creating",
      startContainer: "created",
      poststart: "running",
      poststop: "stopped",
    };
    for (const kind of HOOK_KINDS) {
      const state = JSON.parse(readFileSync(join(folder, kind), "utf8")) as State;
      if (kind === "poststart" && KIND === "runc") continue; // 1.1 runs it in create
      t.equal(state.status, wanted[kind], `status of ${kind}`);
      t.equal(state.id, container.id);
      t.equal(state.bundle, container.bundle.dir);
      t.match(state.ociVersion, /^1\./);
      t.same(state.annotations, { "org.example.a": "b" });
      if (kind === "poststop") continue;
      const inside = kind === "createContainer" || kind === "startContainer";
      t.equal(state.pid, inside ? 1 : container.pid, `pid in ${kind}`);
    }
  },
  { proves: ["annotations"] },
);

scenario(
  "hooks run in the namespaces of the spec",
  (t, box) => {
    const folder = hookFolder(box);
    const container = box.running((config) => {
      addHookMount(config, folder);
      config.hooks = {};
      for (const kind of HOOK_KINDS) {
        config.hooks[kind] = [shellHook(kind, folder, `${READ_NAMESPACES} > $D/${kind}`)];
      }
    });
    const names = ["mnt", "pid", "uts", "net"];
    const inside = names.map((name) => namespaceOf(container.pid, name));
    const outside = names.map((name) => namespaceOf("self", name));
    container.remove("--force");
    for (const kind of HOOK_KINDS) {
      const wanted = kind === "createContainer" || kind === "startContainer" ? inside : outside;
      t.same(readText(join(folder, kind)).trim().split("\n"), wanted, kind);
    }
  },
  { proves: HOOK_KINDS.map((kind) => `hooks.${kind}[].path`) },
);

scenario(
  "a hook has its env and args and nothing else",
  (t, box) => {
    const folder = hookFolder(box);
    const show = `tr '\\0' '\\n' < /proc/$$/environ > ${folder}/env; tr '\\0' '|' < /proc/$$/cmdline > ${folder}/args; :`;
    box.sh("true", (config) => {
      config.hooks = {
        createRuntime: [{ path: "/bin/sh", args: ["my name", "-c", show, "x y"], env: ["A=1", "B=two words"] }],
      };
    });
    t.equal(readText(join(folder, "env")), "A=1\nB=two words\n");
    t.match(readText(join(folder, "args")), /^my name\|-c\|.*\|x y\|$/s);
  },
  { proves: ["hooks.createRuntime[].args", "hooks.createRuntime[].env"] },
);

for (const kind of HOOK_KINDS) {
  scenario(
    `${kind}: path, args and env`,
    (t, box) => {
      const folder = hookFolder(box);
      const container = box.create((config) => {
        addHookMount(config, folder);
        // Of the image where it runs in the container, of the host else.
        const place = kind === "startContainer" ? "/hooks" : folder;
        const script = 'echo "$0 $1 $A" >> "$2/log"';
        config.hooks = { [kind]: [{ path: "/bin/sh", args: ["sh", "-c", script, "name", "x y", place], env: ["A=b c"] }] };
      });
      container.finish();
      container.remove();
      t.equal(readText(join(folder, "log")), "name x y b c\n", "once");
    },
    { proves: ["path", "args", "env"].map((name) => `hooks.${kind}[].${name}`) },
  );
}

scenario("a hook without env has the runtime's, one with an empty env has none", (t, box) => {
  const folder = hookFolder(box);
  const show = (name: string): string => `/usr/bin/tr '\\0' '\\n' < /proc/$$/environ >> ${folder}/${name}; :`;
  const done = box.run(
    (config) => {
      for (const kind of ["createRuntime", "poststart", "poststop"] as const) {
        const own = { path: "/bin/sh", args: ["sh", "-c", show(`own-${kind}`)] };
        const none = { path: "/bin/sh", args: ["sh", "-c", show("none")], env: [] };
        config.hooks = { ...config.hooks, [kind]: kind === "createRuntime" ? [own, none] : [own] };
      }
      config.process.args = ["true"];
    },
    [],
    { wrap: ["env", "-i", "PATH=/usr/bin:/bin", "OF_THE_CALLER=a b"] },
  );
  t.equal(done.status, 0, done.stderr);
  for (const kind of ["createRuntime", "poststart", "poststop"]) {
    const found = readText(join(folder, `own-${kind}`))
      .trim()
      .split("\n")
      .sort();
    t.same(found, ["OF_THE_CALLER=a b", "PATH=/usr/bin:/bin"], kind);
  }
  t.equal(readText(join(folder, "none")), "");
});

scenario("a hook without args gets its path as the only one", (t, box) => {
  const folder = hookFolder(box);
  const script = join(folder, "hook");
  writeFileSync(script, `#!/bin/sh\necho "$#" > ${folder}/count\n`, { mode: 0o755 });
  box.sh("true", (config) => {
    config.hooks = { createRuntime: [{ path: script }] };
  });
  t.equal(readText(join(folder, "count")), "0\n");
});

scenario("a hook that does not read its stdin does no harm", (t, box) => {
  const out = box.sh("echo fine", (config) => {
    config.annotations = { "org.example.long": "x".repeat(300_000) };
    config.hooks = { createRuntime: [{ path: "/bin/true" }], poststop: [{ path: "/bin/true" }] };
  });
  t.equal(out, "fine\n");
});

for (const kind of ["prestart", "createRuntime", "createContainer"] as const) {
  scenario(`${kind}: a failure fails create, later hooks do not run, nothing is left`, (t, box) => {
    const folder = hookFolder(box);
    const bundle = box.bundle((config) => {
      config.hooks = {
        [kind]: [shellHook(kind, folder, "echo it is broken >&2; exit 3"), shellHook(kind, folder, "echo later >> $D/log")],
        poststop: [shellHook("poststop", folder, "echo poststop >> $D/log")],
      };
    });
    const done = box.tryCreate(bundle);
    t.equal(done.status, 1);
    t.match(done.stderr, /hook/);
    t.match(done.stderr, /3/, "the exit status is named");
    t.match(done.stderr, /it is broken/, "its stderr is shown");
    t.equal(readText(join(folder, "log")), "poststop\n", "the lifecycle goes on with poststop");
    t.same(box.leftovers(), []);
  });
}

for (const kind of ["createRuntime", "createContainer"] as const) {
  scenario(`${kind}: a program that does not exist is named`, (t, box) => {
    const bundle = box.bundle((config) => {
      config.hooks = { [kind]: [{ path: "/no/such/hook" }] };
    });
    const done = box.tryCreate(bundle);
    t.equal(done.status, 1);
    t.match(done.stderr, /\/no\/such\/hook/);
    t.same(box.leftovers(), []);
  });
  scenario(
    `${kind}: a hook that hangs is killed after its timeout`,
    (t, box) => {
      const folder = hookFolder(box);
      const bundle = box.bundle((config) => {
        config.hooks = { [kind]: [shellHook(kind, folder, "echo $$ > $D/pid; exec sleep 1000", { timeout: 1 })] };
      });
      const begin = Date.now();
      const done = box.tryCreate(bundle);
      t.equal(done.status, 1);
      t.ok(Date.now() - begin < 6000, "in time");
      t.match(done.stderr, /time.?out|timed out|seconds|1s/i);
      if (kind === "createRuntime") t.notOk(isAlive(Number(readText(join(folder, "pid")))));
      t.same(box.leftovers(), []);
    },
    { proves: [`hooks.${kind}[].timeout`] },
  );
}

for (const kind of ["prestart", "startContainer", "poststart", "poststop"] as const) {
  scenario(
    `${kind}: nothing waits for a hook that hangs longer than its timeout`,
    (t, box) => {
      const folder = hookFolder(box);
      const hook = shellHook(kind, folder, "echo started > $D/log; exec sleep 1000", { timeout: 1 });
      const bundle = box.bundle((config) => {
        addHookMount(config, folder);
        config.process.args = ["sleep", "1000"];
        config.hooks = { [kind]: [hook] };
      });
      const [id, begin] = [box.id(), Date.now()];
      const said = [
        box.call(["create", "--bundle", bundle.dir, id], { timeout: 15_000 }),
        box.call(["start", id], { timeout: 15_000 }),
        box.call(["delete", "--force", id], { timeout: 15_000 }),
      ];
      t.ok(Date.now() - begin < 9000, "in time");
      t.equal(readText(join(folder, "log")), "started\n");
      t.match(said.map(({ output }) => output).join(""), /time.?out|timed out|killed|deadline/i);
    },
    {
      skip: kind === "startContainer" && notFor("runc", "1.1 answers start before the hook has ended"),
      proves: [`hooks.${kind}[].timeout`],
    },
  );
}

scenario(
  "startContainer: a failure fails start, and the program does not run",
  (t, box) => {
    const folder = hookFolder(box);
    const container = box.create((config) => {
      addHookMount(config, folder);
      config.process.args = ["sh", "-c", "echo program >> /hooks/log"];
      config.hooks = {
        startContainer: [shellHook("startContainer", folder, "echo hook >> $D/log; exit 4")],
        poststop: [shellHook("poststop", folder, "echo poststop >> $D/log")],
      };
    });
    const started = container.start();
    t.equal(started.status, 1);
    t.match(started.stderr, /startContainer/);
    waitFor(() => !isAlive(container.pid));
    t.notOk(isAlive(container.pid));
    container.remove("--force");
    t.equal(readText(join(folder, "log")), "hook\npoststop\n");
  },
  { skip: notFor("runc", "1.1 answers start before the hook has ended") },
);

scenario(
  "poststart: a failure fails start and stops the container",
  (t, box) => {
    const folder = hookFolder(box);
    const container = box.create((config) => {
      config.process.args = ["sleep", "1000"];
      config.hooks = {
        poststart: [shellHook("poststart", folder, "exit 5"), shellHook("poststart", folder, "echo later >> $D/log")],
        poststop: [shellHook("poststop", folder, "echo poststop >> $D/log")],
      };
    });
    const started = container.start();
    t.equal(started.status, 1);
    t.match(started.stderr, /poststart/);
    t.ok(waitFor(() => !isAlive(container.pid)));
    container.remove("--force");
    t.equal(readText(join(folder, "log")), "poststop\n");
  },
  { skip: notFor("runc", "1.1 follows the older rule") },
);

scenario(
  "poststop: a failure is a warning, the other hooks run, delete succeeds",
  (t, box) => {
    const folder = hookFolder(box);
    const container = box.running((config) => {
      config.hooks = {
        poststop: [
          shellHook("poststop", folder, "exit 6"),
          { path: "/no/such/hook" },
          shellHook("poststop", folder, "echo last >> $D/log"),
        ],
      };
    });
    const removed = container.remove("--force");
    t.equal(removed.status, 0);
    t.match(removed.stderr, /warn.*poststop/i);
    t.equal(readText(join(folder, "log")), "last\n");
    t.same(box.leftovers(), []);
  },
  { skip: notFor("runc", "fails, against the spec") },
);

scenario("run runs all six kinds too", (t, box) => {
  const folder = hookFolder(box);
  box.sh("true", (config) => {
    addHookMount(config, folder);
    config.hooks = {};
    for (const kind of HOOK_KINDS) config.hooks[kind] = [shellHook(kind, folder, `touch $D/${kind}`)];
  });
  for (const kind of HOOK_KINDS) t.ok(existsSync(join(folder, kind)), kind);
});

scenario("what a hook writes on stdout is not the runtime's output", (t, box) => {
  const done = box.run((config) => {
    config.process.args = ["echo", "program"];
    config.hooks = { createRuntime: [{ path: "/bin/echo", args: ["echo", "noise"] }] };
  });
  t.equal(done.stdout, "program\n");
});

scenario(
  "the annotations run.oci.hooks.stdout and .stderr name files for what hooks print",
  (t, box) => {
    const folder = hookFolder(box);
    const [out, err] = [join(folder, "out"), join(folder, "err")];
    writeFileSync(out, "before\n");
    const kinds = ["prestart", "createRuntime", "poststart", "poststop"] as const;
    const container = box.create((config) => {
      config.process.args = ["sleep", "1000"];
      config.annotations = { "run.oci.hooks.stdout": out, "run.oci.hooks.stderr": err };
      config.hooks = {};
      for (const kind of kinds) config.hooks[kind] = [shellHook(kind, folder, `echo ${kind}; echo wrong ${kind} >&2`)];
    });
    t.equal(container.start().status, 0);
    t.equal(container.remove("--force").status, 0);
    t.equal(readText(out), `before\n${kinds.join("\n")}\n`);
    t.equal(readText(err), kinds.map((kind) => `wrong ${kind}\n`).join(""));
    const bundle = box.bundle((config) => {
      config.annotations = { "run.oci.hooks.stdout": join(folder, "no/such/folder") };
      config.hooks = { createRuntime: [{ path: "/bin/true" }] };
    });
    const done = box.tryCreate(bundle);
    t.equal(done.status, 1);
    t.match(done.stderr, /no\/such\/folder/);
    t.same(box.leftovers(), []);
  },
  { skip: notFor("runc", "annotations of crun") },
);

scenario("a hook can reach into the container by the pid of the state, as network plug-ins do", (t, box) => {
  const folder = hookFolder(box);
  const container = box.create((config) => {
    config.hooks = {
      createRuntime: [
        shellHook(
          "createRuntime",
          folder,
          `pid=$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/' | tr -d '\\n' | grep -o '[0-9]*$'); ` +
            "readlink /proc/$pid/ns/net > $D/net; cat /proc/$pid/cgroup > $D/cgroup",
        ),
      ],
    };
  });
  t.equal(readText(join(folder, "net")).trim(), namespaceOf(container.pid, "net"));
  t.match(readText(join(folder, "cgroup")), box.cgroup, "it is in its cgroup by then");
});

scenario("createContainer: the working directory is the root file system", (t, box) => {
  const folder = hookFolder(box);
  const bundle = box.bundle((config) => {
    const script = "stat -Lc %i . > $D/cwd; stat -c %n etc/passwd dev/null >> $D/cwd";
    config.hooks = { createContainer: [shellHook("createContainer", folder, script)] };
  });
  box.create(bundle);
  t.equal(readText(join(folder, "cwd")), `${statSync(bundle.rootfs).ino}\netc/passwd\ndev/null\n`);
});

scenario(
  "a hook that prints without end: nothing waits for it, and little is kept",
  (t, box) => {
    const folder = hookFolder(box);
    const much = box.create((config) => {
      const script = "head -c 3000000 /dev/zero | tr '\\0' x; echo done > $D/much";
      config.hooks = { createContainer: [shellHook("createContainer", folder, script)] };
    });
    t.equal(readText(join(folder, "much")), "done\n", "a full pipe does not stop it");
    const kept = readdirSync(join(box.root, much.id)).map((name) => statSync(join(box.root, much.id, name)).size);
    t.ok(Math.max(...kept) <= 65536, `largest file of the state: ${Math.max(...kept)} bytes`);

    const endless = box.bundle((config) => {
      const hook = shellHook("createContainer", folder, "echo first; exec yes", { timeout: 1 });
      config.hooks = { createContainer: [hook] };
    });
    const done = box.tryCreate(endless);
    t.equal(done.status, 1);
    t.match(done.stderr, /timed out|time.?out/i);
    t.match(done.stderr, /first/, "what it printed first is shown");
    t.ok(done.stderr.length < 200_000, "and not all the rest");
  },
  { skip: notFor("runc", "keeps it all in memory") },
);

scenario(
  "a child that a hook leaves behind with its output does not hold up create",
  (t, box) => {
    const folder = hookFolder(box);
    const begin = Date.now();
    const container = box.create((config) => {
      const script = "sleep 15 & echo $! > $D/child";
      config.hooks = { createContainer: [shellHook("createContainer", folder, script)] };
    });
    t.ok(Date.now() - begin < 5000, "in time");
    t.equal(container.state().status, "created");
  },
  { skip: notFor("runc", "1.1 waits") },
);

scenario(
  "a hook that prints without end: its words are limited, the runtime's memory too, and it goes on",
  (t, box) => {
    for (const kind of ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] as const) {
      const bundle = box.bundle((config) => {
        config.process.args = ["true"];
        // More than a pipe and the limit hold; a hook that is stopped by either does not come to its end.
        const script = "head -c 4000000 /dev/zero | tr '\\0' x; exit 3";
        config.hooks = { [kind]: [{ path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin:/usr/bin"] }] };
      });
      const done = box.call(["run", "--bundle", bundle.dir, box.id()], { timeout: 60_000 });
      t.match(done.stderr, /exit status 3/, `${kind}: it came to its end`);
      const words = /x{100,}/.exec(done.stderr)?.[0].length ?? 0;
      t.ok(words > 60_000 && words <= 65_536, `${kind}: ${words} bytes of what it printed`);
    }
  },
  { skip: runtOnly("keeps all"), timeout: 120_000 },
);
