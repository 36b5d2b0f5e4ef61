// SPDX-License-Identifier: Apache-2.0
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "../base/open_descriptors.h"
#include "../base/syscall.h"

namespace runt::addon {
namespace {

// struct clone_args of Linux 5.7, the first with `cgroup`.
struct CloneArguments {
  uint64_t flags;
  uint64_t pidfd;
  uint64_t child_tid;
  uint64_t parent_tid;
  uint64_t exit_signal;
  uint64_t stack;
  uint64_t stack_size;
  uint64_t tls;
  uint64_t set_tid;
  uint64_t set_tid_size;
  uint64_t cgroup;
};

// The kernel's struct sigaction, which is not libc's. All zero is SIG_DFL.
struct KernelAction {
  uintptr_t handler;
  unsigned long flags;
  uintptr_t restorer;
  uint64_t mask;
};

constexpr int kLastSignal = 64;

// Sources may overlap targets: first each source in the targets' range moves above it, then each
// source moves to its target. The copies are close-on-exec.
long PlaceDescriptors(const ChildPlan& plan) {
  const int count = static_cast<int>(plan.fd_count);
  for (int target = 0; target < count; ++target) {
    int& source = plan.fds[target];
    if (source >= count || source == target) continue;
    const long moved = Syscall(__NR_fcntl, source, F_DUPFD_CLOEXEC, count);
    if (moved < 0) return moved;
    source = static_cast<int>(moved);
  }
  for (int target = 0; target < count; ++target) {
    const int source = plan.fds[target];
    const long result = source == target ? Syscall(__NR_fcntl, source, F_SETFD, 0) : Syscall(__NR_dup3, source, target, 0);
    if (result < 0) return result;
  }
  return 0;
}

// Close-on-exec, not closed: the program itself may be one of them.
long HideOtherDescriptors(unsigned first) {
  const long result = Syscall(__NR_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC);
  // Linux before 5.11 lacks the call (5.9) or the flag; filters around this process may refuse it.
  if (!IsMissing(result) && result != -EINVAL) return result;
  if (MarkOpenDescriptors(AT_FDCWD, "/proc/self/fd", static_cast<int>(first)) == 0) return 0;
  rlimit limit;
  const long asked = Syscall(__NR_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit);
  if (asked < 0) return asked;
  for (rlim_t fd = first; fd < limit.rlim_cur; ++fd) Syscall(__NR_fcntl, fd, F_SETFD, FD_CLOEXEC);
  return 0;
}

// Handlers go before the mask does: one of the parent's would run in the parent's memory. Ignored
// signals (the engine ignores SIGPIPE) would stay ignored in the program.
void ResetSignals() {
  const KernelAction action = {};
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    Syscall(__NR_rt_sigaction, signal, &action, nullptr, sizeof(action.mask));
  }
  const uint64_t none = 0;
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof(none));
}

// 0, or -errno of the call that failed.
long Prepare(ChildPlan& plan) {
  long result = 0;
  if (plan.new_session) result = Syscall(__NR_setsid);
  if (plan.die_with_parent) result = Syscall(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (result >= 0 && plan.cwd != nullptr) result = Syscall(__NR_chdir, plan.cwd);
  // If placing would overwrite it, the program's descriptor moves away too.
  const int count = static_cast<int>(plan.fd_count);
  if (result >= 0 && plan.program == nullptr && plan.program_fd < count) {
    result = Syscall(__NR_fcntl, plan.program_fd, F_DUPFD_CLOEXEC, count);
    plan.program_fd = static_cast<int>(result);
  }
  if (result >= 0) result = PlaceDescriptors(plan);
  if (result >= 0) result = HideOtherDescriptors(static_cast<unsigned>(plan.fd_count));
  return result;
}

long Execute(const ChildPlan& plan) {
  if (plan.program != nullptr) {
    return Syscall(__NR_execve, plan.program, plan.arguments, plan.environment);
  }
  return Syscall(__NR_execveat, plan.program_fd, "", plan.arguments, plan.environment, AT_EMPTY_PATH);
}

// The first and only function of the child.
[[noreturn]] void RunChild(ChildPlan* plan) {
  long result = Prepare(*plan);
  if (result >= 0) {
    ResetSignals();
    result = Execute(*plan);
  }
  plan->error = static_cast<int>(-result);
  ExitProcess(127);
}

// Not through libc: its clone() knows only 32 bits of flags, and a child on a new stack cannot
// return from syscall(2)'s wrapper.
long Clone3(const CloneArguments* arguments, ChildPlan* plan) {
  using Entry = void (*)(ChildPlan*);
  const Entry entry = RunChild;
#if defined(__x86_64__)
  long result;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "mov %[plan], %%rdi\n\t"
      "call *%[entry]\n\t"
      "ud2\n"
      "1:"
      : "=a"(result)
      : "a"(__NR_clone3), "D"(arguments), "S"(sizeof(*arguments)), [plan] "r"(plan), [entry] "r"(entry)
      : "rcx", "r11", "memory", "cc");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = __NR_clone3;
  register long x0 asm("x0") = reinterpret_cast<long>(arguments);
  register long x1 asm("x1") = static_cast<long>(sizeof(*arguments));
  asm volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x0, %[plan]\n\t"
      "blr %[entry]\n\t"
      "brk #0\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), [plan] "r"(plan), [entry] "r"(entry)
      : "memory", "cc");
  return x0;
