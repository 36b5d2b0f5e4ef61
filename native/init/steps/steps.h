// SPDX-License-Identifier: Apache-2.0
// One function for each step; lib/plan/steps.ts describes the steps. One file for each family.

#ifndef RUNT_INIT_STEPS_STEPS_H_
#define RUNT_INIT_STEPS_STEPS_H_

#include "../../base/result.h"
#include "../../plan/ops.gen.h"
#include "../context.h"

namespace runt {

// namespaces.cc
Status JoinNamespace(Context& context, const JoinNamespaceStep& step);
Status Unshare(Context& context, const UnshareStep& step);
Status Fork(Context& context, const ForkStep& step);
Status JoinContainer(Context& context, const JoinContainerStep& step);

// questions.cc
Status IdMaps(Context& context, const IdMapsStep& step);
Status TimeOffsets(Context& context, const TimeOffsetsStep& step);
Status Cgroup(Context& context, const CgroupStep& step);
Status RuntimeHooks(Context& context, const RuntimeHooksStep& step);
Status NetDevices(Context& context, const NetDevicesStep& step);
Status Ready(Context& context, const ReadyStep& step);
Status Start(Context& context, const StartStep& step);

// rootfs.cc, enter_root.cc
Status ParentPropagation(Context& context, const ParentPropagationStep& step);
Status Rootfs(Context& context, const RootfsStep& step);
Status EnterRoot(Context& context, const EnterRootStep& step);
Status RootPropagation(Context& context, const RootPropagationStep& step);

// mount.cc, nodes.cc, hide.cc
Status Mount(Context& context, const MountStep& step);
Status MountAttributes(Context& context, const MountAttributesStep& step);
Status Symlink(Context& context, const SymlinkStep& step);
Status Device(Context& context, const DeviceStep& step);
Status DeviceNodes(Context& context, const DeviceNodesStep& step);
Status DeviceNode(Context& context, const DeviceNodeStep& step);
// The mode of a file that an O_PATH descriptor is open on.
Status ChangeMode(Context& context, int fd, std::uint32_t mode, std::string_view path);
// The node that the `number`th DeviceNode step has made, opened so that it can be cloned.
Result<UniqueFd> OpenMadeNode(Context& context, std::uint32_t number, std::string_view subject);
Status MaskPath(Context& context, const MaskPathStep& step);
Status ReadonlyPath(Context& context, const ReadonlyPathStep& step);

// live.cc
Status DetachedMount(Context& context, const DetachedMountStep& step);
Status DetachedNode(Context& context, const DetachedNodeStep& step);
Status LiveMounts(Context& context, const LiveMountsStep& step);
Status LiveMount(Context& context, const LiveMountStep& step);
Status Unmount(Context& context, const UnmountStep& step);
Status LiveNode(Context& context, const LiveNodeStep& step);
Status RemoveNode(Context& context, const RemoveNodeStep& step);
Status Done(Context& context, const DoneStep& step);
// Unmounts the mounts that LiveMount steps have reported.
void TakeBack(Context& context);

// console.cc, streams.cc
Status Console(Context& context, const ConsoleStep& step);
Status StandardStreams(Context& context, const StandardStreamsStep& step);

// kernel_settings.cc
Status SessionKeyring(Context& context, const SessionKeyringStep& step);
Status Hostname(Context& context, const HostnameStep& step);
Status Domainname(Context& context, const DomainnameStep& step);
Status Sysctl(Context& context, const SysctlStep& step);
Status Loopback(Context& context, const LoopbackStep& step);

// process.cc, credentials.cc, hook.cc
Status OomScoreAdj(Context& context, const OomScoreAdjStep& step);
Status Rlimit(Context& context, const RlimitStep& step);
Status CpuAffinity(Context& context, const CpuAffinityStep& step);
Status Umask(Context& context, const UmaskStep& step);
Status WorkingDirectory(Context& context, const WorkingDirectoryStep& step);
Status NoNewPrivileges(Context& context, const NoNewPrivilegesStep& step);
Status Credentials(Context& context, const CredentialsStep& step);
// Leaves only the capabilities that Credentials was given, once the filter holds.
Status DropCapabilities(Context& context);
Status Hook(Context& context, const HookStep& step);

// seccomp.cc
Status Seccomp(Context& context, const SeccompStep& step);
Status RecordSeccomp(Context& context, const RecordSeccompStep& step);

// attributes.cc
Status ApparmorProfile(Context& context, const ApparmorProfileStep& step);
Status SelinuxLabel(Context& context, const SelinuxLabelStep& step);
Status Scheduler(Context& context, const SchedulerStep& step);
Status IoPriority(Context& context, const IoPriorityStep& step);
Status Personality(Context& context, const PersonalityStep& step);
Status MemoryPolicy(Context& context, const MemoryPolicyStep& step);

// program.cc
Status ChangeDirectory(Context& context, const ChangeDirectoryStep& step);
Status FindProgram(Context& context, const FindProgramStep& step);
// The preparation of Exec before execve; a filter may forbid it later.
Status PrepareExec(Context& context, const ExecStep& step);
Status Exec(Context& context, const ExecStep& step);

}  // namespace runt

#endif  // RUNT_INIT_STEPS_STEPS_H_
