// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Bundle, type Box, type Edit, type State } from "../harness/box.ts";
import { addNamespaces } from "../harness/config.ts";
import { namespaceOf, readText, waitFor } from "../harness/host.ts";
import { notFor, runtOnly, type Result } from "../harness/runtime.ts";

/** The caller's PATH, which may lead to a newer CRIU than the distribution's. */
const WITH_CRIU = { PATH: process.env["PATH"] ?? "" };
const NO_CRIU = { PATH: "/nowhere" };

/** A reason to skip what needs CRIU, or `false`. */
function withoutCriu(): string | false {
  const asked = spawnSync("criu", ["check"], { encoding: "utf8" });
  if (asked.error !== undefined) return "CRIU is not installed";
  if (asked.status === 0) return false;
  return `criu check: ${asked.stderr.trim().split("\n").at(-1) ?? ""}`;
}

const SKIP = withoutCriu();

/** A detached container, with the caller's /dev/null as its standard streams, that counts in the file /count. */
function counter(
  box: Box,
  first = "",
  edit: Edit = () => undefined,
  wrap: string[] = [],
): { readonly id: string; readonly bundle: Bundle; count(): number } {
  const bundle = box.bundle((config) => {
    const loop = "i=0; while :; do i=$((i+1)); echo $i > /count.new; mv /count.new /count; sleep 0.05; done";
    config.process.args = ["sh", "-c", `${first} ${loop}`];
    config.root.readonly = false;
    edit(config);
  });
  const id = box.id();
  // Not the files of the tests: CRIU saves none of the host's.
  const log = box.path("log");
  const started = box.call(["--log", log, "run", "--detach", "--bundle", bundle.dir, id], {
    wrap: ["sh", "-c", 'exec "$@" < /dev/null > /dev/null 2>&1', "sh", ...wrap],
  });
  if (started.status !== 0) throw new Error(`run: ${readText(log)}`);
  const count = (): number => Number(readText(join(bundle.rootfs, "count")));
  if (!waitFor(() => count() > 3)) throw new Error("it does not count");
  return { id, bundle, count };
}

function call(box: Box, ...args: string[]): Result {
  return box.call(args, { env: WITH_CRIU });
}

function state(box: Box, id: string): State {
  return JSON.parse(box.call(["state", id]).stdout) as State;
}

scenario(
  "a container is saved, deleted, and goes on where it stood",
  (t, box) => {
    const { id, bundle, count } = counter(box);
    const images = box.path("images");
    // What a process of exec leaves behind has the caller's /dev/null, too.
    box.call(["exec", id, "sh", "-c", "busybox setsid sleep 1000 & sleep 0.5"], {
      wrap: ["sh", "-c", 'exec "$@" < /dev/null > /dev/null 2>&1', "sh"],
    });
    const saved = call(box, "checkpoint", "--image-path", images, id);
    t.equal(saved.status, 0, saved.output);
    t.not(box.call(["state", id]).status, 0, "it is deleted");
    t.same(JSON.parse(readFileSync(join(images, "descriptors.json"), "utf8")).length, 3);
    const stood = count();
    t.same(box.leftovers(), [], "nothing of it is left");

    const pidFile = box.path("pid");
    const args = ["--detach", "--image-path", images, "--bundle", bundle.dir, "--pid-file", pidFile, id];
    const back = call(box, "restore", ...args);
    t.equal(back.status, 0, back.output);
    t.ok(
      waitFor(() => count() > stood + 3),
      "it counts on",
    );
    t.equal(state(box, id).status, "running");
    t.equal(String(state(box, id).pid), readFileSync(pidFile, "utf8"));
    t.match(readText(`/proc/${state(box, id).pid}/cgroup`), box.cgroup, "it is in its cgroup");
    t.equal(box.call(["exec", id, "sh", "-c", "echo in; cat /proc/1/comm"]).stdout, "in\nsh\n");
    t.notOk(existsSync(join(box.root, id, "criu-root")), "the mount for CRIU is gone");
    t.match(box.call(["exec", id, "ps"]).stdout, "sleep 1000", "what exec has left is there again");
    t.match(
      box.call(["exec", id, "sh", "-c", "chmod 666 /proc/keys"]).output,
      "Read-only file system",
      "what hides is the host's, and cannot be changed",
    );

    const again = call(box, "checkpoint", "--image-path", box.path("again"), id);
    t.equal(again.status, 0, `and once more: ${again.output}`);
    t.equal(call(box, "restore", ...args).status, 0);
    t.equal(box.call(["delete", "--force", id]).status, 0);
  },
  { skip: SKIP },
);

