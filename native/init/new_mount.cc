// SPDX-License-Identifier: Apache-2.0
#include "new_mount.h"

#include "../base/file.h"
#include "../base/kernel.h"
#include "../base/syscall.h"
#include "../plan/ops.gen.h"

namespace runt {

namespace {

// Puts up the bench for a mount that goes to `target`. A mount on the root cannot be made on a bench that covers the root.
Status OpenBench(Context& context, int target, std::string_view subject) {
  if (context.workbench.stands()) return {};
  FileFacts root;
  FileFacts place;
  TRY(Check(GetFacts(context.root.fd(), &root), Call::kFstat, subject));
  TRY(Check(GetFacts(target, &place), Call::kFstat, subject));
  return context.workbench.Open(context.procfs, context.root.fd(), place.IsSamePlace(root));
}

}  // namespace

Result<UniqueFd> CloneMount(Context& context, int source, bool recursive, int target, std::string_view subject) {
  Result<UniqueFd> cloned = CloneTree(source, recursive, subject);
  if (cloned.ok() || !IsWithheld(cloned.error())) return cloned;
  TRY(OpenBench(context, target, subject));
  return context.workbench.Clone(context.procfs, source, recursive, subject);
}

Result<UniqueFd> MakeMount(Context& context, const FilesystemCall& call, int target, std::string_view subject) {
  TRY(OpenBench(context, target, subject));
  return context.workbench.Make(context.procfs, call, subject);
}

Result<UniqueFd> MakeNodeMount(Context& context, const OwnNode& node, int target, std::string_view subject) {
  TRY(OpenBench(context, target, subject));
  const UniqueFd made = TRY(context.workbench.MakeNode(node, subject));
  return context.workbench.Clone(context.procfs, made.get(), false, subject);
}

Status ChangeMade(Context& context, int mount, const Attributes& attributes, std::string_view subject) {
  return context.workbench.stands() ? ChangeAttached(context.procfs, mount, attributes, subject)
                                    : SetAttributes(mount, attributes, subject);
}

Status AttachMount(Context& context, int mount, int target, std::string_view subject) {
  if (!context.workbench.in_place()) {
    const Status attached = Attach(mount, target, subject);
    if (!attached.ok() && !IsWithheld(attached.error())) return attached;
    if (!attached.ok()) {
      TRY(MountByName(context.procfs, DescriptorPath(mount).c_str(), target, nullptr, MS_MOVE, nullptr, subject));
    }
  }
  return context.workbench.Close();
}

Status AttachChanged(Context& context, int mount, const Attributes& attributes, int target, std::string_view subject) {
  const Status changed = ChangeMade(context, mount, attributes, subject);
  const bool late = !changed.ok() && changed.error().number() == ENOSYS;
  if (!late) TRY(changed);
  TRY(AttachMount(context, mount, target, subject));
  return late ? ChangeAttached(context.procfs, mount, attributes, subject) : Status();
}

}  // namespace runt
