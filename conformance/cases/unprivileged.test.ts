// SPDX-License-Identifier: Apache-2.0
import { chownSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box, type Bundle } from "../harness/box.ts";
import { removeNamespaces, type Config } from "../harness/config.ts";
import { namespaceOf, statusField } from "../harness/host.ts";
import { IS_RUNT, needs, notFor, RUNTIME, type Result } from "../harness/runtime.ts";

/** A user of this name exists for a call only; his subordinate ids are 300000 to 365535. */
const NAME = "runt-test";
const UID = 4321;

/** Words before the runtime that make it an ordinary user's. */
const AS_USER: readonly string[] = ["setpriv", `--reuid=${UID}`, `--regid=${UID}`, "--clear-groups"];

const FIRST = { containerID: 0, hostID: UID, size: 1 };
const MAPS = [{ containerID: 0, hostID: 100000, size: 65536 }];
const MORE = { containerID: 1, hostID: 300000, size: 65536 };

/** A bundle with the config that the runtime's `spec --rootless` writes when the user calls it. */
function rootless(box: Box, edit: (config: Config) => void): Bundle {
  const bundle = box.bundle();
  chownSync(bundle.dir, UID, UID);
  chownSync(bundle.rootfs, UID, UID);
  const folder = box.folder("spec");
  chownSync(folder, UID, UID);
  const made = box.call(["spec", "--rootless", "--bundle", folder], { wrap: AS_USER });
  if (made.status !== 0) throw new Error(`spec --rootless: ${made.output}`);
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as Config;
  config.process.terminal = false;
  edit(config);
  bundle.write(config);
  return bundle;
}

/** Calls the runtime as the user; the state is in the place of the box. */
function call(box: Box, args: readonly string[], before: readonly string[] = []): Result {
  mkdirSync(box.root, { recursive: true });
  chownSync(box.root, UID, UID);
  return box.call(args, { wrap: [...before, ...AS_USER] });
}

function run(box: Box, edit: (config: Config) => void, before: readonly string[] = []): Result {
  const bundle = rootless(box, edit);
  return call(box, ["run", "--bundle", bundle.dir, box.id()], before);
}

function sh(script: string): string[] {
  return ["sh", "-c", script];
}

/** Words that give the user a name and subordinate ids, in a mount namespace of the call. */
function withSubordinateIds(box: Box): string[] {
  const files = {
    passwd: `${readFileSync("/etc/passwd", "utf8")}${NAME}:x:${UID}:${UID}::/:/bin/sh\n`,
    subuid: `${NAME}:${MORE.hostID}:${MORE.size}\n`,
    subgid: `${NAME}:${MORE.hostID}:${MORE.size}\n`,
  };
  const binds: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const path = box.file(text);
    binds.push(`{ [ -e /etc/${name} ] || : >/etc/${name}; } && mount --bind ${path} /etc/${name}`);
  }
  return ["unshare", "--mount", "sh", "-c", `${binds.join(" && ")} && exec "$@"`, "sh"];
}

scenario("spec --rootless: its container runs, with one id and no others' groups", (t, box) => {
  const done = run(box, ({ process }) => {
    process.args = sh("id -u; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups");
  });
  t.equal(done.status, 0, done.output);
  t.same(done.stdout.trim().split(/\s+/), ["0", "0", `${UID}`, "1", "0", `${UID}`, "1", "deny"]);
});

scenario("the life of a container: create, state, start, exec, kill, delete", (t, box) => {
  const bundle = rootless(box, ({ process }) => void (process.args = ["sleep", "1000"]));
  const id = box.id();
  const pidFile = join(bundle.dir, "pid");
  const made = call(box, ["create", "--bundle", bundle.dir, "--pid-file", pidFile, id]);
  t.equal(made.status, 0, made.output);
  const pid = Number(readFileSync(pidFile, "utf8"));
  t.match(statusField(pid, "Uid"), new RegExp(`^${UID}\\s`), "outside it is the user's process");
  t.equal(call(box, ["start", id]).status, 0);
  t.match(call(box, ["state", id]).stdout, '"status": "running"');
  const executed = call(box, ["exec", id, "sh", "-c", "id -u; tr '\\0' ' ' </proc/1/cmdline"]);
  t.equal(executed.stdout, "0\nsleep 1000 ", executed.stderr);
  t.equal(call(box, ["kill", id, "KILL"]).status, 0);
  t.equal(call(box, ["delete", "--force", id]).status, 0);
  t.same(box.ids(), []);
});

scenario(
  "several ids, by newuidmap and newgidmap: other users, and groups",
  (t, box) => {
    const before = withSubordinateIds(box);
    const bundle = rootless(box, (config) => {
      config.linux.uidMappings = [FIRST, MORE];
      config.linux.gidMappings = [FIRST, MORE];
      config.process.user = { uid: 1000, gid: 1000, additionalGids: [7, 9] };
      config.process.args = sh("id -u; id -G; touch /tmp/mine; cat /proc/self/setgroups; sleep 1000");
    });
    const id = box.id();
    const pidFile = join(bundle.dir, "pid");
    const made = call(box, ["create", "--bundle", bundle.dir, "--pid-file", pidFile, id], before);
    t.equal(made.status, 0, made.output);
    t.equal(call(box, ["start", id]).status, 0);
    const pid = Number(readFileSync(pidFile, "utf8"));
    t.match(statusField(pid, "Uid"), new RegExp(`^${MORE.hostID + 999}\\s`));
    t.same(statusField(pid, "Groups").split(" "), [`${MORE.hostID + 6}`, `${MORE.hostID + 8}`]);
    const other = call(box, ["exec", "--user", "5:6", id, "sh", "-c", "id -u; id -g"]);
    t.equal(other.stdout, "5\n6\n", other.stderr);
    t.equal(call(box, ["delete", "--force", id]).status, 0);
  },
  { skip: notFor("runc", "sets no additional groups for such a user") },
);

