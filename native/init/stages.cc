// SPDX-License-Identifier: Apache-2.0
#include "stages.h"

#include "../base/kernel.h"
#include "../base/syscall.h"
#include "control.h"
#include "steps/steps.h"

namespace runt {

namespace {

// The plan was checked as a whole, so a step that does not decode is a defect of this program.
template <typename Step>
Status RunAs(Context& context, const RawStep& raw, Status (*function)(Context&, const Step&)) {
  Step step;
  if (!Decode(raw.fields, &step)) return Error{EBADMSG, Call::kDecode, "fields"};
  return function(context, step);
}

Status RunStep(Context& context, const RawStep& raw) {
  switch (raw.op) {
#define RUNT_RUN_STEP(Name) \
  case Op::k##Name:         \
    return RunAs(context, raw, Name);
    RUNT_FOR_EACH_OP(RUNT_RUN_STEP)
#undef RUNT_RUN_STEP
  }
  return Error{EBADMSG, Call::kDecode, "operation"};
}

// `ps -f` shows argv[0] and not the name of PR_SET_NAME; the runtime leaves room for it there.
void ShowAsArgument(const Context& context, std::string_view name) {
  if (std::string_view(context.program_name).size() != name.size()) return;
  for (std::size_t i = 0; i < name.size(); ++i) context.program_name[i] = name[i];
}

// Not after a filter is installed, which may kill the process for the call.
void NoteTime(const Context& context, std::uint32_t index) {
  if (context.filtered) return;
  struct {
    std::int64_t seconds;
    std::int64_t nanoseconds;
  } now = {};
  Syscall(__NR_clock_gettime, kClockMonotonic, &now);
  context.times[index] = static_cast<std::uint64_t>(now.seconds) * 1'000'000'000U + static_cast<std::uint64_t>(now.nanoseconds);
}

}  // namespace

Status Protect(const Context& context) {
  TRY(Check(Syscall(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0), Call::kPrctl, "PR_SET_DUMPABLE"));
  // Once the container is ready, its life no longer depends on the runtime's.
  if (context.ready) return {};
  TRY(Check(Syscall(__NR_prctl, PR_SET_PDEATHSIG, kSigKill, 0, 0, 0), Call::kPrctl, "PR_SET_PDEATHSIG"));
  // The runtime may have died before the call above. Its pid cannot be read in a new pid namespace.
  if (IsRuntimeGone(context)) return Error{ECONNRESET, Call::kAnswer, "control socket"};
  return {};
}

Status BecomeRoot(const Context& context) {
  const long group = Syscall(__NR_setresgid, 0, 0, 0);
  if (group < 0 && group != -EINVAL) {
    return Error{static_cast<int>(-group), Call::kSetresgid, "0"};
  }
  const long user = Syscall(__NR_setresuid, 0, 0, 0);
  if (user < 0 && user != -EINVAL) return Error{static_cast<int>(-user), Call::kSetresuid, "0"};
  return Protect(context);
}

Status EnterStage(Context& context) {
  const std::string_view name = context.stage == Stage::kJoin ? kStageNameJoin : kStageNameInit;
  ShowAsArgument(context, name);
  TRY(Check(Syscall(__NR_prctl, PR_SET_NAME, name.data(), 0, 0, 0), Call::kPrctl, "PR_SET_NAME"));
  TRY(Protect(context));
  if (context.stage == Stage::kInit) {
    // EPERM: it is the leader of a session already.
    const long session = Syscall(__NR_setsid);
    if (session < 0 && session != -EPERM) {
      return Error{static_cast<int>(-session), Call::kSetsid, "setsid"};
    }
  }
  return {};
}

void RunPlan(Context& context, const Plan& plan) {
  std::uint32_t last = 0;
  bool failed = false;
  if (context.times != nullptr) NoteTime(context, 0);
  plan.ForEach([&](const RawStep& step) {
    last = step.index;
    const Status status = RunStep(context, step);
    if (context.times != nullptr) NoteTime(context, step.index + 1);
    if (status.ok()) return true;
    // Where the mount namespace is not the container's own, mounts would stay. The runtime kills this process as soon as it
    // knows of the failure, so nothing can be taken away after that.
    TakeBack(context);
    if (context.workbench.stands()) static_cast<void>(context.workbench.Close());
    ReportFailure(context, step.index, status.error());
    failed = true;
    return false;
  });
  if (!failed) ReportFailure(context, last, Error{EBADMSG, Call::kDecode, "a plan without exec"});
}

}  // namespace runt
