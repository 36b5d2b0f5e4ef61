// SPDX-License-Identifier: Apache-2.0
// Options of crun that engines and scripts use.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { PURE_V2, waitFor } from "../harness/host.ts";
import { notFor, runtOnly } from "../harness/runtime.ts";

const NOT_RUNC = { skip: notFor("runc", "does not have it") } as const;

scenario(
  "run and create --config: another file than config.json of the bundle",
  (t, box) => {
    const bundle = box.bundle((config) => void (config.process.args = ["echo", "from the file"]));
    const file = box.path("other.json");
    renameSync(join(bundle.dir, "config.json"), file);
    const done = box.call(["run", "--bundle", bundle.dir, "--config", file, box.id()]);
    t.equal(done.stdout, "from the file\n", done.stderr);
    const cwd = box.folder("cwd");
    mkdirSync(join(cwd, "sub"));
    renameSync(file, join(cwd, "sub/c.json"));
    const relative = box.call(["run", "--bundle", bundle.dir, "-f", "sub/c.json", box.id()], { cwd });
    t.equal(relative.stdout, "from the file\n", "relative: from the current directory");
    const id = box.id();
    const made = box.call(["create", "--bundle", bundle.dir, "--config", "sub/c.json", id], { cwd });
    t.equal(made.status, 0, made.stderr);
    t.equal(box.call(["start", id]).status, 0);
    const missing = box.call(["run", "--bundle", bundle.dir, "--config", "none.json", box.id()], { cwd });
    t.not(missing.status, 0);
    t.match(missing.stderr, /none\.json/);
  },
  NOT_RUNC,
);

scenario(
  "check and plan take --config too, and name its lines",
  (t, box) => {
    const bundle = box.bundle();
    const file = box.path("typo.json");
    const config = JSON.parse(readFileSync(join(bundle.dir, "config.json"), "utf8")) as { process: Record<string, unknown> };
    config.process["noNewPrivilege"] = true;
    writeFileSync(file, JSON.stringify(config, null, 1));
    const checked = box.call(["check", "--bundle", bundle.dir, "--config", file]);
    t.match(checked.stdout, /^typo\.json.*:\d+:\d+: \/process\/noNewPrivilege: warning: .*did you mean "noNewPrivileges"/m);
    t.equal(checked.status, 0);
    t.match(box.call(["plan", "--bundle", bundle.dir, "--config", file]).stdout, /execve|exec/);
  },
  { skip: runtOnly("has no such commands") },
);

/** Ids of the box's containers that are left. */
function left(box: Box): string[] {
  return box
    .call(["list", "--quiet"])
    .stdout.split("\n")
    .filter((id) => id !== "");
}

scenario(
  "kill and delete --regex: all containers whose id fits",
  (t, box) => {
    const make = (id: string): void => {
      const bundle = box.bundle(
        (config) => void (config.process.args = ["sh", "-c", "trap 'exit 5' USR1; while :; do sleep 0.05; done"]),
      );
      t.equal(box.call(["run", "--detach", "--bundle", bundle.dir, `${box.marker}-${id}`]).status, 0);
    };
    const ids = (...names: string[]): string[] => names.map((name) => `${box.marker}-${name}`);
    for (const id of ["web1", "web2", "db1"]) make(id);
    t.equal(box.call(["kill", "--regex", "web[0-9]$", "KILL"]).status, 0);
    const status = (id: string): string => /"status": "(\w+)"/.exec(box.call(["state", id]).stdout)?.[1] ?? "";
    for (const id of ids("web1", "web2"))
      t.ok(
        waitFor(() => status(id) === "stopped"),
        id,
      );
    for (const id of ids("db1")) t.equal(status(id), "running", "does not fit");
    const done = box.call(["delete", "--regex", "(web[[:digit:]]|db1)$"]);
    t.equal(done.status, 0, "one that runs is a warning, as with crun");
    t.match(done.stderr, /level=warning.*db1.*not stopped/);
    t.same(left(box), ids("db1"));
    t.equal(box.call(["delete", "--regex", "--force", "."]).status, 0);
    t.same(left(box), []);
    t.equal(box.call(["delete", "--regex", "none"]).status, 0, "none fits");
    const wrong = box.call(["delete", "--regex", "("]);
    t.equal(wrong.status, 1);
    t.match(wrong.stderr, /is not a regular expression/);
    t.equal(box.call(["kill", "--regex", ".", "FOO"]).status, 1, "a signal that there is not");
  },
  { skip: runtOnly("crun prints its warnings in another form, runc has no such option") },
);

scenario(
  "the annotation run.oci.delegate-cgroup is an error on cgroup v1, where it would not be safe",
  (t, box) => {
    const done = box.tryCreate(box.bundle((config) => void (config.annotations = { "run.oci.delegate-cgroup": "own" })));
    t.equal(done.status, 1);
    t.match(done.stderr, /run\.oci\.delegate-cgroup: not supported on cgroup v1/);
    t.same(box.leftovers(), []);
  },
  { skip: PURE_V2 ? "cgroups_v2.test.ts has what it does" : runtOnly("runc ignores it") },
);
