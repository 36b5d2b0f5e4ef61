// Generated from lib/plan/steps.ts by `npm run generate`; changes made here are lost.

#ifndef RUNT_PLAN_OPS_GEN_H_
#define RUNT_PLAN_OPS_GEN_H_

#include <cstdint>
#include <string_view>

#include "../base/result.h"
#include "fields.h"

namespace runt {

inline constexpr std::uint32_t kPlanMagic = 0x544e5552;
inline constexpr std::uint32_t kPlanVersion = 8;
inline constexpr std::uint32_t kOpCount = 57;
inline constexpr std::uint32_t kFailureSize = 280;
inline constexpr std::uint32_t kMaxSlots = 127;
inline constexpr std::uint32_t kHookTimedOut = 65536;
inline constexpr std::uint32_t kHookOutputLimit = 65536;

inline constexpr std::uint32_t kMountFlagBind = 1;
inline constexpr std::uint32_t kMountFlagRecursive = 2;
inline constexpr std::uint32_t kMountFlagRemount = 4;
inline constexpr std::uint32_t kMountFlagCopyUp = 8;
inline constexpr std::uint32_t kMountFlagStrictTarget = 16;
inline constexpr std::uint32_t kMountFlagHold = 32;
inline constexpr std::uint32_t kMountFlagRelease = 64;
inline constexpr std::uint32_t kMountFlagSrcNofollow = 128;
inline constexpr std::uint32_t kMountFlagDestNofollow = 256;
inline constexpr std::uint32_t kMountTreeDetached = 0;
inline constexpr std::uint32_t kMountTreeSource = 1;
inline constexpr std::uint32_t kRefusedRlimits = 1;
inline constexpr std::uint32_t kRefusedScheduler = 2;
inline constexpr std::uint32_t kRefusedIoPriority = 4;
inline constexpr std::uint32_t kRefusedOomScoreAdj = 8;
inline constexpr std::uint32_t kRefusedStreams = 16;
inline constexpr std::uint32_t kMissingKindEmpty = 1;
inline constexpr std::uint32_t kMissingKindNeitherElfNorScript = 2;
inline constexpr std::uint32_t kMissingKindForeign = 65536;
inline constexpr std::string_view kStageNameJoin = "runt:[1:JOIN]";
inline constexpr std::string_view kStageNameInit = "runt:[2:INIT]";
inline constexpr std::string_view kBeginningByPlan = "join";
inline constexpr std::string_view kBeginningUsers = "users";
inline constexpr std::string_view kBeginningWhenTold = "+";
inline constexpr std::string_view kStartByteGoesOn = "0";
inline constexpr std::string_view kStartByteExecutes = "1";

enum class Op : std::uint32_t {
  kJoinNamespace = 0,
  kUnshare = 1,
  kFork = 2,
  kIdMaps = 3,
  kTimeOffsets = 4,
  kCgroup = 5,
  kRuntimeHooks = 6,
  kParentPropagation = 7,
  kRootfs = 8,
  kMount = 9,
  kSymlink = 10,
  kDevice = 11,
  kMountAttributes = 12,
  kConsole = 13,
  kEnterRoot = 14,
  kRootPropagation = 15,
  kMaskPath = 16,
  kReadonlyPath = 17,
  kSessionKeyring = 18,
  kHostname = 19,
  kDomainname = 20,
  kSysctl = 21,
  kLoopback = 22,
  kOomScoreAdj = 23,
  kRlimit = 24,
  kHook = 25,
  kUmask = 26,
  kWorkingDirectory = 27,
  kNoNewPrivileges = 28,
  kCredentials = 29,
  kChangeDirectory = 30,
  kFindProgram = 31,
  kReady = 32,
  kStart = 33,
  kExec = 34,
  kJoinContainer = 35,
  kCpuAffinity = 36,
  kSeccomp = 37,
  kApparmorProfile = 38,
  kSelinuxLabel = 39,
  kScheduler = 40,
  kIoPriority = 41,
  kPersonality = 42,
  kMemoryPolicy = 43,
  kNetDevices = 44,
  kStandardStreams = 45,
  kDeviceNodes = 46,
  kDeviceNode = 47,
  kDetachedMount = 48,
  kDetachedNode = 49,
  kLiveMounts = 50,
  kLiveMount = 51,
  kUnmount = 52,
  kLiveNode = 53,
  kRemoveNode = 54,
  kDone = 55,
  kRecordSeccomp = 56,
};

enum class Stage : std::uint32_t {
  kJoin = 1,
  kInit = 2,
};

enum class Message : std::uint32_t {
  kInitPid = 1,
  kIdMaps = 2,
  kTimeOffsets = 3,
  kCgroup = 4,
  kRuntimeHooks = 5,
  kReady = 6,
  kFailure = 7,
  kSeccompListener = 10,
  kNetDevices = 11,
  kMountTree = 12,
  kExec = 9,
  kPlan = 8,
  kBegin = 13,
  kOutside = 14,
  kFiltered = 15,
  kUserNamespace = 16,
  kMount = 17,
  kKeeper = 19,
  kDone = 18,
  kRecord = 20,
};

enum class Call : std::uint32_t {
  kNone = 0,
  kDecode = 1,
  kAnswer = 2,
  kVerify = 3,
  kLookup = 4,
  kHook = 5,
  kSetns = 6,
  kUnshare = 7,
  kClone = 8,
  kOpenat2 = 9,
  kOpen = 10,
  kOpenat = 11,
  kOpenTree = 12,
  kMoveMount = 13,
  kFsopen = 14,
  kFsconfig = 15,
  kFsmount = 16,
  kMountSetattr = 17,
  kMount = 18,
  kUmount2 = 19,
  kPivotRoot = 20,
  kChroot = 21,
  kChdir = 22,
  kFchdir = 23,
  kMkdirat = 24,
  kMknodat = 25,
  kSymlinkat = 26,
  kFchmod = 27,
  kFchown = 28,
  kFstat = 29,
  kReadlinkat = 30,
  kWrite = 31,
  kRead = 32,
  kSendmsg = 33,
  kRecvmsg = 34,
  kSethostname = 35,
  kSetdomainname = 36,
  kKeyctl = 37,
  kPrctl = 38,
  kPrlimit = 39,
  kSetgroups = 40,
  kSetresgid = 41,
  kSetresuid = 42,
  kCapset = 43,
  kSetsid = 44,
  kIoctl = 45,
  kDup3 = 46,
  kCloseRange = 47,
  kExecve = 48,
  kSocket = 49,
  kGetcwd = 50,
  kMmap = 51,
  kWaitid = 52,
  kPoll = 53,
  kFspick = 54,
  kFstatfs = 55,
  kGetdents64 = 56,
  kMemfdCreate = 57,
  kPipe2 = 58,
  kSeccomp = 59,
  kSchedSetaffinity = 60,
  kInterpreter = 61,
  kLoader = 62,
  kSchedSetattr = 63,
  kIoprioSet = 64,
  kPersonality = 65,
  kSetMempolicy = 66,
  kFaccessat = 67,
  kUnlinkat = 68,
};

struct JoinNamespaceStep {
  std::uint32_t slot = 0;
  std::uint32_t kind = 0;
  std::string_view path;
  std::uint32_t attempt = 0;
};
inline bool Decode(FieldReader in, JoinNamespaceStep* out) {
  return in.Read(&out->slot) &&
         in.Read(&out->kind) &&
         in.ReadText(&out->path) &&
         in.Read(&out->attempt) &&
         in.AtEnd();
}

struct UnshareStep {
  std::uint32_t flags = 0;
};
inline bool Decode(FieldReader in, UnshareStep* out) {
  return in.Read(&out->flags) &&
         in.AtEnd();
}

struct ForkStep {
  std::uint32_t flags = 0;
};
inline bool Decode(FieldReader in, ForkStep* out) {
  return in.Read(&out->flags) &&
         in.AtEnd();
}

struct IdMapsStep {};
inline bool Decode(FieldReader in, IdMapsStep*) {
  return in.AtEnd();
}

struct TimeOffsetsStep {};
inline bool Decode(FieldReader in, TimeOffsetsStep*) {
  return in.AtEnd();
}

struct CgroupStep {};
inline bool Decode(FieldReader in, CgroupStep*) {
  return in.AtEnd();
}

struct RuntimeHooksStep {};
inline bool Decode(FieldReader in, RuntimeHooksStep*) {
  return in.AtEnd();
}

struct ParentPropagationStep {
  std::uint32_t flags = 0;
};
inline bool Decode(FieldReader in, ParentPropagationStep* out) {
  return in.Read(&out->flags) &&
         in.AtEnd();
}

struct RootfsStep {
  std::string_view path;
  std::uint32_t bind = 0;
};
inline bool Decode(FieldReader in, RootfsStep* out) {
  return in.ReadText(&out->path) &&
         in.Read(&out->bind) &&
         in.AtEnd();
}

struct MountStep {
  std::string_view target;
  std::string_view source;
  std::string_view fstype;
  std::uint32_t flags = 0;
  std::uint32_t sb = 0;
  std::uint32_t set = 0;
  std::uint32_t clear = 0;
  std::uint32_t implied = 0;
  std::uint32_t rec_set = 0;
  std::uint32_t rec_clear = 0;
  Numbers propagation;
  std::string_view data;
  std::uint32_t tree = 0;
};
inline bool Decode(FieldReader in, MountStep* out) {
  return in.ReadText(&out->target) &&
         in.ReadText(&out->source) &&
         in.ReadText(&out->fstype) &&
         in.Read(&out->flags) &&
         in.Read(&out->sb) &&
         in.Read(&out->set) &&
         in.Read(&out->clear) &&
         in.Read(&out->implied) &&
         in.Read(&out->rec_set) &&
         in.Read(&out->rec_clear) &&
         in.Read(&out->propagation) &&
         in.ReadText(&out->data) &&
         in.Read(&out->tree) &&
         in.AtEnd();
}

struct SymlinkStep {
  std::string_view path;
  std::string_view target;
  std::uint32_t exact = 0;
};
inline bool Decode(FieldReader in, SymlinkStep* out) {
  return in.ReadText(&out->path) &&
         in.ReadText(&out->target) &&
         in.Read(&out->exact) &&
         in.AtEnd();
}

struct DeviceStep {
  std::string_view path;
  std::uint32_t mode = 0;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t bind = 0;
  std::uint32_t node = 0;
};
inline bool Decode(FieldReader in, DeviceStep* out) {
  return in.ReadText(&out->path) &&
         in.Read(&out->mode) &&
         in.Read(&out->major) &&
         in.Read(&out->minor) &&
         in.Read(&out->uid) &&
         in.Read(&out->gid) &&
         in.Read(&out->bind) &&
         in.Read(&out->node) &&
         in.AtEnd();
}

struct MountAttributesStep {
  std::string_view path;
  std::uint32_t set = 0;
  std::uint32_t clear = 0;
  std::uint32_t recursive = 0;
};
inline bool Decode(FieldReader in, MountAttributesStep* out) {
  return in.ReadText(&out->path) &&
         in.Read(&out->set) &&
         in.Read(&out->clear) &&
         in.Read(&out->recursive) &&
         in.AtEnd();
}

struct ConsoleStep {
  std::uint32_t slot = 0;
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::uint32_t relayed = 0;
};
inline bool Decode(FieldReader in, ConsoleStep* out) {
  return in.Read(&out->slot) &&
         in.Read(&out->height) &&
         in.Read(&out->width) &&
         in.Read(&out->relayed) &&
         in.AtEnd();
}

struct EnterRootStep {
  std::uint32_t mode = 0;
};
inline bool Decode(FieldReader in, EnterRootStep* out) {
  return in.Read(&out->mode) &&
         in.AtEnd();
}

struct RootPropagationStep {
  std::uint32_t flags = 0;
};
inline bool Decode(FieldReader in, RootPropagationStep* out) {
  return in.Read(&out->flags) &&
         in.AtEnd();
}

struct MaskPathStep {
  std::string_view path;
};
inline bool Decode(FieldReader in, MaskPathStep* out) {
  return in.ReadText(&out->path) &&
         in.AtEnd();
}

struct ReadonlyPathStep {
  std::string_view path;
};
inline bool Decode(FieldReader in, ReadonlyPathStep* out) {
  return in.ReadText(&out->path) &&
         in.AtEnd();
}

struct SessionKeyringStep {
  std::string_view name;
};
inline bool Decode(FieldReader in, SessionKeyringStep* out) {
  return in.ReadText(&out->name) &&
         in.AtEnd();
}

struct HostnameStep {
  std::string_view name;
};
inline bool Decode(FieldReader in, HostnameStep* out) {
  return in.ReadText(&out->name) &&
         in.AtEnd();
}

struct DomainnameStep {
  std::string_view name;
};
inline bool Decode(FieldReader in, DomainnameStep* out) {
  return in.ReadText(&out->name) &&
         in.AtEnd();
}

struct SysctlStep {
  std::string_view key;
  std::string_view value;
};
inline bool Decode(FieldReader in, SysctlStep* out) {
  return in.ReadText(&out->key) &&
         in.ReadText(&out->value) &&
         in.AtEnd();
}

struct LoopbackStep {};
inline bool Decode(FieldReader in, LoopbackStep*) {
  return in.AtEnd();
}

struct OomScoreAdjStep {
  std::int64_t value = 0;
};
inline bool Decode(FieldReader in, OomScoreAdjStep* out) {
  return in.Read(&out->value) &&
         in.AtEnd();
}

struct RlimitStep {
  std::uint32_t resource = 0;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};
inline bool Decode(FieldReader in, RlimitStep* out) {
  return in.Read(&out->resource) &&
         in.Read(&out->soft) &&
         in.Read(&out->hard) &&
         in.AtEnd();
}

struct HookStep {
  std::string_view path;
  Strings args;
  Strings env;
  std::uint32_t timeout_ms = 0;
  std::string_view state_head;
  std::string_view state_tail;
  std::uint32_t slot = 0;
  std::uint32_t home = 0;
};
inline bool Decode(FieldReader in, HookStep* out) {
  return in.ReadText(&out->path) &&
         in.Read(&out->args) &&
         in.Read(&out->env) &&
         in.Read(&out->timeout_ms) &&
         in.ReadText(&out->state_head) &&
         in.ReadText(&out->state_tail) &&
         in.Read(&out->slot) &&
         in.Read(&out->home) &&
         in.AtEnd();
}

struct UmaskStep {
  std::uint32_t mask = 0;
};
inline bool Decode(FieldReader in, UmaskStep* out) {
  return in.Read(&out->mask) &&
         in.AtEnd();
}

struct WorkingDirectoryStep {
  std::string_view path;
};
inline bool Decode(FieldReader in, WorkingDirectoryStep* out) {
  return in.ReadText(&out->path) &&
         in.AtEnd();
}

struct NoNewPrivilegesStep {};
inline bool Decode(FieldReader in, NoNewPrivilegesStep*) {
  return in.AtEnd();
}

struct CredentialsStep {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  Numbers groups;
  std::uint32_t keep_groups = 0;
  std::uint64_t bounding = 0;
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  std::uint64_t inheritable = 0;
  std::uint64_t ambient = 0;
  std::uint32_t for_filter = 0;
};
inline bool Decode(FieldReader in, CredentialsStep* out) {
  return in.Read(&out->uid) &&
         in.Read(&out->gid) &&
         in.Read(&out->groups) &&
         in.Read(&out->keep_groups) &&
         in.Read(&out->bounding) &&
         in.Read(&out->effective) &&
         in.Read(&out->permitted) &&
         in.Read(&out->inheritable) &&
         in.Read(&out->ambient) &&
         in.Read(&out->for_filter) &&
         in.AtEnd();
}

struct ChangeDirectoryStep {
  std::string_view path;
  std::uint32_t attempt = 0;
};
inline bool Decode(FieldReader in, ChangeDirectoryStep* out) {
  return in.ReadText(&out->path) &&
         in.Read(&out->attempt) &&
         in.AtEnd();
}

struct FindProgramStep {
  std::string_view name;
  std::string_view search;
};
inline bool Decode(FieldReader in, FindProgramStep* out) {
  return in.ReadText(&out->name) &&
         in.ReadText(&out->search) &&
         in.AtEnd();
}

struct ReadyStep {};
inline bool Decode(FieldReader in, ReadyStep*) {
  return in.AtEnd();
}

struct StartStep {
  std::uint32_t slot = 0;
};
inline bool Decode(FieldReader in, StartStep* out) {
  return in.Read(&out->slot) &&
         in.AtEnd();
}

struct ExecStep {
  Strings args;
  Strings env;
  std::uint32_t preserve = 0;
  std::uint32_t home = 0;
};
inline bool Decode(FieldReader in, ExecStep* out) {
  return in.Read(&out->args) &&
         in.Read(&out->env) &&
         in.Read(&out->preserve) &&
         in.Read(&out->home) &&
         in.AtEnd();
}

struct JoinContainerStep {
  std::uint32_t slot = 0;
  std::uint32_t kinds = 0;
};
inline bool Decode(FieldReader in, JoinContainerStep* out) {
  return in.Read(&out->slot) &&
         in.Read(&out->kinds) &&
         in.AtEnd();
}

struct CpuAffinityStep {
  std::string_view mask;
  std::uint32_t attempt = 0;
};
inline bool Decode(FieldReader in, CpuAffinityStep* out) {
  return in.ReadBytes(&out->mask) &&
         in.Read(&out->attempt) &&
         in.AtEnd();
}

struct SeccompStep {
  std::string_view filter;
  std::uint32_t flags = 0;
};
inline bool Decode(FieldReader in, SeccompStep* out) {
  return in.ReadBytes(&out->filter) &&
         in.Read(&out->flags) &&
         in.AtEnd();
}

struct ApparmorProfileStep {
  std::string_view profile;
};
inline bool Decode(FieldReader in, ApparmorProfileStep* out) {
  return in.ReadText(&out->profile) &&
         in.AtEnd();
}

struct SelinuxLabelStep {
  std::string_view attribute;
  std::string_view label;
};
inline bool Decode(FieldReader in, SelinuxLabelStep* out) {
  return in.ReadText(&out->attribute) &&
         in.ReadText(&out->label) &&
         in.AtEnd();
}

struct SchedulerStep {
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int64_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};
inline bool Decode(FieldReader in, SchedulerStep* out) {
  return in.Read(&out->policy) &&
         in.Read(&out->flags) &&
         in.Read(&out->nice) &&
         in.Read(&out->priority) &&
         in.Read(&out->runtime) &&
         in.Read(&out->deadline) &&
         in.Read(&out->period) &&
         in.AtEnd();
}

struct IoPriorityStep {
  std::uint32_t value = 0;
};
inline bool Decode(FieldReader in, IoPriorityStep* out) {
  return in.Read(&out->value) &&
         in.AtEnd();
}

struct PersonalityStep {
  std::uint32_t domain = 0;
};
inline bool Decode(FieldReader in, PersonalityStep* out) {
  return in.Read(&out->domain) &&
         in.AtEnd();
}

struct MemoryPolicyStep {
  std::uint32_t mode = 0;
  std::string_view nodes;
};
inline bool Decode(FieldReader in, MemoryPolicyStep* out) {
  return in.Read(&out->mode) &&
         in.ReadBytes(&out->nodes) &&
         in.AtEnd();
}

struct NetDevicesStep {};
inline bool Decode(FieldReader in, NetDevicesStep*) {
  return in.AtEnd();
}

struct StandardStreamsStep {
  std::uint32_t uid = 0;
};
inline bool Decode(FieldReader in, StandardStreamsStep* out) {
  return in.Read(&out->uid) &&
         in.AtEnd();
}

struct DeviceNodesStep {
  std::string_view data;
};
inline bool Decode(FieldReader in, DeviceNodesStep* out) {
  return in.ReadText(&out->data) &&
         in.AtEnd();
}

struct DeviceNodeStep {
  std::uint32_t mode = 0;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
inline bool Decode(FieldReader in, DeviceNodeStep* out) {
  return in.Read(&out->mode) &&
         in.Read(&out->major) &&
         in.Read(&out->minor) &&
         in.Read(&out->uid) &&
         in.Read(&out->gid) &&
         in.AtEnd();
}

struct DetachedMountStep {
  std::string_view source;
  std::string_view fstype;
  std::uint32_t flags = 0;
  std::uint32_t sb = 0;
  std::uint32_t set = 0;
  std::string_view data;
  std::uint32_t tree = 0;
};
inline bool Decode(FieldReader in, DetachedMountStep* out) {
  return in.ReadText(&out->source) &&
         in.ReadText(&out->fstype) &&
         in.Read(&out->flags) &&
         in.Read(&out->sb) &&
         in.Read(&out->set) &&
         in.ReadText(&out->data) &&
         in.Read(&out->tree) &&
         in.AtEnd();
}

struct DetachedNodeStep {
  std::uint32_t node = 0;
  std::uint32_t tree = 0;
};
inline bool Decode(FieldReader in, DetachedNodeStep* out) {
  return in.Read(&out->node) &&
         in.Read(&out->tree) &&
         in.AtEnd();
}

struct LiveMountsStep {};
inline bool Decode(FieldReader in, LiveMountsStep*) {
  return in.AtEnd();
}

struct LiveMountStep {
  std::string_view path;
  Numbers propagation;
  std::uint32_t index = 0;
};
inline bool Decode(FieldReader in, LiveMountStep* out) {
  return in.ReadText(&out->path) &&
         in.Read(&out->propagation) &&
         in.Read(&out->index) &&
         in.AtEnd();
}

struct UnmountStep {
  std::string_view path;
  std::uint64_t mount = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t filesystem = 0;
  std::uint32_t index = 0;
};
inline bool Decode(FieldReader in, UnmountStep* out) {
  return in.ReadText(&out->path) &&
         in.Read(&out->mount) &&
         in.Read(&out->device) &&
         in.Read(&out->inode) &&
         in.Read(&out->filesystem) &&
         in.Read(&out->index) &&
         in.AtEnd();
}

struct LiveNodeStep {
  std::string_view path;
  std::uint32_t mode = 0;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t index = 0;
};
inline bool Decode(FieldReader in, LiveNodeStep* out) {
  return in.ReadText(&out->path) &&
         in.Read(&out->mode) &&
         in.Read(&out->major) &&
         in.Read(&out->minor) &&
         in.Read(&out->uid) &&
         in.Read(&out->gid) &&
         in.Read(&out->index) &&
         in.AtEnd();
}

struct RemoveNodeStep {
  std::string_view path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};
inline bool Decode(FieldReader in, RemoveNodeStep* out) {
  return in.ReadText(&out->path) &&
         in.Read(&out->device) &&
         in.Read(&out->inode) &&
         in.AtEnd();
}

struct DoneStep {};
inline bool Decode(FieldReader in, DoneStep*) {
  return in.AtEnd();
}

struct RecordSeccompStep {
  std::string_view filter;
  std::uint32_t flags = 0;
  std::uint64_t fifth = 0;
  std::uint64_t sixth = 0;
};
inline bool Decode(FieldReader in, RecordSeccompStep* out) {
  return in.ReadBytes(&out->filter) &&
         in.Read(&out->flags) &&
         in.Read(&out->fifth) &&
         in.Read(&out->sixth) &&
         in.AtEnd();
}

// Calls `x` with the name of each operation.
#define RUNT_FOR_EACH_OP(x) \
  x(JoinNamespace) \
  x(Unshare) \
  x(Fork) \
  x(IdMaps) \
  x(TimeOffsets) \
  x(Cgroup) \
  x(RuntimeHooks) \
  x(ParentPropagation) \
  x(Rootfs) \
  x(Mount) \
  x(Symlink) \
  x(Device) \
  x(MountAttributes) \
  x(Console) \
  x(EnterRoot) \
  x(RootPropagation) \
  x(MaskPath) \
  x(ReadonlyPath) \
  x(SessionKeyring) \
  x(Hostname) \
  x(Domainname) \
  x(Sysctl) \
  x(Loopback) \
  x(OomScoreAdj) \
  x(Rlimit) \
  x(Hook) \
  x(Umask) \
  x(WorkingDirectory) \
  x(NoNewPrivileges) \
  x(Credentials) \
  x(ChangeDirectory) \
  x(FindProgram) \
  x(Ready) \
  x(Start) \
  x(Exec) \
  x(JoinContainer) \
  x(CpuAffinity) \
  x(Seccomp) \
  x(ApparmorProfile) \
  x(SelinuxLabel) \
  x(Scheduler) \
  x(IoPriority) \
  x(Personality) \
  x(MemoryPolicy) \
  x(NetDevices) \
  x(StandardStreams) \
  x(DeviceNodes) \
  x(DeviceNode) \
  x(DetachedMount) \
  x(DetachedNode) \
  x(LiveMounts) \
  x(LiveMount) \
  x(Unmount) \
  x(LiveNode) \
  x(RemoveNode) \
  x(Done) \
  x(RecordSeccomp)

// The types of the fields of each operation, for what walks plans without knowing operations: i u32, l u64 or
// i64, s str, S strs, n u32s, b bytes.
inline constexpr std::string_view kFieldTypes[] = {
    "iisi",
    "i",
    "i",
    "",
    "",
    "",
    "",
    "i",
    "si",
    "sssiiiiiiinsi",
    "ssi",
    "siiiiiii",
    "siii",
    "iiii",
    "i",
    "i",
    "s",
    "s",
    "s",
    "s",
    "s",
    "ss",
    "",
    "l",
    "ill",
    "sSSissii",
    "i",
    "s",
    "",
    "iinillllli",
    "si",
    "ss",
    "",
    "i",
    "SSii",
    "ii",
    "bi",
    "bi",
    "s",
    "ss",
    "illilll",
    "i",
    "i",
    "ib",
    "",
    "i",
    "s",
    "iiiii",
    "ssiiisi",
    "ii",
    "",
    "sni",
    "slllli",
    "siiiiii",
    "sll",
    "",
    "bill",
};

// Whether the fields of one step of operation `op` are complete and well formed.
inline bool DecodesAs(Op op, FieldReader in) {
  switch (op) {
    case Op::kJoinNamespace: {
      JoinNamespaceStep step;
      return Decode(in, &step);
    }
    case Op::kUnshare: {
      UnshareStep step;
      return Decode(in, &step);
    }
    case Op::kFork: {
      ForkStep step;
      return Decode(in, &step);
    }
    case Op::kIdMaps: {
      IdMapsStep step;
      return Decode(in, &step);
    }
    case Op::kTimeOffsets: {
      TimeOffsetsStep step;
      return Decode(in, &step);
    }
    case Op::kCgroup: {
      CgroupStep step;
      return Decode(in, &step);
    }
    case Op::kRuntimeHooks: {
      RuntimeHooksStep step;
      return Decode(in, &step);
    }
    case Op::kParentPropagation: {
      ParentPropagationStep step;
      return Decode(in, &step);
    }
    case Op::kRootfs: {
      RootfsStep step;
      return Decode(in, &step);
    }
    case Op::kMount: {
      MountStep step;
      return Decode(in, &step);
    }
    case Op::kSymlink: {
      SymlinkStep step;
      return Decode(in, &step);
    }
    case Op::kDevice: {
      DeviceStep step;
      return Decode(in, &step);
    }
    case Op::kMountAttributes: {
      MountAttributesStep step;
      return Decode(in, &step);
    }
    case Op::kConsole: {
      ConsoleStep step;
      return Decode(in, &step);
    }
    case Op::kEnterRoot: {
      EnterRootStep step;
      return Decode(in, &step);
    }
    case Op::kRootPropagation: {
      RootPropagationStep step;
      return Decode(in, &step);
    }
    case Op::kMaskPath: {
      MaskPathStep step;
      return Decode(in, &step);
    }
    case Op::kReadonlyPath: {
      ReadonlyPathStep step;
      return Decode(in, &step);
    }
    case Op::kSessionKeyring: {
      SessionKeyringStep step;
      return Decode(in, &step);
    }
    case Op::kHostname: {
      HostnameStep step;
      return Decode(in, &step);
    }
    case Op::kDomainname: {
      DomainnameStep step;
      return Decode(in, &step);
    }
    case Op::kSysctl: {
      SysctlStep step;
      return Decode(in, &step);
    }
    case Op::kLoopback: {
      LoopbackStep step;
      return Decode(in, &step);
    }
    case Op::kOomScoreAdj: {
      OomScoreAdjStep step;
      return Decode(in, &step);
    }
    case Op::kRlimit: {
      RlimitStep step;
      return Decode(in, &step);
    }
    case Op::kHook: {
      HookStep step;
      return Decode(in, &step);
    }
    case Op::kUmask: {
      UmaskStep step;
      return Decode(in, &step);
    }
    case Op::kWorkingDirectory: {
      WorkingDirectoryStep step;
      return Decode(in, &step);
    }
    case Op::kNoNewPrivileges: {
      NoNewPrivilegesStep step;
      return Decode(in, &step);
    }
    case Op::kCredentials: {
      CredentialsStep step;
      return Decode(in, &step);
    }
    case Op::kChangeDirectory: {
      ChangeDirectoryStep step;
      return Decode(in, &step);
    }
    case Op::kFindProgram: {
      FindProgramStep step;
      return Decode(in, &step);
    }
    case Op::kReady: {
      ReadyStep step;
      return Decode(in, &step);
    }
    case Op::kStart: {
      StartStep step;
      return Decode(in, &step);
    }
    case Op::kExec: {
      ExecStep step;
      return Decode(in, &step);
    }
    case Op::kJoinContainer: {
      JoinContainerStep step;
      return Decode(in, &step);
    }
    case Op::kCpuAffinity: {
      CpuAffinityStep step;
      return Decode(in, &step);
    }
    case Op::kSeccomp: {
      SeccompStep step;
      return Decode(in, &step);
    }
    case Op::kApparmorProfile: {
      ApparmorProfileStep step;
      return Decode(in, &step);
    }
    case Op::kSelinuxLabel: {
      SelinuxLabelStep step;
      return Decode(in, &step);
    }
    case Op::kScheduler: {
      SchedulerStep step;
      return Decode(in, &step);
    }
    case Op::kIoPriority: {
      IoPriorityStep step;
      return Decode(in, &step);
    }
    case Op::kPersonality: {
      PersonalityStep step;
      return Decode(in, &step);
    }
    case Op::kMemoryPolicy: {
      MemoryPolicyStep step;
      return Decode(in, &step);
    }
    case Op::kNetDevices: {
      NetDevicesStep step;
      return Decode(in, &step);
    }
    case Op::kStandardStreams: {
      StandardStreamsStep step;
      return Decode(in, &step);
    }
    case Op::kDeviceNodes: {
      DeviceNodesStep step;
      return Decode(in, &step);
    }
    case Op::kDeviceNode: {
      DeviceNodeStep step;
      return Decode(in, &step);
    }
    case Op::kDetachedMount: {
      DetachedMountStep step;
      return Decode(in, &step);
    }
    case Op::kDetachedNode: {
      DetachedNodeStep step;
      return Decode(in, &step);
    }
    case Op::kLiveMounts: {
      LiveMountsStep step;
      return Decode(in, &step);
    }
    case Op::kLiveMount: {
      LiveMountStep step;
      return Decode(in, &step);
    }
    case Op::kUnmount: {
      UnmountStep step;
      return Decode(in, &step);
    }
    case Op::kLiveNode: {
      LiveNodeStep step;
      return Decode(in, &step);
    }
    case Op::kRemoveNode: {
      RemoveNodeStep step;
      return Decode(in, &step);
    }
    case Op::kDone: {
      DoneStep step;
      return Decode(in, &step);
    }
    case Op::kRecordSeccomp: {
      RecordSeccompStep step;
      return Decode(in, &step);
    }
  }
  return false;
}

}  // namespace runt

#endif  // RUNT_PLAN_OPS_GEN_H_
