// SPDX-License-Identifier: Apache-2.0
// Makes a child and runs a program in it, from a process that may have any number of threads.

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../base/syscall.h"
#include "../base/unique_fd.h"
#include "addon.h"
#include "child.h"

namespace runt::addon {
namespace {

constexpr size_t kStackSize = 64 * 1024;
constexpr size_t kGuardSize = 64 * 1024;  // one page, of whichever size

// The address sanitizer keeps notes of this thread's stack, which the child would change meanwhile.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

// SpawnOptions of lib/sys/native.ts.
struct Options {
  std::string program;
  int program_fd = -1;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::vector<int> fds;
  int64_t clone_flags = 0;
  int cgroup_fd = -1;
  std::string cwd;
  bool setsid = false;
  bool die_with_parent = false;
  bool at_once = false;
};

// Reads properties of the options object; remembers the first problem.
class OptionReader {
 public:
  explicit OptionReader(Napi::Object object) : object_(object) {}

  // The property's value must be a T; an optional one may be missing.
  template <class T>
  void Read(const char* name, T& out, bool optional) {
    if (failed_) return;
    const Napi::Value value = object_.Get(name);
    if (value.IsEmpty()) {
      failed_ = true;
      return;
    }
    if (optional && value.IsUndefined()) return;
    Check(name, ReadArgument(value, out), Expected(out));
  }

  void ReadPath(const char* name, std::string& out, bool optional) {
    Read(name, out, optional);
    if (!failed_ && error_ == 0 && out.find('\0') != std::string::npos) error_ = EINVAL;
  }

  // The program: a path or a descriptor.
  void ReadProgram(Options& out) {
    const Napi::Value value = object_.Get("program");
    if (!value.IsEmpty() && value.IsNumber()) return Read("program", out.program_fd, false);
    ReadPath("program", out.program, false);
  }

  // True if a TypeError was thrown.
  [[nodiscard]] bool failed() const { return failed_; }
  // Positive errno for a value of the right type that is of no use; 0 if there was none.
  [[nodiscard]] int error() const { return error_; }

 private:
  void Check(const char* name, int problem, const char* expected) {
    if (problem > 0 && error_ == 0) error_ = problem;
    if (problem != kWrongType) return;
    failed_ = true;
    const Napi::Env env = object_.Env();
    if (env.IsExceptionPending()) return;
    const std::string text = std::string("options.") + name + " must be " + expected;
    Napi::TypeError::New(env, text).ThrowAsJavaScriptException();
  }

  Napi::Object object_;
  bool failed_ = false;
  int error_ = 0;
};

// The child's stack, with an inaccessible page below it.
class Stack {
 public:
  Stack() {
    void* memory =
        mmap(nullptr, kGuardSize + kStackSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
    base_ = static_cast<char*>(memory);
    if (mprotect(base_ + kGuardSize, kStackSize, PROT_READ | PROT_WRITE) == 0) usable_ = true;
  }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  ~Stack() {
    if (base_ != nullptr) munmap(base_, kGuardSize + kStackSize);
  }

  [[nodiscard]] void* lowest() const { return usable_ ? base_ + kGuardSize : nullptr; }

 private:
  char* base_ = nullptr;
  bool usable_ = false;
};

// Blocks every signal while it lives. By system call: libc's version leaves two for itself
// unblocked.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    const uint64_t all = ~uint64_t{0};
    Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof(all));
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof(before_)); }

 private:
  uint64_t before_ = 0;
};

// The pointers that execve wants, into `strings`.
std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What a child works with until its program runs: memory that it shares with this process.
struct Birth {
  Options options;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  ChildPlan plan = {};
  Stack stack;
  long pid = 0;
  uint32_t in_use = 0;
};

// Those of this thread that nobody has waited for. Never destroyed: at the end of the thread one of them may still be in use.
std::vector<std::unique_ptr<Birth>>& Unwaited() {
  thread_local auto* births = new std::vector<std::unique_ptr<Birth>>;
  return *births;
}

