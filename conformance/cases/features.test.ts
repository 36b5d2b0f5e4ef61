// SPDX-License-Identifier: Apache-2.0
import { scenario } from "../harness/box.ts";
import { IS_RUNT, notFor } from "../harness/runtime.ts";

interface Features {
  readonly ociVersionMin: string;
  readonly ociVersionMax: string;
  readonly hooks: readonly string[];
  readonly mountOptions: readonly string[];
  readonly linux: {
    readonly namespaces: readonly string[];
    readonly capabilities: readonly string[];
    readonly cgroup: Readonly<Record<string, boolean>>;
    readonly seccomp: { readonly enabled: boolean; readonly actions: readonly string[]; readonly archs: readonly string[] };
    readonly netDevices?: { readonly enabled: boolean };
    readonly intelRdt?: { readonly enabled: boolean };
  };
  readonly annotations: Readonly<Record<string, string>>;
  readonly potentiallyUnsafeConfigAnnotations: readonly string[];
}

scenario(
  "features: an object that engines can read",
  (t, box) => {
    const done = box.call(["features"]);
    t.equal(done.status, 0, done.output);
    t.ok(done.stdout.startsWith('{\n    "ociVersionMin": "1.0.0",\n    "ociVersionMax": "1.'), "indented by four, as runc");
    t.ok(done.stdout.endsWith("}\n"));
    const features = JSON.parse(done.stdout) as Features;
    t.same(features.hooks, ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]);
    for (const option of ["bind", "ro", "rw", "nosuid", "rro", "rslave", "tmpcopyup"]) {
      if (option !== "rro" || IS_RUNT) t.ok(features.mountOptions.includes(option), option);
    }
    for (const name of ["cgroup", "ipc", "mount", "network", "pid", "user", "uts"]) {
      t.ok(features.linux.namespaces.includes(name), name);
    }
    t.ok(features.linux.capabilities.includes("CAP_SYS_ADMIN"));
    t.equal(features.linux.cgroup["v1"], true);
    t.equal(features.linux.seccomp.enabled, true);
    t.ok(features.linux.seccomp.actions.includes("SCMP_ACT_ERRNO"));
    t.ok(features.linux.seccomp.archs.includes("SCMP_ARCH_X86_64"));
    t.match(features.annotations["io.github.seccomp.libseccomp.version"], /^\d+\.\d+\.\d+$/);
  },
  { skip: notFor("crun", "1.8 has no features") },
);

scenario(
  "features names the annotations that change what is done",
  (t, box) => {
    const { potentiallyUnsafeConfigAnnotations: unsafe } = JSON.parse(box.call(["features"]).stdout) as Features;
    // runc's and crun's names; one that ends in a dot stands for all that begin with it.
    for (const name of ["org.systemd.property.", "org.criu.config", "run.oci.seccomp_bpf_data"])
      t.ok(unsafe.includes(name), name);
  },
  { skip: !IS_RUNT && "runc has no annotations of crun's" },
);

scenario(
  "features says of properties what check does with them",
  (t, box) => {
    const { linux } = JSON.parse(box.call(["features"]).stdout) as Features;
    const told = (property: object): string =>
      box.call(["check", "--bundle", box.bundle((config) => void Object.assign(config.linux, property)).dir]).output;
    t.equal(linux.netDevices?.enabled, true);
    t.match(told({ netDevices: { runt_none: { name: 1 } } }), /netDevices/, "it is read, not skipped");
    t.equal(linux.intelRdt?.enabled, true);
    t.match(told({ intelRdt: { closID: 1 } }), /intelRdt/, "it is read, not skipped");
    const withTime = box.create((config) => {
      config.linux.namespaces?.push({ type: "time" });
    });
    t.ok(linux.namespaces.includes("time"), "time namespaces are made, and told of");
    t.equal(withTime.state().status, "created");
  },
  { skip: !IS_RUNT && "runc has no check" },
);
