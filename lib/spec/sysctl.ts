import { pointerStep } from "./json_exact.ts";
import type { MeaningCheck, Report } from "./meaning.ts";
import { findNamespace } from "./meaning_namespaces.ts";
import { show } from "./schema_messages.ts";
import type { Config } from "./types.ts";

const IPC =
  "kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni " +
  "kernel.shm_rmid_forced";

export const sysctlCheck: MeaningCheck = {
  reads: ["/linux/sysctl", "/linux/namespaces"],
  check: checkSysctls,
};

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
function checkSysctls(config: Config, report: Report): void {
  const sysctl = config.linux?.sysctl;
  if (sysctl === undefined) return;
  for (const name in sysctl) {
    const reason = refusal(config, name);
    if (reason !== undefined) report(`/linux/sysctl${pointerStep(name)}`, `${show(name)}: ${reason}`);
  }
}

function refusal(config: Config, name: string): string | undefined {
  const dotted = dottedSysctl(name);
  for (const part of sysctlPath(name).split("/")) {
    if (part === "" || part === "." || part === "..") return "not the name of a kernel parameter";
  }
  const has = (type: "ipc" | "network" | "uts" | "user"): boolean =>
    findNamespace(config, type) !== undefined;
  if (IPC.split(" ").includes(dotted) || dotted.startsWith("fs.mqueue.")) {
    return has("ipc")
      ? undefined
      : "needs an ipc namespace in /linux/namespaces, else it would be the host's";
  }
  if (dotted.startsWith("net.")) {
    return has("network")
      ? undefined
      : "needs a network namespace in /linux/namespaces, else it would be the host's";
  }
  if (dotted === "kernel.domainname") {
    return has("uts") ? undefined : "needs a uts namespace in /linux/namespaces, else it would be the host's";
  }
  if (dotted === "kernel.hostname") return "the property /hostname sets it";
  if (dotted.startsWith("user.")) {
    return has("user")
      ? undefined
      : "needs a user namespace in /linux/namespaces, else it would be the host's";
  }
  return (
    "not in a namespace, so it would be the host's; allowed: net.*, user.*, fs.mqueue.*, kernel.domainname, " +
    "kernel.{msgmax,msgmnb,msgmni,sem,shmall,shmmax,shmmni,shm_rmid_forced}"
  );
}
