// SPDX-License-Identifier: Apache-2.0
#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "steps.h"

namespace runt {

namespace {

// struct ifreq of a request for flags.
struct InterfaceFlags {
  char name[16];
  short flags;
  char unused[22];
};
static_assert(sizeof(InterfaceFlags) == 40);

constexpr int kAfInet = 2;
constexpr int kSockDgram = 2;
constexpr int kSockCloexec = 02000000;
constexpr unsigned kGetInterfaceFlags = 0x8913;  // SIOCGIFFLAGS
constexpr unsigned kSetInterfaceFlags = 0x8914;  // SIOCSIFFLAGS
constexpr short kInterfaceUp = 1;                // IFF_UP

// KEY_USR_SEARCH and KEY_OTH_SEARCH.
constexpr std::uint32_t kUserSearch = 0x00080000;
constexpr std::uint32_t kOtherSearch = 0x00000008;
// The most rights that the kernel gives a new session keyring: all to its possessor; VIEW, READ and
// LINK to its owner.
constexpr std::uint32_t kNewRing = 0x3f130000;

struct Ring {
  std::uint64_t owner = 0;
  std::uint32_t permissions = 0;
};

// Takes the text before the next ';' off `text`, together with the ';'.
std::string_view NextField(std::string_view* text) {
  std::size_t size = 0;
  while (size < text->size() && (*text)[size] != ';') ++size;
  const std::string_view field(text->data(), size);
  text->remove_prefix(size < text->size() ? size + 1 : size);
  return field;
}

// A key's description, "type;uid;gid;perm;name" with perm in hexadecimal.
bool ParseRing(std::string_view description, Ring* ring) {
  NextField(&description);
  if (!ParseNumber(NextField(&description), &ring->owner)) return false;
  NextField(&description);
  const std::string_view permissions = NextField(&description);
  for (const char c : permissions) {
    const bool letter = c >= 'a' && c <= 'f';
    if (!letter && (c < '0' || c > '9')) return false;
    const auto digit = static_cast<std::uint32_t>(letter ? c - 'a' + 10 : c - '0');
    ring->permissions = ring->permissions * 16 + digit;
  }
  return !permissions.empty();
}

Result<Ring> Describe(long ring, std::string_view name) {
  char description[512];
  const long size =
      TRY(Checked(Syscall(__NR_keyctl, KEYCTL_DESCRIBE, ring, description, sizeof description), Call::kKeyctl, name));
  Ring facts;
  if (size > static_cast<long>(sizeof description) || size < 1 ||
      !ParseRing({description, static_cast<std::size_t>(size) - 1}, &facts)) {
    return Error{EINVAL, Call::kVerify, name};
  }
  return facts;
}

// Inside a user namespace the ring's owner need not be mapped, so the others' bit counts there.
bool InUserNamespace(Context& context) {
  Result<UniqueFd> map = context.procfs.Open("self/uid_map", O_RDONLY);
  if (!map.ok()) return false;
  char line[64];
  const UniqueFd file = map.Take();
  const long size = ReadSome(file.get(), line, sizeof line);
  if (size <= 0) return true;
  // The first namespace's only line: "0 0 4294967295", with blanks before each.
  std::string_view text(line, static_cast<std::size_t>(size));
  std::uint64_t fields[3] = {};
  for (std::uint64_t& field : fields) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
    if (!ParseNumber({text.data(), digits}, &field)) return true;
    text.remove_prefix(digits);
  }
  return fields[0] != 0 || fields[1] != 0 || fields[2] != 4294967295U;
}

}  // namespace

// A ring is joined by its name, so that `exec` gets that of the container. Another process may have
// made a ring of that name before, which can be found, and would share it. So the ring has to be
// this user's, others may have no rights in it, and the user no more than in a ring of runt's. Else
// the container gets a ring of its own that cannot be found.
Status SessionKeyring(Context& context, const SessionKeyringStep& step) {
  long ring = Syscall(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, step.name.data());
  // Older kernels and container managers around this one have no keyrings; keyrings are a second
  // line of defence.
  if (ring == -ENOSYS) return {};
  TRY(Check(ring, Call::kKeyctl, step.name));
  const std::uint32_t search = InUserNamespace(context) ? kOtherSearch : kUserSearch;
  Ring facts = TRY(Describe(ring, step.name));
  const auto user = static_cast<std::uint64_t>(Syscall(__NR_geteuid));
  if (facts.owner != user || (facts.permissions & ~(kNewRing | search)) != 0) {
    ring = TRY(Checked(Syscall(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr), Call::kKeyctl, step.name));
    facts = TRY(Describe(ring, step.name));
  }
  return Check(Syscall(__NR_keyctl, KEYCTL_SETPERM, ring, facts.permissions | search), Call::kKeyctl, step.name);
}

Status Hostname(Context& /*context*/, const HostnameStep& step) {
  return Check(Syscall(__NR_sethostname, step.name.data(), step.name.size()), Call::kSethostname, step.name);
}

Status Domainname(Context& /*context*/, const DomainnameStep& step) {
  return Check(Syscall(__NR_setdomainname, step.name.data(), step.name.size()), Call::kSetdomainname, step.name);
}

Status Sysctl(Context& context, const SysctlStep& step) {
  Text<512> path("sys/");
  path.Add(step.key);
  if (path.overflowed()) return Error{ENAMETOOLONG, Call::kOpenat2, step.key};
  const UniqueFd file = TRY(context.procfs.OpenSetting(path.c_str(), O_WRONLY, step.key));
  return Check(WriteAll(file.get(), step.value.data(), step.value.size()), Call::kWrite, step.key);
}

Status Loopback(Context& /*context*/, const LoopbackStep& /*step*/) {
  const UniqueFd socket = TRY(CheckedFd(Syscall(__NR_socket, kAfInet, kSockDgram | kSockCloexec, 0), Call::kSocket, "lo"));
  InterfaceFlags request = {"lo", 0, {}};
  TRY(Check(Syscall(__NR_ioctl, socket.get(), kGetInterfaceFlags, &request), Call::kIoctl, "lo"));
  request.flags = static_cast<short>(request.flags | kInterfaceUp);
  return Check(Syscall(__NR_ioctl, socket.get(), kSetInterfaceFlags, &request), Call::kIoctl, "lo");
}

}  // namespace runt
