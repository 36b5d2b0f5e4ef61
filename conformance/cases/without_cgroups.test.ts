// SPDX-License-Identifier: Apache-2.0
/** `--cgroup-manager`, which is crun's: above all `disabled`. */
import { scenario, type Box } from "../harness/box.ts";
import { isAlive, readText, sleep, waitFor } from "../harness/host.ts";
import { notFor, runtOnly } from "../harness/runtime.ts";

const notForRunc = notFor("runc", "has no --cgroup-manager");
const limitsAreAnError = runtOnly("ignores limits then, or has no --cgroup-manager");
const ownErrors = runtOnly("says it otherwise");

function disabled(box: Box): void {
  box.globals.push("--cgroup-manager", "disabled");
}

function cgroupsOf(pid: number | "self"): string {
  return readText(`/proc/${pid}/cgroup`);
}

scenario(
  "--cgroup-manager disabled: the container stays in the caller's cgroups",
  (t, box) => {
    disabled(box);
    const container = box.running((config) => {
      config.process.args = ["sh", "-c", "sleep 1001 & wait"];
      config.linux.cgroupsPath = `${box.cgroup}/ignored`;
      config.linux.resources = {};
    });
    t.equal(cgroupsOf(container.pid), cgroupsOf("self"));
    t.equal(container.state().status, "running");
    const inside = box.call(["exec", container.id, "cat", "/proc/self/cgroup"]);
    t.equal(inside.status, 0, inside.output);
    container.kill("KILL");
    container.until("stopped");
    t.equal(container.remove().status, 0);
  },
  { skip: notForRunc },
);

scenario(
  "--cgroup-manager disabled: ps finds the processes by their pid namespace",
  (t, box) => {
    disabled(box);
    const container = box.running((config) => {
      config.process.args = ["sh", "-c", "sleep 1001 & (unshare -p -f sleep 1002) & wait"];
      config.linux.resources = {};
    });
    const json = (): number[] => JSON.parse(box.call(["ps", "--format", "json", container.id]).stdout) as number[];
    const before = json();
    t.ok(before.includes(container.pid), "the first one");
    t.notOk(before.includes(process.pid), "not ours");
    t.equal(box.call(["exec", "--detach", container.id, "sleep", "1003"]).status, 0);
    const commands = (): string =>
      json()
        .map((pid) => readText(`/proc/${pid}/cmdline`))
        .join(" ");
    t.ok(
      waitFor(() => commands().includes("1001") && commands().includes("1003")),
      "its children, and those of exec",
    );
    const all = json();
    const forced = container.remove("--force");
    t.equal(forced.status, 0, forced.output);
    t.ok(
      waitFor(() => all.every((pid) => !isAlive(pid))),
      "none is left",
    );
  },
  { skip: runtOnly("lists no processes without a cgroup") },
);

scenario(
  "--cgroup-manager disabled: without a pid namespace the first process takes its descendants along",
  (t, box) => {
    disabled(box);
    const made = [
      ["delete", "--force"],
      ["kill", "KILL"],
    ] as const;
    for (const [command, word] of made) {
      const container = box.running((config) => {
        config.process.args = ["sh", "-c", "(sleep 1001 & sleep 1002) & sleep 1003 & wait"];
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
        config.linux.resources = {};
      });
      const json = (): number[] => JSON.parse(box.call(["ps", "--format", "json", container.id]).stdout) as number[];
      t.ok(
        waitFor(() => json().length >= 4),
        "itself and its descendants",
      );
      const all = json();
      const ended = command === "delete" ? box.call([command, word, container.id]) : box.call([command, container.id, word]);
      t.equal(ended.status, 0, ended.output);
      t.ok(
        waitFor(() => all.every((pid) => !isAlive(pid))),
        `${command}: none is left`,
      );
      if (command === "kill") t.equal(container.remove().status, 0);
    }
  },
  { skip: runtOnly("lists no processes without a cgroup") },
);

scenario(
  "--cgroup-manager disabled: a limit is an error, device rules a warning",
  (t, box) => {
    disabled(box);
    const limits = {
      "linux.resources.memory.limit": { memory: { limit: 64 << 20 } },
      "linux.resources.pids.limit": { pids: { limit: 10 } },
      "linux.resources.cpu.shares": { cpu: { shares: 512 } },
      "linux.resources.unified": { unified: { "memory.high": "1000000" } },
    };
    for (const [property, resources] of Object.entries(limits)) {
      const made = box.tryCreate(
        box.bundle((config) => {
          config.linux.resources = resources;
        }),
      );
      t.equal(made.status, 1);
      t.match(made.output, `${property}: with --cgroup-manager disabled the container has no cgroup that could be limited`);
    }
    const ran = box.run((config) => {
      config.process.args = ["true"];
      config.linux.resources = { devices: [{ allow: false, access: "rwm" }] };
    });
    t.equal(ran.status, 0, ran.output);
    t.match(ran.stderr, /linux\.resources\.devices: ignored: --cgroup-manager disabled/);
  },
  { skip: limitsAreAnError },
);

scenario(
  "--cgroup-manager disabled: pause, resume, update, events and exec --cgroup say why not",
  (t, box) => {
    disabled(box);
    const container = box.running((config) => {
      config.linux.resources = {};
    });
    box.globals.length = 0;
    for (const words of [
      ["pause", container.id],
      ["resume", container.id],
      ["update", "--pids-limit", "10", container.id],
      ["events", "--stats", container.id],
      ["events", container.id],
      ["exec", "--cgroup", "/below", container.id, "true"],
    ]) {
      const refused = box.call(words);
      t.not(refused.status, 0, words.join(" "));
      t.match(refused.output, /it has no cgroup: it was made with --cgroup-manager disabled/, words.join(" "));
    }
    sleep(50);
    t.equal(container.state().status, "running");
  },
  { skip: ownErrors },
);

scenario(
  "--cgroup-manager: cgroupfs is the default, and what makes no sense is refused",
  (t, box) => {
    box.globals.push("--cgroup-manager", "cgroupfs");
    const container = box.running();
    t.match(cgroupsOf(container.pid), box.cgroup);
    box.globals.length = 0;
    for (const words of [
      ["--cgroup-manager", "none"],
      ["--cgroup-manager", "disabled", "--systemd-cgroup"],
    ]) {
      const refused = box.call([...words, "create", "--bundle", container.bundle.dir, box.id()]);
      t.equal(refused.status, 1);
      t.match(refused.output, /--cgroup-manager/);
    }
  },
  { skip: ownErrors },
);
