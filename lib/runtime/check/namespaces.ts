// SPDX-License-Identifier: Apache-2.0
import { NS_GET_NSTYPE } from "../../kernel/numbers.ts";
import { makesNamespace, namespaceReads } from "../../spec/rules/namespaces.ts";
import type { Report, WithoutWrongValues } from "../../spec/schema/without_wrong_values.ts";
import { pointerStep } from "../../spec/json/pointer.ts";
import type { Config, LinuxNamespaceType } from "../../spec/types.ts";
import { errnoText } from "../../kernel/errno.ts";
import { withDescriptor } from "../../sys/descriptors.ts";
import { AT_FDCWD, exists, O_CLOEXEC, O_NONBLOCK, O_RDONLY, readTextIfExists } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { hostSysctls } from "../host/network_sysctls.ts";

/** _IO(0xb7, 3), from linux/nsfs.h; since Linux 4.11. */

/** For each kind: its name in /proc/self/ns, its CLONE_NEW* flag, and its limit in /proc/sys/user. */
const KINDS: Readonly<Record<LinuxNamespaceType, readonly [string, number, string]>> = {
  pid: ["pid", 0x20000000, "max_pid_namespaces"],
  network: ["net", 0x40000000, "max_net_namespaces"],
  mount: ["mnt", 0x00020000, "max_mnt_namespaces"],
  ipc: ["ipc", 0x08000000, "max_ipc_namespaces"],
  uts: ["uts", 0x04000000, "max_uts_namespaces"],
  user: ["user", 0x10000000, "max_user_namespaces"],
  cgroup: ["cgroup", 0x02000000, "max_cgroup_namespaces"],
  time: ["time", 0x00000080, "max_time_namespaces"],
};

/** Namespaces that this host cannot make or join. */
export function namespaceFindings(config: WithoutWrongValues<Config>, report: Report): void {
  config.linux?.namespaces?.forEach((namespace, index) => {
    if (namespace?.type === undefined) return;
    const at = `/linux/namespaces/${index}`;
    const [name, flag, limit] = KINDS[namespace.type];
    if (!exists(`/proc/self/ns/${name}`)) {
      report(`${at}/type`, `this kernel has no ${namespace.type} namespaces`);
    } else if (namespace.path !== undefined && namespace.path !== "") {
      checkJoined(`${at}/path`, namespace.path, namespace.type, flag, report);
    } else if (readTextIfExists(`/proc/sys/user/${limit}`)?.trim() === "0") {
      const reads = [`${at}/type`, `${at}/path`];
      report(`${at}/type`, `/proc/sys/user/${limit} is 0, so none can be made here`, reads);
    }
  });
  const uid = process.geteuid?.() ?? 0;
  if (uid !== 0 && !makesNamespace(config, "user")) {
    const reads = namespaceReads(config, "user");
    report("/linux/namespaces", `user ${uid} needs a new user namespace, or to be root`, reads);
  }
  checkNetworkSysctls(config, report);
}

function checkJoined(pointer: string, path: string, type: LinuxNamespaceType, flag: number, report: Report): void {
  // Without O_NONBLOCK a FIFO at this path would hang the check.
  const fd = native.open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  if (fd < 0) {
    report(pointer, `open ${path}: ${errnoText(-fd)}`);
    return;
  }
  const found = withDescriptor(fd, () => native.ioctlInt(fd, NS_GET_NSTYPE, 0));
  if (found === flag) return;
  const kind = Object.entries(KINDS).find(([, [, other]]) => other === found)?.[0];
  report(pointer, `${path} is ${kind === undefined ? "no namespace" : `a ${kind} namespace`}, must be a ${type} namespace`);
}

/** A joined network namespace may be the runtime's own, and then its parameters are the host's. */
function checkNetworkSysctls(config: WithoutWrongValues<Config>, report: Report): void {
  const { path, names = [] } = hostSysctls(config) ?? {};
  for (const name of names) {
    report(`/linux/sysctl${pointerStep(name)}`, `${path} is the host's network namespace, so it would be the host's`);
  }
}
