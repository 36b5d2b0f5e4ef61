// dist/bin/runt: starts the executable, ../libexec/runt/runt as seen from here, with an environment
// that cannot change what it is (environment.h).

#include <elf.h>
#include <linux/auxvec.h>

#include <string_view>

#include "../base/kernel.h"
#include "../base/start.h"
#include "../base/syscall.h"
#include "../base/text.h"
#include "environment.h"

namespace runt::launcher {
namespace {

using PathText = Text<kPathMax>;

constexpr std::string_view kExecutable = "../libexec/runt/runt";
constexpr int kFailed = 1;
constexpr int kStderr = 2;
constexpr int kResourceNofile = 7;  // RLIMIT_NOFILE

// The kernel's struct sigaction; all zero is SIG_DFL.
struct SignalAction {
  std::uintptr_t handler;
  unsigned long flags;
  std::uintptr_t restorer;
  std::uint64_t mask;
};

// The soft limit of open files where it is below the hard one: Bun raises it for itself.
std::uint64_t SoftNofile() {
  ResourceLimit limit = {};
  if (Syscall(__NR_prlimit64, 0, kResourceNofile, nullptr, &limit) < 0) return 0;
  return limit.soft < limit.hard ? limit.soft : 0;
}

// How many descriptors from 3 on, without a gap, the caller has left open. Later nobody can tell them
// from those that Bun opens for itself.
std::uint64_t InheritedDescriptors() {
  int fd = 3;
  while (Syscall(__NR_fcntl, fd, F_GETFD, 0) >= 0) ++fd;
  return static_cast<std::uint64_t>(fd - 3);
}

// A parent that ignores SIGCHLD hands that down, and then the kernel reaps our children before we
// can ask how they ended.
void HearOfChildren() {
  const SignalAction action = {};
  Syscall(__NR_rt_sigaction, kSigChild, &action, nullptr, sizeof(action.mask));
}

// Where the kernel found this program: the name that it was executed with.
const char* ExecutedName(char** environment) {
  char** end = environment;
  while (*end != nullptr) ++end;
  const auto* entry = reinterpret_cast<const Elf64_auxv_t*>(end + 1);
  for (; entry->a_type != AT_NULL; ++entry) {
    if (entry->a_type == AT_EXECFN) return reinterpret_cast<const char*>(entry->a_un.a_val);
  }
  return "";
}

// This program's own path, through whatever symbolic links it was called.
PathText OwnPath(char** environment) {
  char link[kPathMax];
  const long size = Syscall(__NR_readlinkat, AT_FDCWD, "/proc/self/exe", link, sizeof link);
  if (size > 0) return PathText(std::string_view(link, static_cast<std::size_t>(size)));
  return PathText(ExecutedName(environment));
}

PathText ExecutablePath(char** environment) {
  const PathText own = OwnPath(environment);
  const std::size_t slash = own.view().rfind('/');
  PathText path;
  if (slash != std::string_view::npos) path.Add(own.view().substr(0, slash + 1));
  path.Add(kExecutable);
  return path;
}

std::string_view Reason(long error) {
  switch (-error) {
    case ENOENT: return "no such file (ENOENT); is the installation complete?";
    case EACCES: return "permission denied (EACCES)";
    case ENOEXEC: return "not made for this machine (ENOEXEC)";
    case ENOMEM: return "not enough memory (ENOMEM)";
    default: return "";
  }
}

void Complain(const PathText& path, long error) {
  Text<kPathMax + 128> line("runt: cannot run ");
  line.Add(path.view()).Add(": ");
  const std::string_view reason = Reason(error);
  if (reason.empty()) {
    line.Add("errno ").AddNumber(static_cast<std::uint64_t>(-error));
  } else {
    line.Add(reason);
  }
  line.Add("\n");
  Syscall(__NR_write, kStderr, line.c_str(), line.view().size());
}

}  // namespace
}  // namespace runt::launcher

int runt::Main(int, char** argv, char** environment) {
  using namespace launcher;
  HearOfChildren();
  Environment filtered(environment, SoftNofile(), InheritedDescriptors());
  const PathText path = ExecutablePath(environment);
  const long error = path.overflowed()
                         ? -ENAMETOOLONG
                         : Syscall(__NR_execve, path.c_str(), argv, filtered.pointers());
  Complain(path, error);
  return kFailed;
}
