// SPDX-License-Identifier: Apache-2.0
// dist/bin/runt.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine.h"
#include "heap.h"

// quickjs.c
extern "C" void RuntSeedRandom(JSContext* context, uint64_t seed);

namespace runt::engine {
namespace {

// JSON that is nested as deeply as this allows has long been refused for its depth.
constexpr std::size_t kStack = 4 << 20;
// The part of the stack that is not the engine's frames: arguments and environment, and the calls that the addon makes
// from the deepest frame.
constexpr std::size_t kBelow = 96 << 10;
// With a smaller stack every command fails, so the engine uses the stack as far as it goes.
constexpr std::size_t kLeastStack = 64 << 10;
// Nearly all commands end before they have used this much; commands that run for long collect garbage.
constexpr std::size_t kCollectAfter = 16 << 20;
constexpr int kFailed = 1;

// A file that is opened later must not become a standard stream that the caller has left closed. False if it could.
bool OpenStandardStreams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    if (open("/dev/null", O_RDWR) < 0) return false;
  }
  return true;
}

// How much of the stack the engine may use. The kernel ends a process with SIGSEGV if its stack grows beyond RLIMIT_STACK,
// and the engine has to notice before that.
std::size_t StackLimit(const char* top_of_stack) {
  rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) < 0) return kStack;
  // The memory above this frame: the strings of arguments and environment count against the same limit.
  const auto here = reinterpret_cast<std::uintptr_t>(&limit);
  const auto top = reinterpret_cast<std::uintptr_t>(top_of_stack);
  const std::size_t taken = (top > here ? top - here : 0) + kBelow;
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= taken + kStack) return kStack;
  return limit.rlim_cur > taken + kLeastStack ? limit.rlim_cur - taken : kLeastStack;
}

// The last byte of the environment's strings; the stack holds almost nothing above it.
const char* TopOfStack(char** environment) {
  const char* top = reinterpret_cast<const char*>(environment);
  for (char** each = environment; *each != nullptr; ++each) {
    if (*each > top) top = *each + std::strlen(*each);
  }
  return top;
}

// How many descriptors from 3 on, without a gap, the caller has left open, for --preserve-fds.
int InheritedDescriptors() {
  int fd = 3;
  while (fcntl(fd, F_GETFD) >= 0) ++fd;
  return fd - 3;
}

void SetSignals() {
  // A parent that ignores SIGCHLD hands that down, and then the kernel reaps our children before we can ask how they
  // ended.
  signal(SIGCHLD, SIG_DFL);
  // If the reader has gone, write(2) fails, and that error is reported. Programs get the default back (spawn.cc).
  signal(SIGPIPE, SIG_IGN);
}

// The snapshot has the same seed for every process. The time and the pid make the seed this process's own, without a
// system call; no code relies on numbers that cannot be guessed.
void SeedRandom(JSContext* context) {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  const auto nanoseconds = static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  RuntSeedRandom(context, (nanoseconds ^ static_cast<uint64_t>(getpid()) << 40) * 0x9E3779B97F4A7C15);
}

// The reason of the last promise that was rejected without a handler; a handler may still be added.
JSValue unheard = JS_UNDEFINED;

void OnRejection(JSContext* context, JSValueConst, JSValueConst reason, int is_handled, void*) {
  JS_FreeValue(context, unheard);
  unheard = is_handled == 0 ? JS_DupValue(context, reason) : JS_UNDEFINED;
}

int Run(int argc, char** argv, char** environment) {
  const int inherited = InheritedDescriptors();
  if (!OpenStandardStreams()) {
    std::fprintf(stderr, "runt: open /dev/null in the place of a closed standard stream: %s\n", std::strerror(errno));
    return kFailed;
  }
  SetSignals();
  Snapshot& snapshot = TheSnapshot();
  JSContext* context = snapshot.context;
  JS_SetMaxStackSize(snapshot.runtime, StackLimit(TopOfStack(environment)));
  JS_UpdateStackTop(snapshot.runtime);
  JS_SetGCThreshold(snapshot.runtime, kCollectAfter);
  JS_SetHostPromiseRejectionTracker(snapshot.runtime, OnRejection, nullptr);
  SeedRandom(context);
  SetProcess(context, snapshot.process, argc, argv, environment, inherited);
  JSValue done = JS_Call(context, snapshot.main, JS_UNDEFINED, 0, nullptr);
  if (JS_IsException(done)) {
    Complain(context, JS_GetException(context));
    return kFailed;
  }
  for (;;) {
    if (!RunJobs(snapshot.runtime)) return kFailed;
    if (!JS_IsUndefined(unheard)) {
      Complain(context, unheard);
      // In a program that goes on, the other jobs still run.
      if (JS_IsUndefined(idle)) return kFailed;
      JS_FreeValue(context, unheard);
      unheard = JS_UNDEFINED;
    }
    if (JS_IsUndefined(idle)) break;
    JSValue waited = JS_Call(context, idle, JS_UNDEFINED, 0, nullptr);
    if (JS_IsException(waited)) {
      Complain(context, JS_GetException(context));
      return kFailed;
    }
    JS_FreeValue(context, waited);
  }
  // A command ends by process.exit; it waits only in system calls.
  std::fputs("runt: internal error: nothing is left to do, and the command has not ended\n", stderr);
  return kFailed;
}

}  // namespace

void Complain(JSContext* context, JSValue error) {
  const Utf8 text(context, error);
  std::fprintf(stderr, "runt: %s\n", text.good() ? text.c_str() : "an error that cannot be told");
}

bool RunJobs(JSRuntime* runtime) {
  for (;;) {
    JSContext* where = nullptr;
    const int result = JS_ExecutePendingJob(runtime, &where);
    if (result == 0) return true;
    if (result > 0) continue;
    Complain(where, JS_GetException(where));
    return false;
  }
}

}  // namespace runt::engine

int main(int argc, char** argv, char** environment) {
  using namespace runt::engine;
  if (!TheSnapshot().is_complete) {
#ifdef RUNT_REHEARSAL
    if (argc == 4) return Rehearse(argv[1], argv[2], argv[3]);
    std::fputs("usage: program BYTECODE REHEARSAL ORDER: writes what the rehearsal's bytecode has used\n", stderr);
#else
    if (argc == 3 || argc == 4) return MakeSnapshot(argv[1], argv[2], argv[3]);
    std::fputs("usage: program BYTECODE OUTPUT [ORDER]: writes itself with the bytecode to a file, which is runt\n", stderr);
#endif
    return 2;
  }
  // Nothing is freed: the kernel takes all of it at once.
  _exit(Run(argc, argv, environment));
}
