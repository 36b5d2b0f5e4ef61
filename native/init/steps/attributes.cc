// SPDX-License-Identifier: Apache-2.0
#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "steps.h"

namespace runt {

namespace {

// struct sched_attr in its second version, which has the utilisation clamps.
struct SchedulingAttributes {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime;
  std::uint64_t deadline;
  std::uint64_t period;
  std::uint32_t utilisation_min;
  std::uint32_t utilisation_max;
};
static_assert(sizeof(SchedulingAttributes) == 56);

constexpr int kIoPriorityOfProcess = 1;  // IOPRIO_WHO_PROCESS

}  // namespace

Status ApparmorProfile(Context& context, const ApparmorProfileStep& step) {
  Result<UniqueFd> opened = context.procfs.Open("self/attr/apparmor/exec", O_WRONLY);
  // Before Linux 5.8, or without module stacking, there is one file for all modules.
  if (!opened.ok() && opened.error().number() == ENOENT) {
    opened = context.procfs.Open("self/attr/exec", O_WRONLY);
  }
  const UniqueFd file = TRY(std::move(opened));
  Text<kPathMax> text("exec ");
  text.Add(step.profile);
  if (text.overflowed()) return Error{ENAMETOOLONG, Call::kWrite, step.profile};
  return Check(WriteAll(file.get(), text.c_str(), text.view().size()), Call::kWrite, step.profile);
}

Status SelinuxLabel(Context& context, const SelinuxLabelStep& step) {
  Text<64> path("self/attr/");
  path.Add(step.attribute);
  if (path.overflowed()) return Error{ENAMETOOLONG, Call::kOpenat2, step.attribute};
  const UniqueFd file = TRY(context.procfs.Open(path.c_str(), O_WRONLY));
  // An empty line resets the attribute; a write of 0 bytes would not reach the kernel's handler.
  const std::string_view text = step.label.empty() ? std::string_view("\n") : step.label;
  return Check(WriteAll(file.get(), text.data(), text.size()), Call::kWrite, step.label);
}

Status Scheduler(Context& context, const SchedulerStep& step) {
  SchedulingAttributes attributes = {};
  attributes.size = sizeof attributes;
  attributes.policy = step.policy;
  attributes.flags = step.flags;
  attributes.nice = static_cast<std::int32_t>(step.nice);
  attributes.priority = step.priority;
  attributes.runtime = step.runtime;
  attributes.deadline = step.deadline;
  attributes.period = step.period;
  const long set = Syscall(__NR_sched_setattr, 0, &attributes, 0);
  if (IsRefused(context, set, kRefusedScheduler)) return {};
  return Check(set, Call::kSchedSetattr, "");
}

Status IoPriority(Context& context, const IoPriorityStep& step) {
  const long set = Syscall(__NR_ioprio_set, kIoPriorityOfProcess, 0, step.value);
  if (IsRefused(context, set, kRefusedIoPriority)) return {};
  return Check(set, Call::kIoprioSet, "");
}

Status Personality(Context& /*context*/, const PersonalityStep& step) {
  return Check(Syscall(__NR_personality, step.domain), Call::kPersonality, "");
}

Status MemoryPolicy(Context& /*context*/, const MemoryPolicyStep& step) {
  // The kernel reads one bit less than the given number.
  const std::size_t bits = step.nodes.empty() ? 0 : step.nodes.size() * 8 + 1;
  const void* nodes = step.nodes.empty() ? nullptr : step.nodes.data();
  return Check(Syscall(__NR_set_mempolicy, step.mode, nodes, bits), Call::kSetMempolicy, "");
}

}  // namespace runt
