// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { scenario, type State } from "../harness/box.ts";
import { cgroupDirsUnder, isAlive, PURE_V2, readText, waitFor } from "../harness/host.ts";
import { callRuntime, KIND, notFor, runtOnly, type Result } from "../harness/runtime.ts";

scenario("create, start, kill and delete go through created, running, stopped", (t, box) => {
  const container = box.create((config) => {
    config.process.args = ["sleep", "1000"];
    config.annotations = { "org.example.key": "value" };
  });
  const created = container.state();
  t.equal(created.status, "created");
  t.equal(created.id, container.id);
  t.equal(created.pid, container.pid);
  t.equal(created.bundle, container.bundle.dir);
  t.match(created.ociVersion, /^1\.\d+\.\d+/);
  t.equal(created.annotations?.["org.example.key"], "value");
  t.notMatch(readText(`/proc/${container.pid}/cmdline`), "sleep", "the program does not run yet");

  t.equal(container.start().status, 0);
  t.equal(container.state().status, "running");
  t.ok(waitFor(() => readText(`/proc/${container.pid}/cmdline`) === "sleep\x001000\x00"));

  t.equal(container.kill().status, 0);
  container.until("stopped");
  t.equal(container.state().status, "stopped");
  t.equal(container.remove().status, 0);
  t.same(box.leftovers(), []);
});

scenario("run runs the program in the foreground and leaves nothing", (t, box) => {
  const done = box.run((config) => {
    config.process.args = ["echo", "hello"];
  });
  t.equal(done.status, 0);
  t.equal(done.stdout, "hello\n");
  t.equal(done.stderr, "");
  t.same(box.leftovers(), []);
});

scenario("run --detach returns while the program runs", (t, box) => {
  const pidFile = box.path("pid");
  const id = box.id();
  const bundle = box.bundle((config) => {
    config.process.args = ["sleep", "1000"];
  });
  const done = box.call(["run", "-d", "--bundle", bundle.dir, "--pid-file", pidFile, id]);
  t.equal(done.status, 0, done.output);
  const state = JSON.parse(box.call(["state", id]).stdout) as State;
  t.equal(state.status, "running");
  t.equal(String(state.pid), readFileSync(pidFile, "utf8"));
  t.equal(box.call(["delete", "--force", id]).status, 0);
  t.notOk(isAlive(state.pid));
});

scenario("run --keep leaves a stopped container", (t, box) => {
  const id = box.id();
  const bundle = box.bundle((config) => {
    config.process.args = ["true"];
  });
  t.equal(box.call(["run", "--keep", "--bundle", bundle.dir, id]).status, 0);
  t.equal((JSON.parse(box.call(["state", id]).stdout) as State).status, "stopped");
  t.equal(box.call(["delete", id]).status, 0);
});

scenario("the bundle is the current directory if none is named", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["echo", "here"];
  });
  t.equal(box.call(["run", box.id()], { cwd: bundle.dir }).stdout, "here\n");
});

scenario("a change of config.json after create changes nothing", (t, box) => {
  const container = box.create((config) => {
    config.process.args = ["echo", "before"];
  });
  container.bundle.write("{}");
  t.equal(container.finish(), "before\n");
});

scenario("start: an error unless the container is created", (t, box) => {
  const container = box.running();
  const again = container.start();
  t.equal(again.status, 1);
  t.match(again.stderr, /cannot start an already running container/);
  t.equal(container.state().status, "running", "the container is as it was");
  container.kill();
  container.until("stopped");
  const late = container.start();
  t.equal(late.status, 1);
  t.match(late.stderr, /cannot start a container that has stopped/);
});

scenario("kill: an error if the container is stopped", (t, box) => {
  const container = box.create((config) => {
    config.process.args = ["true"];
  });
  container.finish();
  const killed = container.kill("TERM");
  t.equal(killed.status, 1);
  t.match(killed.stderr, /container not running/);
  t.equal(box.call(["kill", "--all", container.id, "9"]).status, 0, "--all 9 says nothing");
});

