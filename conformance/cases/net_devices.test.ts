// SPDX-License-Identifier: Apache-2.0
/** linux.netDevices; each case in a network namespace of its own, so that the host's devices stay as they are. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { scenario, type Box, type Bundle, type Edit } from "../harness/box.ts";
import { addNamespaces } from "../harness/config.ts";
import { namespaceOf, waitFor } from "../harness/host.ts";
import type { Result } from "../harness/runtime.ts";
import { runtOnly } from "../harness/runtime.ts";

const HAS_IP = spawnSync("ip", ["-V"]).status === 0;
const VETH =
  HAS_IP && spawnSync("unshare", ["-n", "ip", "link", "add", "d0", "type", "veth", "peer", "name", "far-d0"]).status === 0;
const skip = runtOnly("since runc 1.4") || (VETH ? false : "needs ip(8) and veth devices");

/** A process in a new network namespace; the namespace lives as long. */
function holdNamespace(box: Box): number {
  const holder = spawn("unshare", ["-n", "sleep", "1000"], { stdio: "ignore" });
  box.atClose(() => holder.kill("SIGKILL"));
  const { pid = 0 } = holder;
  const own = namespaceOf("self", "net");
  if (!waitFor(() => namespaceOf(pid, "net") !== own)) throw new Error("no network namespace was made");
  return pid;
}

function ipIn(pid: number, args: readonly string[]): string {
  return execFileSync("nsenter", ["-t", String(pid), "-n", "ip", ...args], { encoding: "utf8" });
}

/** A network namespace with devices, in which the runtime is called. */
class Host {
  readonly #pid: number;

  constructor(box: Box, devices: Readonly<Record<string, readonly string[]>>) {
    this.#pid = holdNamespace(box);
    for (const [device, addresses] of Object.entries(devices)) {
      this.ip("link", "add", device, "type", "veth", "peer", "name", `far-${device}`);
      for (const address of addresses) this.ip("address", "add", ...address.split(" "), "dev", device);
      this.ip("link", "set", device, "up");
    }
  }

