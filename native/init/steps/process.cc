// SPDX-License-Identifier: Apache-2.0
#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../places.h"
#include "../stages.h"
#include "steps.h"

namespace runt {

Status OomScoreAdj(Context& context, const OomScoreAdjStep& step) {
  constexpr std::string_view kSubject = "oom_score_adj";
  Result<UniqueFd> opened = context.procfs.Open("self/oom_score_adj", O_WRONLY);
  // The /proc files of a process that is not dumpable belong to root, so init of a rootless runtime
  // cannot open its own. As long as it is in the runtime's namespaces with only its user's rights,
  // other processes gain nothing while it is dumpable.
  const bool alone = context.stage == Stage::kJoin && !context.shares_pids;
  if (!opened.ok() && opened.error().number() == EACCES && alone) {
    Syscall(__NR_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
    opened = context.procfs.Open("self/oom_score_adj", O_WRONLY);
    TRY(Protect(context));
  }
  const UniqueFd file = TRY(std::move(opened));
  Text<24> text(step.value < 0 ? "-" : "");
  const auto bits = static_cast<std::uint64_t>(step.value);
  text.AddNumber(step.value < 0 ? 0 - bits : bits);
  const long written = WriteAll(file.get(), text.c_str(), text.view().size());
  // To go below its own value takes CAP_SYS_RESOURCE in the first user namespace.
  if (IsRefused(context, written, kRefusedOomScoreAdj)) return {};
  return Check(written, Call::kWrite, kSubject);
}

Status Rlimit(Context& context, const RlimitStep& step) {
  const ResourceLimit limit = {step.soft, step.hard};
  const long set = Syscall(__NR_prlimit64, 0, step.resource, &limit, nullptr);
  if (set >= 0 || IsRefused(context, set, kRefusedRlimits)) return {};
  return Error{static_cast<int>(-set), Call::kPrlimit, "rlimit", step.resource};
}

Status CpuAffinity(Context& /*context*/, const CpuAffinityStep& step) {
  const long set = Syscall(__NR_sched_setaffinity, 0, step.mask.size(), step.mask.data());
  return step.attempt != 0 ? Status() : Check(set, Call::kSchedSetaffinity, "CPUs");
}

Status Umask(Context& /*context*/, const UmaskStep& step) {
  Syscall(__NR_umask, step.mask);
  return {};
}

Status WorkingDirectory(Context& context, const WorkingDirectoryStep& step) {
  const Result<UniqueFd> made = MakePlaceDirectories(context, step.path, 0755);
  return made.ok() ? Status() : made.error();
}

Status NoNewPrivileges(Context& /*context*/, const NoNewPrivilegesStep& /*step*/) {
  return Check(Syscall(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), Call::kPrctl, "PR_SET_NO_NEW_PRIVS");
}

}  // namespace runt