#else
#error "spawn is written for x86_64 and aarch64"
#endif
}

// The same with clone(2), which has the pidfd in the place of the parent's copy of the thread id.
long Clone(const CloneArguments& arguments, ChildPlan* plan) {
  using Entry = void (*)(ChildPlan*);
  const Entry entry = RunChild;
  const uint64_t flags = arguments.flags | arguments.exit_signal;
  const uint64_t top = arguments.stack + arguments.stack_size;
#if defined(__x86_64__)
  register long r10 asm("r10") = static_cast<long>(arguments.child_tid);
  register long r8 asm("r8") = 0;
  long result;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "mov %[plan], %%rdi\n\t"
      "call *%[entry]\n\t"
      "ud2\n"
      "1:"
      : "=a"(result)
      : "a"(__NR_clone), "D"(flags), "S"(top), "d"(arguments.pidfd), "r"(r10), "r"(r8), [plan] "r"(plan), [entry] "r"(entry)
      : "rcx", "r11", "memory", "cc");
  return result;
#else
  register long x8 asm("x8") = __NR_clone;
  register long x0 asm("x0") = static_cast<long>(flags);
  register long x1 asm("x1") = static_cast<long>(top);
  register long x2 asm("x2") = static_cast<long>(arguments.pidfd);
  register long x3 asm("x3") = 0;
  register long x4 asm("x4") = static_cast<long>(arguments.child_tid);
  asm volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x0, %[plan]\n\t"
      "blr %[entry]\n\t"
      "brk #0\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [plan] "r"(plan), [entry] "r"(entry)
      : "memory", "cc");
  return x0;
#endif
}

long CloneWith(uint64_t more, const CloneRequest& request, ChildPlan* plan) {
  CloneArguments arguments = {};
  arguments.flags = request.flags | more | CLONE_VM | CLONE_PIDFD;
  arguments.child_tid = reinterpret_cast<uintptr_t>(request.in_use);
  arguments.pidfd = reinterpret_cast<uintptr_t>(request.pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<uintptr_t>(request.stack);
  arguments.stack_size = request.stack_size;
  if (request.cgroup_fd >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(request.cgroup_fd);
  }
  const long made = Clone3(&arguments, plan);
  // clone(2) can do the same, except for the cgroup and flags outside 32 bits less the signal.
  const bool is_plain = request.cgroup_fd < 0 && (request.flags & 0xff) == 0;
  if (!IsMissing(made) || !is_plain) return made;
  const long older = Clone(arguments, plan);
  if (older != -EINVAL) return older;
  // Linux before 5.2 ignores this flag; an imitation of Linux may refuse it.
  arguments.flags &= ~static_cast<uint64_t>(CLONE_PIDFD);
  return Clone(arguments, plan);
}

}  // namespace

long CloneChild(const CloneRequest& request, ChildPlan* plan) {
  if (request.in_use != nullptr) {
    // Set before the child is there: the kernel's 0 must be the last value.
    *request.in_use = 1;
    const long made = CloneWith(CLONE_CHILD_CLEARTID, request, plan);
    if (made >= 0) return made;
    // An imitation of Linux may know vfork alone. Any other failure comes again.
    *request.in_use = 0;
  }
  return CloneWith(CLONE_VFORK, request, plan);
}

}  // namespace runt::addon