scenario("kill sends TERM by default, and names with and without SIG, and numbers", (t, box) => {
  for (const [words, number] of [
    [[], 15],
    [["USR1"], 10],
    [["SIGUSR2"], 12],
    [["sigint"], 2],
    [["1"], 1],
  ] as const) {
    const container = box.create((config) => {
      const traps = [1, 2, 10, 12, 15].map((each) => `trap 'exit ${each}' ${each}`).join("; ");
      config.process.args = ["sh", "-c", `${traps}; echo ready; while :; do sleep 0.02; done`];
    });
    t.equal(container.start().status, 0);
    t.ok(waitFor(() => readText(container.made.stdoutPath) === "ready\n"));
    t.equal(box.call(["kill", container.id, ...words]).status, 0);
    container.until("stopped");
    t.equal(container.remove().status, 0, `signal ${number}`);
  }
});

scenario("kill refuses a signal that does not exist", (t, box) => {
  const container = box.running();
  const done = container.kill("SIGNOTHING");
  t.equal(done.status, 1);
  t.match(done.stderr, /unknown signal/);
  t.equal(container.state().status, "running");
});

scenario("delete: an error if the container runs; --force kills it", (t, box) => {
  const container = box.running();
  const refused = container.remove();
  t.equal(refused.status, 1);
  t.match(refused.stderr, /is not stopped|still running/);
  t.ok(isAlive(container.pid));
  t.equal(container.remove("--force").status, 0);
  t.notOk(isAlive(container.pid));
  t.equal(container.remove("--force").status, 0, "once more is no error");
  t.same(box.leftovers(), []);
});

scenario("delete of a created container kills it, as callers rely on", (t, box) => {
  const container = box.create(() => undefined);
  t.equal(container.remove().status, 0);
  t.notOk(isAlive(container.pid));
  t.same(box.leftovers(), []);
});

scenario("delete finds a process that was killed from outside", (t, box) => {
  const container = box.running();
  process.kill(container.pid, "SIGKILL");
  container.until("stopped");
  t.equal(container.state().pid, 0);
  t.equal(container.remove().status, 0);
});

scenario(
  "delete: the other processes of a container without a pid namespace end too",
  (t, box) => {
    const container = box.create((config) => {
      config.linux.namespaces = config.linux.namespaces.filter((each) => each.type !== "pid");
      config.process.args = ["sh", "-c", "sleep 1000 & sleep 1000 & echo ready; wait"];
    });
    container.start();
    t.ok(waitFor(() => readText(container.made.stdoutPath) === "ready\n"));
    t.equal(container.remove("--force").status, 0);
    t.same(box.leftovers(), []);
  },
  { skip: PURE_V2 && notFor("runc", "1.1.5 does not wait for them on cgroup v2, and leaves the cgroup") },
);

scenario("an unknown id is an error of every command", (t, box) => {
  for (const command of ["state", "start", "kill", "delete"]) {
    const done = box.call([command, "no-such-container"]);
    t.equal(done.status, 1, command);
    t.match(done.stderr, /container does not exist/, command);
  }
  t.equal(box.call(["delete", "--force", "no-such-container"]).status, 0);
});

scenario("a missing id is an error of every command", (t, box) => {
  for (const command of ["create", "run", "state", "start", "kill", "delete"]) {
    const done = box.call([command]);
    t.not(done.status, 0, command);
    t.match(done.output, new RegExp(`${command}.*argument`), command);
  }
});

scenario("an id in use is refused, and the first container stays", (t, box) => {
  const container = box.running();
  const bundle = box.bundle();
  const done = box.call(["create", "--bundle", bundle.dir, container.id]);
  t.equal(done.status, 1);
  t.match(done.stderr, /container with given ID already exists/);
  t.equal(container.state().status, "running");
  t.equal(cgroupDirsUnder(join(box.cgroup, "never")).length, 0);
});

scenario("an id that is not one is refused", (t, box) => {
  const bundle = box.bundle();
  for (const id of ["a/b", "../a", "..", ".", "a b", "ä", "a*", ""]) {
    const done = box.call(["create", "--bundle", bundle.dir, id]);
    t.equal(done.status, 1, `"${id}"`);
    t.match(done.stderr, /invalid container ID format|container id cannot be empty/i, `"${id}"`);
  }
  t.same(box.leftovers(), []);
});

