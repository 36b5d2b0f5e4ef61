// SPDX-License-Identifier: Apache-2.0
import { pointerStep } from "../json/pointer.ts";
import { findNamespace, NAMESPACE_TYPES } from "./namespaces.ts";
import { show } from "../schema/messages.ts";
import type { Report, WithoutWrongValues } from "../schema/without_wrong_values.ts";
import type { Config } from "../types.ts";

const IPC =
  "kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni " + "kernel.shm_rmid_forced";

/**
 * The name of a kernel parameter with dots between its parts. As in sysctl(8) the first separator decides: in
 * `net/ipv4/conf/eth0.1/x` a dot belongs to a part, and becomes a slash in the other form.
 */
export function dottedSysctl(name: string): string {
  for (let i = 0; i < name.length; i++) {
    if (name[i] === ".") return name;
    if (name[i] === "/") return swapSeparators(name);
  }
  return name;
}

/** The path of a kernel parameter below /proc/sys. */
export function sysctlPath(name: string): string {
  return swapSeparators(dottedSysctl(name));
}

function swapSeparators(name: string): string {
  let swapped = "";
  for (const letter of name) swapped += letter === "." ? "/" : letter === "/" ? "." : letter;
  return swapped;
}

/** Only parameters that a namespace of the container's own holds may be set; others would be the host's. */
export function checkSysctls(config: WithoutWrongValues<Config>, report: Report): void {
  const sysctl = config.linux?.sysctl;
  if (sysctl === undefined) return;
  for (const name in sysctl) {
    const at = `/linux/sysctl${pointerStep(name)}`;
    checkDomainname(config, name, at, report);
    const owner = owningNamespace(name);
    if (typeof owner === "string") {
      report(at, `${show(name)}: ${owner}`, ["/linux/sysctl"]);
    } else if (findNamespace(config, owner.type) === undefined) {
      const article = owner.type === "ipc" ? "an" : "a";
      const message = `needs ${article} ${owner.type} namespace in /linux/namespaces, else it would be the host's`;
      report(at, `${show(name)}: ${message}`, ["/linux/sysctl", NAMESPACE_TYPES]);
    }
  }
}

/** Reports two values for one parameter: their order would decide which one holds. */
function checkDomainname({ domainname = "", linux }: WithoutWrongValues<Config>, name: string, at: string, report: Report): void {
  const value = linux?.sysctl?.[name];
  if (domainname === "" || value === undefined || value === domainname || dottedSysctl(name) !== "kernel.domainname") return;
  report(at, `found ${show(value)}, but /domainname is ${show(domainname)}`, ["/linux/sysctl", "/domainname"]);
}

/** The kind of namespace that holds a parameter, or why it must not be set at all. */
function owningNamespace(name: string): { readonly type: "ipc" | "network" | "uts" | "user" } | string {
  const dotted = dottedSysctl(name);
  for (const part of sysctlPath(name).split("/")) {
    if (part === "" || part === "." || part === "..") return "not the name of a kernel parameter";
  }
  if (IPC.split(" ").includes(dotted) || dotted.startsWith("fs.mqueue.")) return { type: "ipc" };
  if (dotted.startsWith("net.")) return { type: "network" };
  if (dotted === "kernel.domainname") return { type: "uts" };
  if (dotted === "kernel.hostname") return "the property /hostname sets it";
  if (dotted.startsWith("user.")) return { type: "user" };
  return (
    "not in a namespace, so it would be the host's; allowed: net.*, user.*, fs.mqueue.*, kernel.domainname, " +
    "kernel.{msgmax,msgmnb,msgmni,sem,shmall,shmmax,shmmni,shm_rmid_forced}"
  );
}
