// SPDX-License-Identifier: Apache-2.0
import { defaultConfig } from "../../lib/spec/defaults.ts";
import type { Config } from "../../lib/spec/types.ts";

/** The config of an engine: more mounts, capabilities, paths and variables than `spec` writes. */
export function engineConfig(): Config {
  const config = defaultConfig({ rootless: false, cgroup2: true, uid: 0, gid: 0 });
  for (const name of ["resolv.conf", "hostname", "hosts"]) {
    config.mounts.push({ destination: `/etc/${name}`, type: "bind", source: `/var/${name}`, options: ["rbind", "rprivate"] });
  }
  for (let index = 0; index < 16; index += 1) config.process.env.push(`VARIABLE_${index}=the value of the variable ${index}`);
  return {
    ...config,
    annotations: { "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "0123456789abcdef" },
    linux: {
      ...config.linux,
      cgroupsPath: "/kubepods/burstable/pod0/0123456789abcdef",
      resources: { ...config.linux.resources, memory: { limit: 1 << 28 }, cpu: { shares: 512, quota: 50_000, period: 100_000 } },
    },
  };
}