scenario("every allowed character may be in an id", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["true"];
  });
  t.equal(box.call(["run", "--bundle", bundle.dir, `${box.marker}+_-.AZaz09`]).status, 0);
});

scenario("list shows containers as a table, as ids, and as JSON", (t, box) => {
  t.equal(box.call(["list", "-q"]).stdout, "");
  const first = box.create(() => undefined);
  const second = box.running();
  t.same(box.call(["list", "-q"]).stdout.trim().split("\n"), [first.id, second.id].sort());
  const [header = "", ...lines] = box.call(["list"]).stdout.trim().split("\n");
  t.same(header.split(/\s+/), ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]);
  const row = lines.find((line) => line.startsWith(`${second.id} `)) ?? "";
  t.same(row.split(/\s+/).slice(0, 4), [second.id, String(second.pid), "running", second.bundle.dir]);
  t.equal(row.trim().split(/\s+/)[5], "root");
  const listed = JSON.parse(box.call(["list", "--format", "json"]).stdout) as State[];
  t.same(
    listed.map((each) => [each.id, each.status]).sort(),
    [
      [first.id, "created"],
      [second.id, "running"],
    ].sort(),
  );
  t.equal(box.call(["list", "--format", "xml"]).status, 1);
});

scenario("the state directory is for the owner alone", (t, box) => {
  const container = box.create(() => undefined);
  t.equal(statSync(join(box.root, container.id)).mode & 0o066, 0);
  t.ok(existsSync(join(box.root, container.id, "state.json")));
});

scenario("an id can be used again after delete", (t, box) => {
  const bundle = box.bundle((config) => {
    config.process.args = ["echo", "again"];
  });
  const id = box.id();
  for (let round = 0; round < 3; round += 1) {
    t.equal(box.call(["run", "--bundle", bundle.dir, id]).stdout, "again\n");
  }
});

scenario("two roots keep containers apart", (t, box) => {
  const container = box.create(() => undefined);
  const other = box.call(["--root", box.folder("other"), "state", container.id]);
  t.equal(other.status, 1);
  t.match(other.stderr, /container does not exist/);
});

scenario("without --root the state is in /run/NAME, and gone after delete", (t, box) => {
  const bundle = box.bundle((config) => void (config.process.args = ["sleep", "1000"]));
  const id = box.id();
  const folder = join("/run", KIND, id);
  const call = (...words: string[]): Result => callRuntime(box.dir, words);
  box.atClose(() => call("delete", "--force", id));
  t.equal(call("create", "--bundle", bundle.dir, id).status, 0);
  t.ok(existsSync(folder));
  t.equal(call("start", id).status, 0);
  t.equal(call("delete", "--force", id).status, 0);
  t.notOk(existsSync(folder));
});

scenario("spec writes a config that runs, and refuses to write over one", (t, box) => {
  const folder = box.folder();
  t.equal(box.call(["spec"], { cwd: folder }).status, 0);
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as Record<string, unknown>;
  t.type(config["ociVersion"], "string");
  const again = box.call(["spec"], { cwd: folder });
  t.equal(again.status, 1);
  t.match(again.stderr, /config\.json.*exists/);
});

scenario(
  "start, or create, is an error if config.json has no process",
  (t, box) => {
    const bundle = box.bundle((config) => {
      delete (config as Partial<typeof config>).process;
    });
    const id = box.id();
    const created = box.call(["create", "--bundle", bundle.dir, id]);
    const refused = created.status === 0 ? box.call(["start", id]) : created;
    t.equal(refused.status, 1);
    t.match(refused.stderr, /process/);
    t.equal(box.call(["delete", "--force", id]).status, 0);
    t.same(box.leftovers(), []);
  },
  { skip: notFor("runc", "panics") },
);

scenario(
  "check finds nothing wrong with the default config",
  (t, box) => {
    const bundle = box.bundle();
    const done = box.call(["check", "--bundle", bundle.dir]);
    t.equal(done.status, 0, done.output);
  },
  { skip: runtOnly("has no command check") },
);