scenario(
  "ids that are not the user's: an error that says which map",
  (t, box) => {
    const done = run(
      box,
      ({ linux }) => {
        linux.uidMappings = [FIRST, { containerID: 1, hostID: 1, size: 10 }];
      },
      withSubordinateIds(box),
    );
    t.equal(done.status, 1);
    t.match(done.stderr, /newuidmap|uid map/);
    if (IS_RUNT) t.match(done.stderr, "linux.uidMappings");
  },
  { skip: needs("openat2", "a filter takes no_new_privs of a user, with which newuidmap has no rights") },
);

scenario("additional groups with one id: an error", (t, box) => {
  const done = run(box, ({ process }) => void (process.user.additionalGids = [0, 5]));
  t.equal(done.status, 1);
  t.match(done.stderr, /additional groups|additionalGids/);
});

scenario(
  "the only group may be named as an additional one",
  (t, box) => {
    const done = run(box, ({ process }) => {
      process.user.additionalGids = [0];
      process.args = ["id", "-G"];
    });
    t.equal(done.stdout, "0\n", done.stderr);
  },
  { skip: notFor("runc", "refuses every additional group") },
);

scenario("without a user namespace: an error that says so", (t, box) => {
  const done = run(box, (config) => {
    removeNamespaces(config, "user");
    delete config.linux.uidMappings;
    delete config.linux.gidMappings;
  });
  t.equal(done.status, 1);
  t.match(done.stderr, "rootless container requires user namespaces");
});

scenario("a user namespace and those that belong to it are joined by their paths", (t, box) => {
  const network = (config: Config): void => void config.linux.namespaces.push({ type: "network" });
  const first = rootless(box, (config) => {
    network(config);
    config.process.args = ["sleep", "1000"];
  });
  const id = box.id();
  const pidFile = join(first.dir, "pid");
  const made = call(box, ["create", "--bundle", first.dir, "--pid-file", pidFile, id]);
  t.equal(made.status, 0, made.output);
  t.equal(call(box, ["start", id]).status, 0);
  const pid = Number(readFileSync(pidFile, "utf8"));
  const done = run(box, (config) => {
    const joined = { user: "user", network: "net", ipc: "ipc", pid: "pid" };
    removeNamespaces(config, ...Object.keys(joined));
    for (const [type, name] of Object.entries(joined)) {
      config.linux.namespaces.push({ type, path: `/proc/${pid}/ns/${name}` });
    }
    config.process.args = sh("for n in user net ipc; do readlink /proc/self/ns/$n; done; ip link set lo up && echo up");
  });
  const wanted = ["user", "net", "ipc"].map((name) => `${namespaceOf(pid, name)}\n`);
  t.equal(done.stdout, `${wanted.join("")}up\n`, done.stderr);
  t.equal(call(box, ["delete", "--force", id]).status, 0);
});

scenario(
  "a user namespace with one that does not belong to it, as root may",
  (t, box) => {
    const holder = box.running((config) => (config.process.args = ["sleep", "1000"]));
    const mapped = box.running((config) => {
      config.linux.namespaces.push({ type: "user" });
      config.linux.uidMappings = MAPS;
      config.linux.gidMappings = MAPS;
    });
    const out = box.sh("readlink /proc/self/ns/user; readlink /proc/self/ns/net; readlink /proc/self/ns/ipc", (config) => {
      removeNamespaces(config, "network", "ipc");
      config.linux.uidMappings = MAPS;
      config.linux.gidMappings = MAPS;
      config.linux.namespaces.push({ type: "user", path: `/proc/${mapped.pid}/ns/user` });
      config.linux.namespaces.push({ type: "ipc", path: `/proc/${mapped.pid}/ns/ipc` });
      config.linux.namespaces.push({ type: "network", path: `/proc/${holder.pid}/ns/net` });
      config.mounts = config.mounts.filter(({ type }) => type !== "sysfs" && type !== "cgroup");
    });
    t.equal(out, `${namespaceOf(mapped.pid, "user")}\n${namespaceOf(holder.pid, "net")}\n${namespaceOf(mapped.pid, "ipc")}\n`);
  },
  { skip: notFor("runc", "1.1 joins the user namespace first, and none outside of it then") },
);

scenario("the state is in $XDG_RUNTIME_DIR where --root is not given", (t, box) => {
  const bundle = rootless(box, ({ process }) => void (process.args = ["true"]));
  const folder = box.folder("xdg");
  chownSync(folder, UID, UID);
  const id = box.id();
  const script = `${RUNTIME} create --bundle ${bundle.dir} ${id} </dev/null >/dev/null && ls ${folder}/* && ${RUNTIME} delete --force ${id}`;
  const words = ["env", `XDG_RUNTIME_DIR=${folder}`, "sh", "-c", script, "sh"];
  const done = box.call([], { wrap: [...AS_USER, ...words] });
  t.equal(done.stdout, `${id}\n`, done.output);
});
