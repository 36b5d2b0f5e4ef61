// SPDX-License-Identifier: Apache-2.0
// The side of `spawn` that runs in the child, and the clone that makes it.
//
// The child shares the parent's memory (CLONE_VM) and has no libc of its own: it makes system calls
// and touches nothing but its ChildPlan.
#ifndef RUNT_ADDON_CHILD_H_
#define RUNT_ADDON_CHILD_H_

#include <cstddef>
#include <cstdint>

namespace runt::addon {

// The work of the child before its program runs; the parent fills it in.
struct ChildPlan {
  // A path, or nullptr where `program_fd` is the program.
  const char* program;
  int program_fd;
  char* const* arguments;
  char* const* environment;
  // Descriptors that become 0 … count - 1. The child writes to it.
  int* fds;
  size_t fd_count;
  // nullptr: the parent's.
  const char* cwd;
  bool new_session;
  // SIGKILL when the parent ends.
  bool die_with_parent;
  // Positive errno of the call that failed; the child writes it.
  int error;
};

struct CloneRequest {
  uint64_t flags;
  // Only with CLONE_INTO_CGROUP.
  int cgroup_fd;
  void* stack;
  size_t stack_size;
  // The kernel writes the pidfd here.
  int* pidfd;
  // Not nullptr: do not wait for the child. It is 1 for as long as the child works in this process's memory, and the kernel makes
  // it 0.
  uint32_t* in_use;
};

// clone3(2) with `flags` | CLONE_VM | CLONE_PIDFD. Without `in_use` it returns when the child has executed its program or is gone
// (CLONE_VFORK). All signals must be blocked. The child's pid or -errno.
[[nodiscard]] long CloneChild(const CloneRequest& request, ChildPlan* plan);

}  // namespace runt::addon

#endif  // RUNT_ADDON_CHILD_H_