scenario(
  "--leave-running and --pre-dump let it go on; --work-path has the log",
  (t, box) => {
    const { id, bundle, count } = counter(box);
    const images = box.folder("images");
    const work = box.path("work");
    const tracks = spawnSync("criu", ["check", "--feature", "mem_dirty_track"]).status === 0;
    const pre = call(box, "checkpoint", "--pre-dump", "--image-path", join(images, "pre"), id);
    if (tracks) t.equal(pre.status, 0, pre.output);
    else t.match(pre.stderr, "missing features", "this kernel does not track memory: refused");
    const first = count();
    t.ok(waitFor(() => count() > first));
    const parent = tracks ? ["--parent-path", "../pre"] : [];
    const args = ["--image-path", join(images, "full"), ...parent, "--work-path", work, id];
    const saved = call(box, "checkpoint", "--leave-running", ...args);
    t.equal(saved.status, 0, saved.output);
    t.ok(readdirSync(work).includes("dump.log"));
    const then = count();
    t.ok(waitFor(() => count() > then));
    t.equal(state(box, id).status, "running");
    t.equal(box.call(["delete", "--force", id]).status, 0);

    const back = call(box, "restore", "-d", "--image-path", join(images, "full"), "-b", bundle.dir, id);
    t.equal(back.status, 0, back.output);
    t.equal(box.call(["delete", "--force", id]).status, 0);
  },
  { skip: SKIP },
);

scenario(
  "restore in the foreground has the exit status of the program",
  (t, box) => {
    const { id, bundle } = counter(box, "trap 'exit 7' TERM;");
    const images = box.path("images");
    t.equal(call(box, "checkpoint", "--image-path", images, id).status, 0);
    const args = ["--image-path", images, "--bundle", bundle.dir, id];
    const wrap = ["sh", "-c", '"$@" & sleep 1.5; kill $!; wait $!', "sh"];
    const ended = box.call(["restore", ...args], { env: WITH_CRIU, wrap });
    t.equal(ended.status, 7, ended.output);
    t.not(box.call(["state", id]).status, 0, "it is deleted");
  },
  { skip: SKIP },
);

scenario(
  "restore makes the mount points that are gone, below another bind mount too",
  (t, box) => {
    const outer = box.folder("outer");
    const inner = box.folder("inner");
    const { id, bundle, count } = counter(box, "", (config) => {
      config.mounts.push({ destination: "/outer", type: "bind", source: outer, options: ["bind"] });
      config.mounts.push({ destination: "/outer/a/inner", type: "bind", source: inner, options: ["bind"] });
      config.mounts.push({ destination: "/scratch/deep", type: "tmpfs", source: "tmpfs" });
    });
    const images = box.path("images");
    t.equal(call(box, "checkpoint", "--image-path", images, id).status, 0);
    for (const path of [join(outer, "a"), join(bundle.rootfs, "outer"), join(bundle.rootfs, "scratch")]) {
      rmSync(path, { recursive: true });
    }
    const stood = count();
    const back = call(box, "restore", "-d", "--image-path", images, "-b", bundle.dir, id);
    t.equal(back.status, 0, back.output);
    t.ok(
      waitFor(() => count() > stood + 3),
      "it counts on",
    );
    t.same(readdirSync(join(outer, "a")), ["inner"]);
    t.same(readdirSync(join(bundle.rootfs, "scratch/deep")), []);
    t.equal(box.call(["delete", "--force", id]).status, 0);
  },
  { skip: SKIP || notFor("runc", "1.1 makes none below a bind mount") },
);

const VETH = spawnSync("unshare", ["-n", "ip", "link", "add", "d0", "type", "veth", "peer", "name", "far-d0"]).status === 0;

scenario(
  "restore into a network namespace that has kept linux.netDevices",
  (t, box) => {
    const hold = (): string => {
      const holder = spawn("unshare", ["-n", "sleep", "1000"], { stdio: "ignore" });
      box.atClose(() => holder.kill("SIGKILL"));
      const pid = holder.pid ?? 0;
      if (!waitFor(() => namespaceOf(pid, "net") !== namespaceOf("self", "net")))
        throw new Error("no network namespace was made");
      return String(pid);
    };
    const wrap = ["nsenter", "-t", hold(), "-n"];
    const kept = hold();
    spawnSync(wrap[0] ?? "", [...wrap.slice(1), "ip", "link", "add", "d0", "type", "veth", "peer", "name", "far-d0"]);
    const { id, bundle } = counter(
      box,
      "",
      (config) => {
        addNamespaces(config, "network");
        for (const namespace of config.linux.namespaces)
          if (namespace.type === "network") namespace.path = `/proc/${kept}/ns/net`;
        config.linux.netDevices = { d0: {} };
      },
      wrap,
    );
    const images = box.path("images");
    const saved = call(box, "checkpoint", "--image-path", images, id);
    t.equal(saved.status, 0, saved.output);
    const back = call(box, "restore", "-d", "--image-path", images, "-b", bundle.dir, id);
    t.equal(back.status, 0, back.output);
    t.match(box.call(["exec", id, "ip", "link"]).stdout, /: d0@/);
    t.equal(box.call(["delete", "--force", id]).status, 0);
  },
  { skip: SKIP || notFor("runc", "since runc 1.4") || (VETH ? false : "needs ip(8) and veth devices") },
);

