// SPDX-License-Identifier: Apache-2.0
// The state that the steps of one stage share.

#ifndef RUNT_INIT_CONTEXT_H_
#define RUNT_INIT_CONTEXT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../base/kernel.h"
#include "../base/socket.h"
#include "../base/text.h"
#include "../base/unique_fd.h"
#include "../plan/ops.gen.h"
#include "held_mounts.h"
#include "missing.h"
#include "procfs.h"
#include "rooted_path.h"
#include "workbench.h"

namespace runt {

// Facts about the plan that the first step needs already, because they come too late otherwise.
struct PlanFacts {
  bool forks = false;
  // The plan hides paths: the host's /dev/null is needed after the root was entered.
  bool masks = false;
  // The container waits for `start` before it executes its program.
  bool waits = false;
  // Hooks run in the container.
  bool hooks = false;
  // The last step. A filter may forbid the calls that prepare it.
  ExecStep exec;
};

// Sets of capabilities, bit n for capability n.
struct CapabilitySets {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  std::uint64_t inheritable = 0;
};

// The arguments of execve(2), once they are known.
struct PreparedProgram {
  Text<1100> home;
  const char** args = nullptr;
  const char** env = nullptr;
};

struct Context {
  Stage stage = Stage::kInit;
  PlanFacts plan;
  // argv[0], which may be written to.
  char* program_name = nullptr;
  // Descriptors from here on are init's own; the first is the control socket.
  int first_own = 0;
  // Mounts that this plan has attached in an existing container, in order. If the plan fails, init
  // unmounts them again.
  static constexpr std::size_t kMaxLive = 128;
  UniqueFd live[kMaxLive];
  std::size_t live_count = 0;
  // Descriptors that steps refer to by number: namespaces, the start FIFO and the like.
  int slots[kMaxPassedFds] = {};
  static_assert(kMaxSlots + 1 == kMaxPassedFds, "the plan and its slots come in one message");
  std::size_t slot_count = 0;

  // Closed when there is a `start` to wait for; without one it tells the runtime of the execve, by
  // its end of file.
  UniqueFd control;
  // The runtime has answered READY.
  bool ready = false;
  // A seccomp filter holds for this process.
  bool filtered = false;
  // Open for writing from the moment when `start` came.
  UniqueFd fifo;

  Procfs procfs;
  // It was made outside of the joined container, and stays in use.
  bool keeps_procfs = false;
  // The container's root: first the rootfs mount, after enterRoot "/".
  RootedPath root;
  // The bench for mounts that cannot be made detached.
  Workbench workbench;
  // Mounts of this plan, in which paths below them are looked up: see places.h.
  HeldMounts held;
  // The rootfs was made a mount: the mount namespace is this container's own, and things may be
  // mounted.
  bool owns_mounts = false;
  // The root receives mounts that the host makes in it.
  bool receives_mounts = false;
  // Paths now lead into the container, no longer to the host's sources and devices.
  bool entered_root = false;
  // The standard streams are a terminal of the container's own.
  bool has_console = false;
  // kRefused* bits: changes that this process may not make itself; the runtime has to.
  std::uint32_t refused = 0;
  // A pid namespace was joined: processes that are not trusted see this one.
  bool shares_pids = false;
  // CLONE_NEW* of the namespaces that could not be joined from outside of the user namespace.
  std::uint32_t join_later = 0;

  // The nodes that deviceNode steps have made, named by their numbers from 1.
  UniqueFd device_nodes;
  std::uint32_t device_node_count = 0;
  bool device_nodes_attached = false;

  // Sources of masks. The first use attaches them; later ones are cloned from there, because
  // before 6.15 a mount that is attached nowhere cannot be cloned.
  UniqueFd null_mask;
  UniqueFd directory_mask;
  bool null_mask_attached = false;
  bool directory_mask_attached = false;

  // The place for the end time of each step, shared with the runtime: nanoseconds of CLOCK_MONOTONIC; the
  // first is when the plan came. nullptr unless the runtime traces.
  std::uint64_t* times = nullptr;

  // The capabilities that the process keeps once its filter holds; until then it has CAP_SYS_ADMIN, too.
  CapabilitySets last_capabilities;
  bool drops_capabilities = false;
  // Signals are handled, and the container's life does not hang on the runtime's.
  bool settled = false;
  PreparedProgram prepared;
  // The runtime knows that execve comes next.
  bool announced = false;

  // The working directory is process.cwd already.
  bool changed_directory = false;
  // The real place of the target that was verified last; an error may refer to it.
  Text<kPathMax> mount_target;
  // The part of it below the root, from its slash on.
  std::string_view mount_inside;
  // The path at which findProgram found the program.
  Text<kPathMax> program;
  // The other file, if any, that kept execve from executing it.
  MissingFile missing;

  // -1, which no call accepts, for a slot that did not come.
  int Slot(std::uint32_t index) const { return index < slot_count ? slots[index] : -1; }
};

// Whether the kernel refused a step for want of a right, which the runtime may have; `kind`
// (kRefused*) is noted for it.
inline bool IsRefused(Context& context, long result, std::uint32_t kind) {
  if (result != -EPERM && result != -EACCES) return false;
  context.refused |= kind;
  return true;
}

}  // namespace runt

#endif  // RUNT_INIT_CONTEXT_H_
