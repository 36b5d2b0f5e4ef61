// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { parseConfig, warnings } from "./documents/config.ts";
import { defaultConfig, formatConfig } from "./defaults.ts";

const kinds = (options: Parameters<typeof defaultConfig>[0]): string =>
  (defaultConfig(options).linux?.namespaces ?? []).map(({ type }) => type).join(" ");

t.test("each variant is accepted, without a warning", (t) => {
  for (const rootless of [false, true]) {
    for (const cgroup2 of [false, true]) {
      const config = defaultConfig({ rootless, cgroup2, uid: 1000, gid: 100 });
      const again = parseConfig(formatConfig(config), "config.json");
      t.strictSame(again, config);
      t.strictSame(warnings(again), []);
    }
  }
  t.end();
});

t.test("what the host decides", (t) => {
  t.equal(kinds({ rootless: false, cgroup2: false, uid: 0, gid: 0 }), "pid network ipc uts mount");
  t.equal(kinds({ rootless: false, cgroup2: true, uid: 0, gid: 0 }), "pid network ipc uts mount cgroup");
  t.equal(kinds({ rootless: true, cgroup2: false, uid: 0, gid: 0 }), "pid ipc uts mount user");
  t.equal(kinds({ rootless: true, cgroup2: true, uid: 0, gid: 0 }), "pid ipc uts mount cgroup user");
  t.end();
});

t.test("rootless", (t) => {
  const config = defaultConfig({ rootless: true, cgroup2: false, uid: 1000, gid: 100 });
  t.strictSame(config.linux?.uidMappings, [{ containerID: 0, hostID: 1000, size: 1 }]);
  t.strictSame(config.linux?.gidMappings, [{ containerID: 0, hostID: 100, size: 1 }]);
  t.equal(config.linux?.resources, undefined);
  const mounts = config.mounts ?? [];
  t.notOk(mounts.some(({ options = [] }) => options.some((option) => /^[ug]id=/.test(option))));
  t.strictSame(
    mounts.find(({ destination }) => destination === "/sys"),
    {
      destination: "/sys",
      type: "none",
      source: "/sys",
      options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
    },
  );
  t.end();
});

t.test("the file", (t) => {
  const text = formatConfig(defaultConfig({ rootless: false, cgroup2: false, uid: 0, gid: 0 }));
  t.ok(text.startsWith('{\n\t"ociVersion": "1.3.0",\n\t"process": {\n\t\t"terminal": true,\n\t\t"user"'));
  t.ok(text.endsWith("\n}"), "as runc: no newline at the end");
  t.match(text, '\t"hostname": "runt",\n');
  t.end();
});
