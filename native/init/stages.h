// SPDX-License-Identifier: Apache-2.0
#ifndef RUNT_INIT_STAGES_H_
#define RUNT_INIT_STAGES_H_

#include <cstdint>

#include "../base/result.h"
#include "../plan/plan.h"
#include "context.h"

namespace runt {

// Takes the name and the protections of the stage that `context.stage` says.
Status EnterStage(Context& context);

// Makes this process unreadable for others, and makes it die with the runtime. Has to be repeated
// after every change of ids: the kernel then resets both.
Status Protect(const Context& context);

// What is left of the stage before the container is ready: from here on it outlives the runtime, except while it waits
// for an answer, and is ended by the signals that end any program.
Status Settle(Context& context);

// Clones the container's first process, in new namespaces (CLONE_NEW*) and, unless `cgroup` is
// negative, in that cgroup v2; returns in it only. If the kernel refuses the cgroup, the runtime is
// told, and the process made outside.
Status BecomeFirstProcess(Context& context, std::uint64_t namespaces, int cgroup);

// Becomes 0:0 of the user namespace: with ids that have no mapping there, no file can be made
// (EOVERFLOW). Where the namespace has no 0 the ids stay what they are. Protects again.
Status BecomeRoot(const Context& context);

// Runs the steps one after another. Returns only after a failure was reported.
void RunPlan(Context& context, const Plan& plan);

}  // namespace runt

#endif  // RUNT_INIT_STAGES_H_
