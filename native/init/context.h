// SPDX-License-Identifier: Apache-2.0
// What the steps of one stage share.

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

// What has to be known before the first step, because it cannot be had later.
struct PlanFacts {
  bool forks = false;
  // Something gets hidden: the host's /dev/null is needed after the root was entered.
  bool masks = false;
  // The container waits for `start` before it executes its program.
  bool waits = false;
  // Hooks run in the container.
  bool hooks = false;
  // The last step. A filter may not allow what has to be done for it.
  ExecStep exec;
};

// Sets of capabilities, bit n for capability n.
struct CapabilitySets {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  std::uint64_t inheritable = 0;
};

// What execve(2) takes, once it is known.
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
  // Mounts that this plan has attached in a container that is there, in their order. Where it fails they
  // are taken away again.
  static constexpr std::size_t kMaxLive = 128;
  UniqueFd live[kMaxLive];
  std::size_t live_count = 0;
  // What steps refer to by number: namespaces, the start FIFO and the like.
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
  // It was made outside of the container that has been joined, and stays in use.
  bool keeps_procfs = false;
  // The container's root: first the rootfs mount, after enterRoot "/".
  RootedPath root;
  // Where a mount is made that cannot be made detached.
  Workbench workbench;
  // Mounts of this plan, in which paths below them are looked for: see places.h.
  HeldMounts held;
  // The rootfs was made a mount: the mount namespace is this container's own, and things may be
  // mounted.
  bool owns_mounts = false;
  // The root gets what is mounted in it on the host.
  bool receives_mounts = false;
  // What is found by name is the container's, not what sources and devices are taken from.
  bool entered_root = false;
  // The standard streams are a terminal of the container's own.
  bool has_console = false;
  // kRefused* bits: what the runtime has to do to this process, which may not do it itself.
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

  // Where the end of each step goes, shared with the runtime: nanoseconds of CLOCK_MONOTONIC; the
  // first is when the plan came. nullptr unless the runtime traces.
  std::uint64_t* times = nullptr;

  // What the process is to have left once its filter holds; until then it has CAP_SYS_ADMIN, too.
  CapabilitySets last_capabilities;
  bool drops_capabilities = false;
  // Signals are handled, and the container's life does not hang on the runtime's.
  bool settled = false;
  PreparedProgram prepared;
  // The runtime knows that execve comes next.
  bool announced = false;

  // The working directory is process.cwd already.
  bool changed_directory = false;
  // The real place of the target that was verified last: what an error may refer to.
  Text<kPathMax> mount_target;
  // What of it lies below the root, from its slash on.
  std::string_view mount_inside;
  // Where findProgram found the program.
  Text<kPathMax> program;
  // What kept execve from executing it, where that is another file.
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
