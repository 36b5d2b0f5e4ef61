// dist/bin/runt.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "engine.h"

namespace runt::engine {
namespace {

// JSON that is nested as deeply as this allows has long been refused for its depth.
constexpr std::size_t kStack = 4 << 20;
// Nearly all commands end before they have used that much; those that run for long collect.
constexpr std::size_t kCollectAfter = 16 << 20;
constexpr int kFailed = 1;

// Nothing that is opened later may become a standard stream that the caller has left closed.
void OpenStandardStreams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    if (open("/dev/null", O_RDWR) < 0) return;
  }
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
  // A reader that has gone is an error of write(2), which is told. Programs get the default back (spawn.cc).
  signal(SIGPIPE, SIG_IGN);
}

int Complain(JSContext* context, JSValueConst error) {
  const Utf8 text(context, error);
  std::fprintf(stderr, "runt: %s\n", text.good() ? text.c_str() : "an error that cannot be told");
  return kFailed;
}

// The reason of the last promise that was rejected while nobody listened; somebody may later.
JSValue unheard = JS_UNDEFINED;

void OnRejection(JSContext* context, JSValueConst, JSValueConst reason, int is_handled, void*) {
  JS_FreeValue(context, unheard);
  unheard = is_handled == 0 ? JS_DupValue(context, reason) : JS_UNDEFINED;
}

int Run(int argc, char** argv, char** environment) {
  const int inherited = InheritedDescriptors();
  OpenStandardStreams();
  SetSignals();
  JSRuntime* runtime = JS_NewRuntime();
  JSContext* context = runtime == nullptr ? nullptr : JS_NewContext(runtime);
  if (context == nullptr) {
    std::fputs("runt: not enough memory to start\n", stderr);
    return kFailed;
  }
  JS_SetMaxStackSize(runtime, kStack);
  JS_SetGCThreshold(runtime, kCollectAfter);
  JS_SetHostPromiseRejectionTracker(runtime, OnRejection, nullptr);
  UseModules(runtime, Program());
  DefineLoadModule(context);
  DefineGlobals(context, argc, argv, environment, inherited);
  if (JS_IsException(RunFirstModule(context))) return Complain(context, JS_GetException(context));
  for (;;) {
    JSContext* where = nullptr;
    const int result = JS_ExecutePendingJob(runtime, &where);
    if (result < 0) return Complain(where, JS_GetException(where));
    if (result > 0) continue;
    if (!JS_IsUndefined(unheard)) return Complain(context, unheard);
    // The program ends by process.exit; all that it waits for, it waits for in a system call.
    std::fputs("runt: internal error: nothing is left to do, and the command has not ended\n", stderr);
    return kFailed;
  }
}

}  // namespace
}  // namespace runt::engine

int main(int argc, char** argv, char** environment) {
  // Nothing is freed: the kernel takes all of it at once.
  _exit(runt::engine::Run(argc, argv, environment));
}