bool IsInUse(const Birth& birth) { return __atomic_load_n(&birth.in_use, __ATOMIC_ACQUIRE) != 0; }

// Adds one. Of the others those go that run their programs; a failed one stays until it has been asked for, or its pid is
// another's.
void Keep(std::unique_ptr<Birth> birth) {
  auto& births = Unwaited();
  const auto is_done = [&](const std::unique_ptr<Birth>& other) {
    return !IsInUse(*other) && (other->plan.error == 0 || other->pid == birth->pid);
  };
  births.erase(std::remove_if(births.begin(), births.end(), is_done), births.end());
  births.push_back(std::move(birth));
}

Napi::Value ToSpawned(Napi::Env env, long pid, int pidfd) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("pid", Napi::Number::New(env, static_cast<double>(pid)));
  result.Set("pidfd", Napi::Number::New(env, pidfd));
  return result;
}

}  // namespace

Napi::Value Spawn(Napi::Env env, Napi::Object& object) {
  auto birth = std::make_unique<Birth>();
  Options& options = birth->options;
  OptionReader reader(object);
  reader.ReadProgram(options);
  reader.Read("args", options.arguments, false);
  reader.Read("env", options.environment, false);
  reader.Read("fds", options.fds, false);
  reader.Read("cloneFlags", options.clone_flags, true);
  reader.Read("cgroupFd", options.cgroup_fd, true);
  reader.ReadPath("cwd", options.cwd, true);
  reader.Read("setsid", options.setsid, true);
  reader.Read("dieWithParent", options.die_with_parent, true);
  reader.Read("atOnce", options.at_once, true);
  if (reader.failed()) return env.Undefined();
  if (reader.error() != 0) return Napi::Number::New(env, -reader.error());

  birth->arguments = Pointers(options.arguments);
  birth->environment = Pointers(options.environment);
  ChildPlan& plan = birth->plan;
  plan.program = options.program_fd >= 0 ? nullptr : options.program.c_str();
  plan.program_fd = options.program_fd;
  plan.arguments = birth->arguments.data();
  plan.environment = birth->environment.data();
  plan.fds = options.fds.data();
  plan.fd_count = options.fds.size();
  plan.cwd = options.cwd.empty() ? nullptr : options.cwd.c_str();
  plan.new_session = options.setsid;
  plan.die_with_parent = options.die_with_parent;

  void* stack = birth->stack.lowest();
  if (stack == nullptr) return Napi::Number::New(env, -ENOMEM);
  int pidfd = -1;
  const bool waits = !options.at_once || kIsSanitized;
  {
    const SignalsBlocked blocked;
    birth->pid = CloneChild({static_cast<uint64_t>(options.clone_flags), options.cgroup_fd, stack, kStackSize, &pidfd,
                             waits ? nullptr : &birth->in_use},
                            &plan);
  }
  const long pid = birth->pid;
  if (pid < 0) return Napi::Number::New(env, static_cast<double>(pid));
  UniqueFd owned(pidfd);
  // Linux before 5.2 makes none: the child has not been reaped, so no other process has its pid yet.
  if (!owned.valid()) owned = UniqueFd(PidfdOpen(static_cast<int>(pid)));
  if (!waits) {
    Keep(std::move(birth));
    return ToSpawned(env, pid, owned.Release());
  }
  if (plan.error == 0) return ToSpawned(env, pid, owned.Release());
  [[maybe_unused]] const pid_t reaped = Retry([&] { return waitpid(static_cast<pid_t>(pid), nullptr, 0); });
  return Napi::Number::New(env, -plan.error);
}

int SpawnError(int pid) {
  auto& births = Unwaited();
  const auto found = std::find_if(births.begin(), births.end(), [&](const auto& birth) { return birth->pid == pid; });
  if (found == births.end() || IsInUse(**found)) return 0;
  const int error = (*found)->plan.error;
  births.erase(found);
  return error;
}

}  // namespace runt::addon
