// SPDX-License-Identifier: Apache-2.0
#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../stages.h"
#include "steps.h"

namespace runt {

namespace {

constexpr std::uint32_t kMaxCapability = 63;
constexpr std::uint64_t kSystemAdmin = std::uint64_t{1} << CAP_SYS_ADMIN;

struct RawCapabilities {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
};

std::uint64_t Join(std::uint32_t low, std::uint32_t high) { return low | (static_cast<std::uint64_t>(high) << 32); }

Result<CapabilitySets> CurrentSets() {
  RawCapabilities raw;
  TRY(Check(Syscall(__NR_capget, &raw.header, raw.data), Call::kCapset, "capget"));
  return CapabilitySets{Join(raw.data[0].effective, raw.data[1].effective), Join(raw.data[0].permitted, raw.data[1].permitted),
                        Join(raw.data[0].inheritable, raw.data[1].inheritable)};
}

Status ApplySets(const CapabilitySets& sets) {
  RawCapabilities raw;
  for (unsigned i = 0; i < 2; ++i) {
    raw.data[i].effective = static_cast<std::uint32_t>(sets.effective >> (32 * i));
    raw.data[i].permitted = static_cast<std::uint32_t>(sets.permitted >> (32 * i));
    raw.data[i].inheritable = static_cast<std::uint32_t>(sets.inheritable >> (32 * i));
  }
  return Check(Syscall(__NR_capset, &raw.header, raw.data), Call::kCapset, "capabilities");
}

// Drops all but `keep` from the bounding set; returns the capabilities that are left.
Result<std::uint64_t> LimitBounding(std::uint64_t keep) {
  std::uint64_t left = 0;
  for (std::uint32_t capability = 0; capability <= kMaxCapability; ++capability) {
    const std::uint64_t bit = static_cast<std::uint64_t>(1) << capability;
    long dropped = -EPERM;
    if ((keep & bit) == 0) {
      dropped = Syscall(__NR_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
      if (dropped >= 0) continue;
      // Without CAP_SETPCAP the kernel refuses to drop what is not there.
      if (dropped != -EPERM && dropped != -EINVAL) return Error{static_cast<int>(-dropped), Call::kPrctl, "PR_CAPBSET_DROP"};
    }
    const long has = Syscall(__NR_prctl, PR_CAPBSET_READ, capability, 0, 0, 0);
    // EINVAL: the kernel knows no more capabilities.
    if (has == -EINVAL) break;
    TRY(Check(has, Call::kPrctl, "PR_CAPBSET_READ"));
    if (has == 0) continue;
    if ((keep & bit) == 0) return Error{static_cast<int>(-dropped), Call::kPrctl, "PR_CAPBSET_DROP"};
    left |= bit;
  }
  return left;
}

Status RaiseAmbient(std::uint64_t ambient) {
  TRY(Check(Syscall(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), Call::kPrctl, "PR_CAP_AMBIENT"));
  for (std::uint32_t capability = 0; capability <= kMaxCapability; ++capability) {
    if ((ambient >> capability & 1) == 0) continue;
    TRY(Check(Syscall(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), Call::kPrctl, "PR_CAP_AMBIENT"));
  }
  return {};
}

// Whether setgroups(2) is denied in this user namespace: otherwise an unprivileged user could drop
// a group that denies access to a file.
bool DeniesGroups(Context& context) {
  if (!context.procfs.Prepare().ok()) return false;
  // Not openat2: a seccomp filter that holds by now may not allow it.
  const UniqueFd file(static_cast<int>(Syscall(__NR_openat, context.procfs.fd(), "self/setgroups", O_RDONLY | O_CLOEXEC, 0)));
  char text[8] = {};
  return ReadSome(file.get(), text, sizeof text) >= 4 && std::string_view(text, 4) == "deny";
}

Status SetGroups(Context& context, const CredentialsStep& step) {
  const long result = Syscall(__NR_setgroups, step.groups.count(), step.groups.data());
  if (result == -EPERM) {
    bool more = false;
    for (const std::uint32_t group : step.groups) more = more || group != step.gid;
    // The caller's groups stay then; a process cannot drop them.
    if (!more && DeniesGroups(context)) return {};
  }
  return Check(result, Call::kSetgroups, "additionalGids");
}

}  // namespace

Status DropCapabilities(Context& context) {
  if (!context.drops_capabilities) return {};
  context.drops_capabilities = false;
  return ApplySets(context.last_capabilities);
}

// Before: all capabilities that the user namespace gave. After: exactly those of the plan that the
// kernel lets this process have; the runtime has warned about the others. DropCapabilities gives up
// the capability that installing the filter needs besides.
Status Credentials(Context& context, const CredentialsStep& step) {
  const std::uint64_t bounding = TRY(LimitBounding(step.bounding));
  // Without it a change from user 0 to another empties the permitted set.
  TRY(Check(Syscall(__NR_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0), Call::kPrctl, "PR_SET_KEEPCAPS"));
  if (step.keep_groups == 0) TRY(SetGroups(context, step));
  const Status group = Check(Syscall(__NR_setresgid, step.gid, step.gid, step.gid), Call::kSetresgid, "gid");
  TRY(group);
  TRY(Check(Syscall(__NR_setresuid, step.uid, step.uid, step.uid), Call::kSetresuid, "uid"));
  TRY(Check(Syscall(__NR_prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0), Call::kPrctl, "PR_SET_KEEPCAPS"));
  const CapabilitySets current = TRY(CurrentSets());
  CapabilitySets wanted;
  wanted.permitted = step.permitted & current.permitted;
  wanted.effective = step.effective & wanted.permitted;
  // The kernel allows capabilities that are inheritable already, and those in both the bounding and
  // the permitted set.
  wanted.inheritable = step.inheritable & (current.inheritable | (bounding & current.permitted));
  CapabilitySets now = wanted;
  const std::uint64_t extra = step.for_filter != 0 ? kSystemAdmin & current.permitted : 0;
  now.permitted |= extra;
  now.effective |= extra;
  context.last_capabilities = wanted;
  context.drops_capabilities = now.effective != wanted.effective;
  TRY(ApplySets(now));
  TRY(RaiseAmbient(step.ambient & wanted.permitted & wanted.inheritable));
  return Protect(context);
}

}  // namespace runt
