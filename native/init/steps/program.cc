// SPDX-License-Identifier: Apache-2.0
#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../arguments.h"
#include "../control.h"
#include "../descriptors.h"
#include "../missing.h"
#include "../passwd.h"
#include "steps.h"

namespace runt {

namespace {

// Whether something is a regular file that this process may execute.
struct Usable {
  // 0 if it is one, else -errno.
  long result;
  // The call that failed: the file is not found, is a directory (kVerify), or is not executable.
  Call call;
};

// Whether the effective capabilities let this process execute a file with these permissions and any owner.
bool OverridesMode(std::uint32_t mode) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (Syscall(__NR_capget, &header, data) < 0) return false;
  return (data[0].effective & (1U << CAP_DAC_OVERRIDE)) != 0 && (mode & 0111) != 0;
}

Usable CanExecute(const char* path) {
  const long opened = Syscall(__NR_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
  if (opened < 0) return {opened, Call::kLookup};
  const UniqueFd file(static_cast<int>(opened));
  FileFacts facts;
  const long known = GetFacts(file.get(), &facts);
  if (known < 0) return {known, Call::kLookup};
  if (facts.type() == kTypeDirectory) return {-EACCES, Call::kVerify};
  if (facts.type() != kTypeRegular) return {-EACCES, Call::kFaccessat};
  const long usable = Syscall(__NR_faccessat, AT_FDCWD, path, kAccessExecute);
  if (usable != -EACCES) return {usable, Call::kFaccessat};
  // That check ignored the effective capabilities of a user that is not root; execve uses them.
  const long effective = Syscall(__NR_faccessat2, AT_FDCWD, path, kAccessExecute, kAccessEffective);
  const bool allowed = IsMissing(effective) ? OverridesMode(facts.mode) : effective == 0;
  return {allowed ? 0 : usable, Call::kFaccessat};
}

bool HasSlash(std::string_view name) {
  for (const char c : name) {
    if (c == '/') return true;
  }
  return false;
}

}  // namespace

Status ChangeDirectory(Context& context, const ChangeDirectoryStep& step) {
  // The directory was entered and verified already; a filter since then may forbid these calls.
  if (context.changed_directory) return {};
  const long changed = Syscall(__NR_chdir, step.path.data());
  if (step.attempt != 0 && (changed == -EACCES || changed == -EPERM)) return {};
  TRY(Check(changed, Call::kChdir, step.path));
  // A path that leads out of the root through a descriptor (/proc/self/fd/7) has no name below it: the
  // kernel then returns "(unreachable)" (CVE-2024-21626).
  char name[kPathMax];
  TRY(Check(Syscall(__NR_getcwd, name, sizeof name), Call::kGetcwd, step.path));
  if (name[0] != '/') return Error{EXDEV, Call::kVerify, step.path};
  context.changed_directory = true;
  return {};
}

Status FindProgram(Context& context, const FindProgramStep& step) {
  const auto refuse = [&](long number, Call call = Call::kLookup) { return Error{static_cast<int>(-number), call, step.name}; };
  if (step.name.empty()) return refuse(-ENOENT);
  if (HasSlash(step.name)) {
    const Usable usable = CanExecute(step.name.data());
    if (usable.result < 0) return refuse(usable.result, usable.call);
    context.program = Text<kPathMax>(step.name);
    return context.program.overflowed() ? refuse(-ENAMETOOLONG) : Status();
  }
  long worst = -ENOENT;
  std::string_view rest = step.search;
  for (bool more = true; more;) {
    std::size_t size = 0;
    while (size < rest.size() && rest[size] != ':') ++size;
    Text<kPathMax> candidate(std::string_view(rest.data(), size));
    more = size < rest.size();
    rest.remove_prefix(more ? size + 1 : size);
    // POSIX: an empty element is the working directory.
    candidate.Add(candidate.empty() ? "./" : "/").Add(step.name);
    if (candidate.overflowed()) continue;
    const long usable = CanExecute(candidate.c_str()).result;
    if (usable >= 0) {
      context.program = candidate;
      return {};
    }
    if (usable == -EACCES) worst = -EACCES;
    // RLIMIT_NOFILE: nothing can be opened, so nothing is known.
    if (usable == -EMFILE || usable == -ENFILE) return refuse(usable);
  }
  return refuse(worst);
}

Status PrepareExec(Context& context, const ExecStep& step) {
  PreparedProgram& prepared = context.prepared;
  if (prepared.args != nullptr) return {};
  const auto preserved = static_cast<int>(step.preserve);
  if (3 + preserved > context.first_own) {
    return Error{EBADF, Call::kVerify, "preserved descriptors"};
  }
  const bool add_home = step.home != 0 && !HasHome(step.env);
  if (add_home) {
    const auto uid = static_cast<std::uint32_t>(Syscall(__NR_getuid));
    prepared.home.Add(kHomeVariable).Add(FindHome(uid).view());
  }
  ArgumentVector args(step.args);
  ArgumentVector env(step.env, kHomeVariable, add_home ? prepared.home.c_str() : nullptr);
  if (args.data() == nullptr || env.data() == nullptr || step.args.count() == 0) {
    return Error{ENOMEM, Call::kMmap, "args"};
  }
  if (context.program.empty()) context.program.Add(args.data()[0]);
  for (int fd = 3; fd < 3 + preserved; ++fd) {
    // The caller is responsible for a gap among the preserved descriptors.
    Syscall(__NR_fcntl, fd, F_SETFD, 0);
  }
  TRY(Check(CloseFromAtExec(context.procfs, 3 + preserved), Call::kCloseRange, "own descriptors"));
  prepared.args = args.Release();
  prepared.env = env.Release();
  return {};
}

Status Exec(Context& context, const ExecStep& step) {
  TRY(PrepareExec(context, step));
  // Its name may be a link through /proc/self/fd to a file that is still open here.
  context.procfs.Forget();
  TRY(AnnounceExec(context));
  const PreparedProgram& prepared = context.prepared;
  const long failed = Syscall(__NR_execve, context.program.c_str(), prepared.args, prepared.env);
  const int number = static_cast<int>(-failed);
  if (number == ENOENT || number == EACCES || number == ENOTDIR || number == ELOOP) {
    context.missing = FindMissing(context.program.c_str());
    if (context.missing.call != Call::kNone) {
      return Error{number, context.missing.call, context.missing.path.view()};
    }
  }
  const std::uint32_t kind = number == ENOEXEC ? KindOfProgram(context.program.c_str()) : 0;
  return Error{number, Call::kExecve, context.program.view(), kind};
}

}  // namespace runt
