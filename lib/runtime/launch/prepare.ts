// SPDX-License-Identifier: Apache-2.0
/** The first phase of a launch: checks that come before anything is made, and the facts that they give. */
import { initClone, readNamespaces } from "../../plan/namespaces.ts";
import type { Config } from "../../spec/types.ts";
import { checkUserNamespace, mayLackCgroups } from "../host/rootless.ts";
import { asksNothing, findResctrl, joinRdt, rdtRecord, requireResctrl } from "../host/intel_rdt.ts";
import { checkSysctls } from "../host/network_sysctls.ts";
import { securityModules } from "../host/security_modules.ts";
import type { Bundle } from "../bundle.ts";
import type { CreateOptions, RuntimeContext } from "../options.ts";
import { checkRecording } from "../recording/recorder.ts";
import { checkPreserved } from "./preserve_fds.ts";
import type { LaunchMode, Rdt, Request } from "./phases.ts";
import { STDIO } from "./record_draft.ts";
import { socketActivation } from "./socket_activation.ts";

/**
 * Makes nothing.
 * @throws CONFIG_INVALID, USAGE, HOST_UNABLE, SYSCALL
 */
export function prepare(context: RuntimeContext, options: CreateOptions, bundle: Bundle, mode: LaunchMode): Request {
  const { config } = bundle;
  const activation = socketActivation(process.env, process.pid);
  const preserveFds = activation.count + (options.preserveFds ?? 0);
  checkPreserved(preserveFds);
  const selinux = securityModules(config, config.process, context.log);
  const rdt = intelRdt(config, options.id);
  const namespaces = readNamespaces(config);
  checkUserNamespace(namespaces);
  checkSysctls(config);
  if (options.recordSeccomp !== undefined) checkRecording(options.recordSeccomp, config);
  return {
    context,
    options,
    bundle,
    mode,
    init: { clone: initClone(namespaces), stdio: options.stdio ?? STDIO, preserveFds, keeper: options.keepExit === true },
    namespaces,
    activationEnv: activation.env,
    selinux,
    rdt,
    rootless: mayLackCgroups(context),
  };
}

/** The groups of `linux.intelRdt`, and the function that moves a process into them. */
function intelRdt(config: Config, id: string): Rdt | undefined {
  const rdt = config.linux?.intelRdt;
  if (rdt === undefined) return undefined;
  const found = findResctrl();
  if (found === undefined && asksNothing(rdt)) return undefined;
  const resctrl = requireResctrl(rdt, found);
  const record = rdtRecord(rdt, id, resctrl);
  return { record, join: (pid: number) => joinRdt(rdt, record, pid, resctrl) };
}