const words = runtOnly("other words, and criu's own");

scenario(
  "what CRIU cannot save is an error with its reason, and the container goes on",
  (t, box) => {
    // Its standard streams are files of the host.
    const container = box.running();
    const failed = call(box, "checkpoint", "--image-path", box.path("images"), container.id);
    t.equal(failed.status, 1);
    t.match(failed.stderr, /checkpoint of \S+: criu failed: Error \(.*Can't lookup mount/);
    t.equal(container.state().status, "running");
  },
  { skip: SKIP || words },
);

scenario(
  "what CRIU cannot restore leaves nothing",
  (t, box) => {
    const { id, bundle } = counter(box);
    const images = box.path("images");
    t.equal(call(box, "checkpoint", "--image-path", images, id).status, 0);
    spawnSync("rm", [join(images, "pstree.img")]);
    const failed = call(box, "restore", "-d", "--image-path", images, "-b", bundle.dir, id);
    t.equal(failed.status, 1);
    t.match(failed.stderr, /restore of \S+: criu failed: \S/);
    t.same(box.leftovers(), []);
  },
  { skip: SKIP || words },
);

scenario(
  "without CRIU both say so, and nothing has changed",
  (t, box) => {
    const container = box.running();
    const saved = box.call(["checkpoint", "--image-path", box.path("images"), container.id], { env: NO_CRIU });
    t.equal(saved.status, 1);
    t.match(saved.stderr, 'checkpoint and restore need CRIU: no executable \\"criu\\" in PATH (/nowhere)');
    t.equal(container.state().status, "running");

    const images = box.folder("images");
    spawnSync("sh", ["-c", `echo '["","",""]' > ${images}/descriptors.json`]);
    const args = ["restore", "-d", "--image-path", images, "-b", container.bundle.dir, box.id()];
    box.call(["delete", "--force", container.id]);
    const back = box.call(args, { env: NO_CRIU });
    t.equal(back.status, 1);
    t.match(back.stderr, "checkpoint and restore need CRIU");
    t.same(box.leftovers(), []);
  },
  { skip: words },
);

scenario("a container that is only created cannot be saved", (t, box) => {
  const { id } = box.create(() => undefined);
  const failed = call(box, "checkpoint", "--image-path", box.path("images"), id);
  t.equal(failed.status, 1);
  t.match(failed.stderr, "ontainer cannot be checkpointed in created state");
});

scenario("what podman asks a runtime before it uses it", (t, box) => {
  t.equal(box.call(["checkpoint", "--help"]).status, 0);
  t.match(box.call(["restore", "--lsm-mount-context"]).output, "flag needs an argument");
});

scenario(
  "options that cannot be",
  (t, box) => {
    const { id } = box.running();
    const refuse = (reason: string, ...args: string[]): void => {
      const failed = call(box, "checkpoint", "--image-path", box.path("images"), ...args, id);
      t.equal(failed.status, 1, args.join(" "));
      t.match(failed.stderr, reason);
    };
    refuse("invalid manage-cgroups-mode value", "--manage-cgroups-mode", "loud");
    refuse("--parent-path must be relative", "--parent-path", "/x");
    refuse("invalid --parent-path", "--parent-path", "nowhere");
    refuse("invalid --status-fd argument 77", "--status-fd", "77");
    refuse("Use --page-server ADDRESS:PORT", "--page-server", "here");
    refuse("is not supported", "--empty-ns", "user");
  },
  { skip: words },
);

scenario(
  "restore refuses what only create can do, instead of leaving it out",
  (t, box) => {
    for (const [name, value] of [
      ["netDevices", { eth0: {} }],
      ["intelRdt", { closID: "x" }],
    ] as const) {
      const bundle = box.bundle((config) => void Object.assign(config.linux, { [name]: value }));
      const done = box.call(["restore", "--bundle", bundle.dir, "--image-path", box.folder(), box.id()]);
      t.equal(done.status, 1);
      t.match(done.output, `linux.${name}: restore cannot do this yet`);
      t.same(box.leftovers(), []);
    }
  },
  { skip: runtOnly("a limit of this restore") },
);
