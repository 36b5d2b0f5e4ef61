// SPDX-License-Identifier: Apache-2.0
// init: runs a plan inside the container. argv[1] is the number of the control socket, over which
// the plan and its slots come; argv[2] says how the first process is made. See ../README.md.

#include "../base/file.h"
#include "../base/kernel.h"
#include "../base/start.h"
#include "../base/syscall.h"
#include "../base/text.h"
#include "../plan/plan.h"
#include "context.h"
#include "control.h"
#include "keeper.h"
#include "recorder.h"
#include "stages.h"

namespace runt {

namespace {

constexpr std::uint64_t kMaxDescriptor = 1 << 20;
constexpr int kFailed = 1;
// The step of a failure before the first one.
constexpr std::uint32_t kNoStep = ~std::uint32_t{0};

// The plan stays mapped for ever: the texts of all steps are read in place.
Result<Plan> MapPlan(int fd) {
  constexpr std::string_view kSubject = "plan";
  // Without the seals another process could change the plan after it was checked, or shrink it
  // under the mapping.
  constexpr long kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  const long seals = TRY(Checked(Syscall(__NR_fcntl, fd, F_GET_SEALS, 0), Call::kVerify, kSubject));
  if ((seals & kSeals) != kSeals) return Error{EPERM, Call::kVerify, kSubject};
  FileFacts facts;
  TRY(Check(GetFacts(fd, &facts), Call::kFstat, kSubject));
  const long address =
      TRY(Checked(Syscall(__NR_mmap, nullptr, facts.size, kProtRead, kMapPrivate, fd, 0), Call::kMmap, kSubject));
  return Plan::Parse(reinterpret_cast<const unsigned char*>(address), static_cast<std::size_t>(facts.size));
}

// Memory for the times of a trace; nullptr, and no trace, if there is none.
std::uint64_t* MapTimes(int fd) {
  FileFacts facts;
  if (GetFacts(fd, &facts) < 0) return nullptr;
  const long address = Syscall(__NR_mmap, nullptr, facts.size, kProtRead | kProtWrite, kMapShared, fd, 0);
  return address < 0 && address > -4096 ? nullptr : reinterpret_cast<std::uint64_t*>(address);
}

// The runtime makes the plan while this program starts and its namespaces are made.
Result<Plan> ReceivePlan(Context& context) {
  std::int32_t value = 0;
  const ReceivedMessage message = TRY(WaitFor(context, Message::kPlan, &value));
  if (message.fd_count == 0) return Error{EBADMSG, Call::kRecvmsg, "plan"};
  const UniqueFd plan(message.fds[0]);
  context.slot_count = message.fd_count - 1;
  // With a trace its memory comes last.
  if (value != 0 && context.slot_count > 0) {
    context.slot_count -= 1;
    const UniqueFd memory(message.fds[context.slot_count + 1]);
    context.times = MapTimes(memory.get());
  }
  for (std::size_t i = 0; i < context.slot_count; ++i) context.slots[i] = message.fds[i + 1];
  return MapPlan(plan.get());
}

PlanFacts LookAhead(const Plan& plan) {
  PlanFacts facts;
  plan.ForEach([&](const RawStep& step) {
    facts.forks = facts.forks || step.op == Op::kFork;
    facts.masks = facts.masks || step.op == Op::kMaskPath;
    facts.waits = facts.waits || step.op == Op::kStart;
    facts.hooks = facts.hooks || step.op == Op::kHook;
    if (step.op == Op::kExec) Decode(step.fields, &facts.exec);
    return true;
  });
  return facts;
}

// argv[2]: how the container's first process is made; the words are in lib/plan/steps.ts.
struct Beginning {
  // By the plan's `fork` step, after the steps before it.
  bool by_plan = false;
  // Or at once, with these CLONE_NEW* flags. The kernel takes a millisecond to make namespaces, and
  // the runtime makes the plan meanwhile. Also without any: for a cloned process the kernel shows
  // whether it has executed a program since, which tells `created` from `running`.
  std::uint64_t namespaces = 0;
  // It makes only a user namespace, and hands it to the runtime.
  bool gives_users = false;
  // This process makes these namespaces for itself at once, and clones the
  // first process, with the rest, when the runtime knows its cgroup (BEGIN).
  bool when_told = false;
};

bool ParseBeginning(const char* text, Beginning* beginning) {
  beginning->by_plan = std::string_view(text) == kBeginningByPlan;
  beginning->gives_users = std::string_view(text) == kBeginningUsers;
  beginning->when_told = *text == kBeginningWhenTold[0];
  if (beginning->when_told) ++text;
  return beginning->by_plan || beginning->gives_users || ParseNumber(text, &beginning->namespaces);
}

Status BeginWhenTold(Context& context, std::uint64_t namespaces) {
  TRY(Check(Syscall(__NR_unshare, namespaces), Call::kUnshare, "namespaces"));
  std::int32_t rest = 0;
  const ReceivedMessage message = TRY(WaitFor(context, Message::kBegin, &rest));
  const UniqueFd cgroup(message.fd_count > 0 ? message.fds[0] : -1);
  return BecomeFirstProcess(context, static_cast<std::uint32_t>(rest), cgroup.get());
}

// The ids of an id-mapped mount. A process that executed a program inside of the namespace could be
// looked into by everybody with the runtime's user id, dumpable or not; this one cannot.
Status GiveUserNamespace(const Context& context) {
  constexpr std::string_view kPath = "/proc/self/ns/user";
  TRY(Check(Syscall(__NR_unshare, CLONE_NEWUSER), Call::kUnshare, "user namespace"));
  TRY(Protect(context));
  const UniqueFd users =
      TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, kPath.data(), O_RDONLY | O_CLOEXEC, 0), Call::kOpen, kPath));
  constexpr ControlMessage kMessage{Message::kUserNamespace, 0};
  TRY(Check(SendMessage(context.control.get(), &kMessage, sizeof kMessage, users.get()), Call::kSendmsg, kPath));
  // The maps can be written as long as there is a process.
  std::int32_t value = 0;
  const Result<ReceivedMessage> end = WaitFor(context, Message::kUserNamespace, &value);
  return end.ok() ? Status() : end.error();
}

