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

// Prepares the rest of the stage before the container is ready: from here on the process outlives the runtime, except while
// it waits for an answer, and signals that end any program end it.
Status Settle(Context& context);

// Clones the container's first process, in new namespaces (CLONE_NEW*) and, unless `cgroup` is
// negative, in that cgroup v2; returns only in that process. If the kernel refuses the cgroup, the
// process is made outside, and the runtime is told.
Status BecomeFirstProcess(Context& context, std::uint64_t namespaces, int cgroup);

// Becomes 0:0 of the user namespace: with ids that have no mapping there, no file can be made
// (EOVERFLOW). If the namespace has no 0, the ids do not change. Protects again.
Status BecomeRoot(const Context& context);

// Runs the steps one after another. Returns only after a failure was reported.
void RunPlan(Context& context, const Plan& plan);

}  // namespace runt

#endif  // RUNT_INIT_STAGES_H_