  ip(...args: string[]): string {
    return ipIn(this.#pid, args);
  }

  /** Names of its devices, without their far ends. */
  devices(): string[] {
    const all = JSON.parse(this.ip("-j", "link")) as { ifname: string }[];
    return all
      .map(({ ifname }) => ifname)
      .filter((name) => name !== "lo" && !name.startsWith("far-"))
      .sort();
  }

  run(box: Box, from: Bundle | Edit): Result {
    return box.run(from, [], { wrap: ["nsenter", "-t", String(this.#pid), "-n"] });
  }
}

const SHOW = ["sh", "-c", "ip -o link; ip -o address; cat /sys/class/net/*/operstate"];

function moves(devices: Record<string, { name?: string }>, args = SHOW): Edit {
  return (config) => {
    addNamespaces(config, "network");
    config.linux.netDevices = devices;
    config.process.args = args;
  };
}

scenario(
  "netDevices: moved, up, with its permanent addresses, and gone from the host",
  (t, box) => {
    const host = new Host(box, {
      d0: ["192.0.2.5/24 broadcast 192.0.2.255", "2001:db8::5/64 nodad", "192.0.2.9/32 scope link"],
      d1: [],
    });
    const done = host.run(box, moves({ d0: {} }));
    t.equal(done.status, 0, done.stderr);
    t.match(done.stdout, /d0@\w+: <[^>]*\bUP\b/);
    t.match(done.stdout, /d0 +inet 192\.0\.2\.5\/24 brd 192\.0\.2\.255/);
    t.match(done.stdout, /d0 +inet6 2001:db8::5\/64/);
    t.notMatch(done.stdout, /192\.0\.2\.9/, "an address of scope link belongs to the link");
    t.notMatch(done.stdout, /: d1@/);
    t.same(host.devices(), ["d1"], "not moved back, as the specification says");
  },
  { skip },
);

scenario(
  "netDevices: a new name, a name of the kernel's choice, several devices",
  (t, box) => {
    const host = new Host(box, { d0: ["192.0.2.5/24"], d1: [], d2: [] });
    const done = host.run(box, moves({ d0: { name: "eth7" }, d1: { name: "net%d" }, d2: { name: "net%d" } }));
    t.equal(done.status, 0, done.stderr);
    for (const name of ["eth7", "net0", "net1"]) t.match(done.stdout, new RegExp(`: ${name}@\\w+: <[^>]*\\bUP\\b`));
    t.match(done.stdout, /eth7 +inet 192\.0\.2\.5\/24/);
    t.same(host.devices(), []);
  },
  { skip, proves: ["linux.netDevices"] },
);

scenario(
  "netDevices: with a user namespace",
  (t, box) => {
    const host = new Host(box, { d0: ["192.0.2.5/24"] });
    const done = host.run(box, (config) => {
      moves({ d0: {} })(config);
      addNamespaces(config, "user");
      config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    });
    t.match(done.stdout, /d0 +inet 192\.0\.2\.5\/24/, done.stderr);
  },
  { skip },
);

scenario(
  "netDevices: sysctls of the device, and a hook that sees it",
  (t, box) => {
    const host = new Host(box, { d0: [] });
    const seen = box.path("seen");
    const done = host.run(box, (config) => {
      moves({ d0: { name: "eth5" } }, ["cat", "/proc/sys/net/ipv4/conf/eth5/forwarding"])(config);
      config.linux.sysctl = { "net.ipv4.conf.eth5.forwarding": "1" };
      config.hooks = { createContainer: [{ path: "/bin/sh", args: ["sh", "-c", `cat /proc/net/dev > ${seen}`] }] };
    });
    t.equal(done.stdout, "1\n", done.stderr);
    t.match(execFileSync("cat", [seen], { encoding: "utf8" }), /eth5:/);
  },
  { skip },
);

scenario(
  "netDevices: a device that is missing, or a name that is taken, leaves all as it was",
  (t, box) => {
    const host = new Host(box, { d0: ["192.0.2.5/24"], d1: [] });
    for (const [devices, wanted] of [
      [{ d0: {}, gone: {} }, /netDevices\.gone: there is no network device gone/],
      [{ d0: {}, d1: { name: "lo" } }, /netDevices\.d1: the container has a network device lo already/],
      [{ lo: { name: "lo1" }, d0: {} }, /netDevices\.lo: .*invalid argument/],
      [{ d0: {}, d1: { name: "d0" } }, /netDevices.*d0.*taken/],
    ] as const) {
      const done = host.run(box, moves(devices));
      t.equal(done.status, 1);
      t.match(done.stderr, wanted);
      t.same(host.devices(), ["d0", "d1"]);
      t.match(host.ip("address", "show", "d0"), /\bUP\b[^]*192\.0\.2\.5\/24/);
    }
    t.same(box.leftovers(), []);
  },
  { skip },
);

scenario(
  "netDevices: after a later failure the devices are the host's again",
  (t, box) => {
    const host = new Host(box, { d0: ["192.0.2.5/24", "2001:db8::5/64 nodad"] });
    const done = host.run(box, moves({ d0: { name: "eth0" } }, ["no-such-program"]));
    t.equal(done.status, 1);
    t.match(done.stderr, /no-such-program/);
    const left = host.ip("address", "show", "d0");
    t.match(left, /\bUP\b/);
    t.match(left, /192\.0\.2\.5\/24/);
    t.match(left, /2001:db8::5\/64/);
    t.same(box.leftovers(), []);
  },
  { skip },
);

scenario(
  "netDevices: after a failure the host's devices have all that does not go with them, too",
  (t, box) => {
    const leased = "192.0.2.7/24 valid_lft 3000 preferred_lft 2000";
    const host = new Host(box, { d0: ["192.0.2.5/24", "198.51.100.9/32 scope link", leased, "2001:db8::5/64 nodad"] });
    host.ip("route", "add", "default", "via", "192.0.2.1", "metric", "7");
    host.ip("route", "add", "203.0.113.0/24", "via", "10.1.1.1", "dev", "d0", "onlink");
    host.ip("route", "add", "10.2.0.0/16", "dev", "d0", "table", "77");
    host.ip("-6", "route", "add", "2001:db8:9::/48", "via", "2001:db8::1");
    const show = (): string => {
      const list = [
        ["address", "show", "d0"],
        ["route", "show", "table", "all"],
        ["-6", "route", "show", "table", "all"],
      ];
      // Seconds go by, and the kernel's own routes come back when it likes.
      const lines = list
        .map((words) => host.ip(...words))
        .join("")
        .split("\n")
        .filter((line) => !/proto kernel|fe80|ff00/.test(line));
      return lines
        .map((line) =>
          line.replaceAll(/\d+sec| linkdown|state \w+|[A-Z_-]*CARRIER,?|M-DOWN|tentative|table local.*|local .*/g, ""),
        )
        .sort()
        .join("\n");
    };
    const before = show();
    const done = host.run(box, moves({ d0: { name: "eth0" } }, ["no-such-program"]));
    t.equal(done.status, 1);
    t.equal(show(), before);
  },
  { skip },
);

scenario(
  "netDevices: a name that the kernel refuses when it has moved the device already",
  (t, box) => {
    const host = new Host(box, { d0: ["192.0.2.5/24"] });
    const other = holdNamespace(box);
    ipIn(other, ["link", "property", "add", "dev", "lo", "altname", "taken0"]);
    const done = host.run(box, (config) => {
      moves({ d0: { name: "taken0" } })(config);
      for (const namespace of config.linux.namespaces) {
        if (namespace.type === "network") namespace.path = `/proc/${other}/ns/net`;
      }
    });
    t.equal(done.status, 1);
    t.match(done.stderr, /netDevices\.d0: .*file exists/);
    t.match(host.ip("address", "show", "d0"), /\bUP\b[^]*192\.0\.2\.5\/24/);
    t.notMatch(ipIn(other, ["link"]), /d0/);
  },
  { skip },
);

scenario(
  "netDevices: a device that cannot be moved keeps its routes",
  (t, box) => {
    const host = new Host(box, {});
    host.ip("link", "add", "b0", "type", "bridge");
    host.ip("address", "add", "192.0.2.5/24", "dev", "b0");
    host.ip("link", "set", "b0", "up");
    host.ip("route", "add", "198.51.100.0/24", "via", "192.0.2.1");
    const done = host.run(box, moves({ b0: {} }));
    t.match(done.stderr, /netDevices\.b0: .*invalid argument/);
    t.match(host.ip("route"), /198\.51\.100\.0\/24 via 192\.0\.2\.1 dev b0/);
  },
  { skip },
);

scenario(
  "netDevices: into a namespace that is joined",
  (t, box) => {
    const host = new Host(box, { d0: ["192.0.2.5/24"] });
    const other = holdNamespace(box);
    const done = host.run(box, (config) => {
      moves({ d0: {} })(config);
      for (const namespace of config.linux.namespaces) {
        if (namespace.type === "network") namespace.path = `/proc/${other}/ns/net`;
      }
    });
    t.match(done.stdout, /d0 +inet 192\.0\.2\.5\/24/, done.stderr);
    t.match(ipIn(other, ["link"]), /d0/, "it stays in the namespace");
  },
  { skip },
);