// The runtime leaves open only the descriptors that it hands over; the control socket is the last.
long HideDescriptors(int first) {
  const long result = Syscall(__NR_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC);
  if (!IsMissing(result) && result != -EINVAL) return result;
  return Syscall(__NR_fcntl, first, F_SETFD, FD_CLOEXEC);
}

Status Begin(Context& context, const Beginning& beginning, Plan* plan) {
  TRY(Check(HideDescriptors(context.first_own), Call::kCloseRange, "own descriptors"));
  // Directories and files that are made for mounts get the permissions that runc gives them.
  Syscall(__NR_umask, 022);
  context.stage = Stage::kJoin;
  TRY(EnterStage(context));
  if (beginning.gives_users) {
    TRY(GiveUserNamespace(context));
    ExitProcess(0);
  }
  if (beginning.when_told) {
    TRY(BeginWhenTold(context, beginning.namespaces));
  } else if (!beginning.by_plan) {
    TRY(BecomeFirstProcess(context, beginning.namespaces, -1));
  }
  *plan = TRY(ReceivePlan(context));
  context.plan = LookAhead(*plan);
  if (context.plan.forks != beginning.by_plan) return Error{EBADMSG, Call::kDecode, "fork"};
  return {};
}

// Looks a path up, for a runtime that can wait for the end of this process, but not for that of a call of its own. The result
// does not matter: the runtime finds it out itself.
[[noreturn]] void LookUp(const char* path) {
  Syscall(__NR_prctl, PR_SET_PDEATHSIG, kSigKill, 0, 0, 0);
  const UniqueFd file(static_cast<int>(Syscall(__NR_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC, 0)));
  FileFacts facts;
  if (file.valid()) GetFacts(file.get(), &facts);
  ExitProcess(0);
}

}  // namespace

int Main(int argc, char** argv, char** /*environment*/) {
  // Before anything else: no other process may read this process's memory or take its descriptors
  // (CVE-2016-9962).
  Syscall(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  // Another process altogether.
  if (argc > 2 && std::string_view(argv[1]) == "record") Record(argv + 2, argv[0]);
  if (argc == 3 && std::string_view(argv[1]) == "look") LookUp(argv[2]);
  std::uint64_t number = 0;
  Beginning beginning;
  // argv[3]: make a keeper; its socket has the number after the control socket.
  const bool keeps = argc == 4 && std::string_view(argv[3]) == "keep";
  if ((argc != 3 && !keeps) || !ParseNumber(argv[1], &number) || number < 3 || number > kMaxDescriptor ||
      !ParseBeginning(argv[2], &beginning)) {
    return kFailed;
  }
  if (keeps) MakeKeeper(static_cast<int>(number) + 1, argv[0]);
  Context context;
  context.program_name = argv[0];
  context.first_own = static_cast<int>(number);
  context.control = UniqueFd(context.first_own);
  Plan plan;
  const Status begun = Begin(context, beginning, &plan);
  if (begun.ok()) {
    RunPlan(context, plan);
  } else {
    ReportFailure(context, kNoStep, begun.error());
  }
  return kFailed;
}

}  // namespace runt
