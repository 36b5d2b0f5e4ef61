// SPDX-License-Identifier: Apache-2.0
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../control.h"
#include "../stages.h"
#include "steps.h"

namespace runt {

namespace {

// The values of `attempt` besides 0.
constexpr std::uint32_t kTryToJoin = 1;
constexpr std::uint32_t kJoinAgain = 2;

// setns moved root and working directory.
Status HoldJoinedRoot(Context& context) {
  context.root =
      RootedPath(TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), Call::kOpen, "/")));
  context.entered_root = true;
  return {};
}

// struct clone_args of Linux 5.7, the first with `cgroup`.
struct CloneArguments {
  std::uint64_t flags;
  std::uint64_t pidfd;
  std::uint64_t child_tid;
  std::uint64_t parent_tid;
  std::uint64_t exit_signal;
  std::uint64_t stack;
  std::uint64_t stack_size;
  std::uint64_t tls;
  std::uint64_t set_tid;
  std::uint64_t set_tid_size;
  std::uint64_t cgroup;
};

// With CLONE_PARENT the signal is that of this process, SIGCHLD, and clone3 takes no other.
long CloneInto(std::uint64_t namespaces, int cgroup) {
  CloneArguments arguments = {};
  arguments.flags = namespaces | CLONE_PARENT | CLONE_INTO_CGROUP;
  arguments.cgroup = static_cast<unsigned>(cgroup);
  return Syscall(__NR_clone3, &arguments, sizeof arguments);
}

// With the directory of the process in a procfs instead of a pidfd: joins the namespaces one by one. The user namespace comes
// only as early as necessary: without privileges only its root may join the others; the runtime's root may in any case.
long JoinOneByOne(int process, std::uint64_t kinds) {
  struct Kind {
    std::uint64_t flag;
    const char* file;
  };
  // All are opened first: in another mount namespace or as another user they might not be found.
  constexpr std::size_t kCount = 8;
  const Kind all[kCount] = {{CLONE_NEWIPC, "ns/ipc"},
                            {CLONE_NEWUTS, "ns/uts"},
                            {CLONE_NEWNET, "ns/net"},
                            {CLONE_NEWCGROUP, "ns/cgroup"},
                            {CLONE_NEWTIME, "ns/time_for_children"},
                            {CLONE_NEWPID, "ns/pid"},
                            {CLONE_NEWNS, "ns/mnt"},
                            {CLONE_NEWUSER, "ns/user"}};
  UniqueFd files[kCount];
  for (std::size_t i = 0; i < kCount; ++i) {
    if ((kinds & all[i].flag) == 0) continue;
    const long opened = Syscall(__NR_openat, process, all[i].file, O_RDONLY | O_CLOEXEC, 0);
    if (opened < 0) return opened;
    files[i] = UniqueFd(static_cast<int>(opened));
  }
  bool joined[kCount] = {};
  long result = 0;
  // Twice: a namespace that was refused outside the user namespace is allowed in it.
  for (int round = 0; round < 2; ++round) {
    result = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
      if (!files[i].valid() || joined[i]) continue;
      const long one = Syscall(__NR_setns, files[i].get(), all[i].flag);
      joined[i] = one >= 0;
      if (one < 0) result = one;
    }
  }
  return result;
}

}  // namespace

Status JoinNamespace(Context& context, const JoinNamespaceStep& step) {
  if (step.attempt == kJoinAgain && (context.join_later & step.kind) == 0) return {};
  // If no new procfs can be made later, the one from before is used: /proc of another mount namespace could be anything.
  if (step.kind == CLONE_NEWNS) TRY(context.procfs.Prepare());
  const long joined = Syscall(__NR_setns, context.Slot(step.slot), step.kind);
  if (joined == -EPERM && step.attempt == kTryToJoin) {
    context.join_later |= step.kind;
    return {};
  }
  TRY(Check(joined, Call::kSetns, step.path));
  if (step.kind == CLONE_NEWPID) context.shares_pids = true;
  if (step.kind == CLONE_NEWNS) {
    context.keeps_procfs = true;
    TRY(context.procfs.Narrow());
    TRY(HoldJoinedRoot(context));
  }
  return step.kind == CLONE_NEWUSER ? BecomeRoot(context) : Status();
}

Status JoinContainer(Context& context, const JoinContainerStep& step) {
  // The runtime's own procfs, which the container cannot have touched, is kept for all that follows:
  // its "self" is right in the container's pid namespace, too, which lies below the runtime's. After
  // the fork it gives way to one of that namespace, where the kernel allows one.
  TRY(context.procfs.Prepare());
  context.keeps_procfs = true;
  long joined = Syscall(__NR_setns, context.Slot(step.slot), step.kinds);
  // It is not a pidfd, because the runtime could not open one; or Linux is older than 5.8.
  if (joined == -EINVAL) joined = JoinOneByOne(context.Slot(step.slot), step.kinds);
  TRY(Check(joined, Call::kSetns, "the container's namespaces"));
  context.shares_pids = true;
  if ((step.kinds & CLONE_NEWNS) != 0) TRY(HoldJoinedRoot(context));
  return (step.kinds & CLONE_NEWUSER) != 0 ? BecomeRoot(context) : Status();
}

Status Unshare(Context& context, const UnshareStep& step) {
  TRY(Check(Syscall(__NR_unshare, step.flags), Call::kUnshare, "namespaces"));
  return (step.flags & CLONE_NEWUSER) != 0 ? Protect(context) : Status();
}

// Before: stage JOIN, in the namespaces that the plan joined or made, but for the pid and time
// namespaces, which only a child enters; ids are the runtime's, or 0:0 of a new user namespace; all
// capabilities there. After: stage INIT, the container's first process, a child of the runtime
// (CLONE_PARENT).
Status BecomeFirstProcess(Context& context, std::uint64_t namespaces, int cgroup) {
  long pid = -EBADF;
  if (cgroup >= 0) {
    pid = CloneInto(namespaces, cgroup);
    if (pid < 0) TRY(Tell(context, Message::kOutside, static_cast<std::int32_t>(-pid)));
  }
  if (pid < 0) {
    const std::uint64_t flags = namespaces | CLONE_PARENT | static_cast<unsigned>(kSigChild);
    pid = TRY(Checked(Syscall(__NR_clone, flags, nullptr, nullptr, nullptr, nullptr), Call::kClone, "first process"));
  }
  if (pid > 0) {
    const Status told = Tell(context, Message::kInitPid, static_cast<std::int32_t>(pid));
    if (told.ok()) ExitProcess(0);
    // The runtime does not know this process, and would wait as long as it has the socket open.
    Syscall(__NR_kill, pid, kSigKill);
    return told;
  }
  context.stage = Stage::kInit;
  if (context.keeps_procfs) {
    TRY(context.procfs.Narrow());
  } else {
    context.procfs.Forget();
  }
  return EnterStage(context);
}

Status Fork(Context& context, const ForkStep& step) {
  TRY(BecomeFirstProcess(context, step.flags, -1));
  std::int32_t value = 0;
  TRY(WaitFor(context, Message::kInitPid, &value));
  return {};
}

}  // namespace runt
