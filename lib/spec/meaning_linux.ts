import type { MeaningCheck, Report } from "./meaning.ts";
import { show } from "./schema_messages.ts";
import type { Config, Int64, LinuxDevice, LinuxSeccompAction } from "./types.ts";

/** Bits of a device number that mknod(2) takes: 12 for the major, 20 for the minor number. */
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xfffff;

export const linuxChecks: readonly MeaningCheck[] = [
  { reads: ["/linux/devices"], check: checkDevices },
  { reads: ["/linux/cgroupsPath"], check: checkCgroupsPath },
  { reads: ["/linux/resources/devices"], check: checkDeviceRules },
  { reads: ["/linux/resources/memory"], check: checkMemory },
  { reads: ["/linux/resources/blockIO"], check: checkBlockIO },
  { reads: ["/linux/resources/rdma"], check: checkRdma },
  { reads: ["/linux/seccomp"], check: checkSeccomp },
];

function checkDevices({ linux }: Config, report: Report): void {
  const devices = linux?.devices;
  devices?.forEach((device, index) => {
    const at = `/linux/devices/${index}`;
    if (!device.path.startsWith("/"))
      report(`${at}/path`, `found ${show(device.path)}, must be an absolute path`);
    if (device.type !== "p") {
      checkNumber(`${at}/major`, device.major, MAX_MAJOR, report);
      checkNumber(`${at}/minor`, device.minor, MAX_MINOR, report);
    }
    const other = devices.findIndex((earlier, i) => i < index && isOther(earlier, device));
    if (other >= 0)
      report(`${at}/path`, `${device.path} is another device already, at /linux/devices/${other}`);
  });
}

/** Whether two entries want different devices at one path. */
function isOther(one: LinuxDevice, two: LinuxDevice): boolean {
  if (one.path !== two.path) return false;
  return one.type !== two.type || (two.type !== "p" && (one.major !== two.major || one.minor !== two.minor));
}

function checkNumber(pointer: string, value: Int64 | undefined, max: number, report: Report): void {
  if (value === undefined) {
    report(pointer, "missing, but the specification requires it unless the type is p");
  } else if (value < 0 || value > max) {
    report(pointer, `found ${value}, must be from 0 to ${max}`);
  }
}

function checkCgroupsPath({ linux }: Config, report: Report): void {
  const path = linux?.cgroupsPath;
  if (path === undefined || !path.includes("..")) return;
  if (path.split("/").includes(".."))
    report("/linux/cgroupsPath", `found ${show(path)}, must be without ".."`);
}

function checkDeviceRules({ linux }: Config, report: Report): void {
  for (const [index, rule] of (linux?.resources?.devices ?? []).entries()) {
    for (const name of ["major", "minor"] as const) {
      const value = rule[name];
      if (value === undefined || value >= -1) continue;
      report(
        `/linux/resources/devices/${index}/${name}`,
        `found ${value}, must be -1 (each) or a number from 0`,
      );
    }
  }
}

function checkMemory({ linux }: Config, report: Report): void {
  const memory = linux?.resources?.memory;
  if (memory === undefined) return;
  const at = "/linux/resources/memory";
  for (const name of ["limit", "reservation", "swap"] as const) {
    const value = memory[name];
    if (value !== undefined && value < -1) {
      report(`${at}/${name}`, `found ${value}, must be bytes, or -1 for no limit`);
    }
  }
  // Engines write "not set" as -1 in an unsigned field, that is 2^64-1.
  const { swappiness } = memory;
  if (swappiness !== undefined && swappiness > 100 && swappiness !== 18446744073709551615n) {
    report(`${at}/swappiness`, `found ${swappiness}, must be from 0 to 100`);
  }
}

function checkBlockIO({ linux }: Config, report: Report): void {
  linux?.resources?.blockIO?.weightDevice?.forEach(({ weight, leafWeight }, index) => {
    if (weight !== undefined || leafWeight !== undefined) return;
    report(`/linux/resources/blockIO/weightDevice/${index}`, "must have weight, leafWeight, or both");
  });
}

function checkRdma({ linux }: Config, report: Report): void {
  const rdma = linux?.resources?.rdma;
  for (const device in rdma) {
    const { hcaHandles, hcaObjects } = rdma[device] ?? {};
    if (hcaHandles !== undefined || hcaObjects !== undefined) continue;
    const at = `/linux/resources/rdma/${device.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    report(at, "must have hcaHandles, hcaObjects, or both");
  }
}

function checkSeccomp({ linux }: Config, report: Report): void {
  const seccomp = linux?.seccomp;
  if (seccomp === undefined) return;
  const at = "/linux/seccomp";
  // Typed as required; a filter that is all empty is accepted as none.
  const defaultAction = seccomp.defaultAction as LinuxSeccompAction | undefined;
  const { defaultErrnoRet, listenerMetadata, listenerPath, syscalls = [] } = seccomp;
  if (defaultAction === undefined && syscalls.length > 0) {
    report(`${at}/defaultAction`, "missing, but the specification requires it");
  }
  checkErrno(`${at}/defaultErrnoRet`, defaultAction, defaultErrnoRet, report);
  syscalls.forEach(({ action, errnoRet }, index) => {
    checkErrno(`${at}/syscalls/${index}/errnoRet`, action, errnoRet, report);
  });
  if ((listenerMetadata ?? "") !== "" && (listenerPath ?? "") === "") {
    report(`${at}/listenerMetadata`, "allowed only with listenerPath");
  }
}

function checkErrno(
  pointer: string,
  action: LinuxSeccompAction | undefined,
  errno: number | undefined,
  report: Report,
): void {
  if (errno === undefined || action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE") return;
  report(pointer, `${action ?? "no action"} gives no errno; allowed with SCMP_ACT_ERRNO and SCMP_ACT_TRACE`);
}
