// SPDX-License-Identifier: Apache-2.0
// watch.node: tells JavaScript when a descriptor is ready, without a thread that waits for each, and reads files again and
// again (held_files.h). It is an addon of its own, because only the library needs it: the command line waits in poll(2).
// lib/library/native.ts describes the functions.
//
// One epoll and one thread for each environment (the program's main thread, a worker), made when the
// first descriptor is watched.

#include <fcntl.h>
#include <napi.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "../base/unique_fd.h"
#include "held_files.h"

namespace runt::watch {
namespace {

// Key of the eventfd among the watches, which count from 1.
constexpr uint64_t kStop = 0;
constexpr int kBatch = 64;

// An event that the thread reports to JavaScript.
struct Happened {
  int id;
  uint32_t events;
};

struct Watch {
  // A duplicate: epoll accepts a descriptor only once, and both directions of a terminal are watched.
  UniqueFd fd;
  Napi::FunctionReference callback;
};

// Lives as long as its environment. `watches` belongs to the JavaScript thread alone.
struct Watcher {
  UniqueFd epoll;
  UniqueFd stop;
  pthread_t thread = {};
  napi_threadsafe_function tell = nullptr;
  std::map<int, Watch> watches;
  int last_id = 0;
};

// The data of an environment. Each part is made when it is needed.
struct Instance {
  Watcher* watcher = nullptr;
  HeldFiles* held = nullptr;
};

// Closing the duplicate is not enough: epoll keeps an entry as long as the file is open.
void Forget(Watcher* watcher, std::map<int, Watch>::iterator found) {
  epoll_ctl(watcher->epoll.get(), EPOLL_CTL_DEL, found->second.fd.get(), nullptr);
  watcher->watches.erase(found);
}

void* Wait(void* argument) {
  const auto* watcher = static_cast<Watcher*>(argument);
  epoll_event events[kBatch];
  for (;;) {
    const int count = epoll_wait(watcher->epoll.get(), events, kBatch, -1);
    for (int index = 0; index < count; ++index) {
      if (events[index].data.u64 == kStop) return nullptr;
      auto* happened = new (std::nothrow) Happened{static_cast<int>(events[index].data.u64), events[index].events};
      if (happened == nullptr) continue;
      if (napi_call_threadsafe_function(watcher->tell, happened, napi_tsfn_nonblocking) != napi_ok) {
        delete happened;
      }
    }
  }
}

// Runs on the JavaScript thread. Without an environment the engine is ending, and only memory is left to free.
void Tell(napi_env env, napi_value, void* context, void* data) {
  auto* happened = static_cast<Happened*>(data);
  const Happened told = *happened;
  delete happened;
  if (env == nullptr) return;
  auto* watcher = static_cast<Watcher*>(context);
  const auto found = watcher->watches.find(told.id);
  // The watch may have ended meanwhile.
  if (found == watcher->watches.end()) return;
  const Napi::HandleScope scope(env);
  const Napi::Function callback = found->second.callback.Value();
  Forget(watcher, found);
  const napi_value argument = Napi::Number::New(env, told.events);
  napi_value global;
  napi_value result;
  napi_get_global(env, &global);
  // An exception is the engine's to report, as that of any callback.
  [[maybe_unused]] const napi_status status = napi_call_function(env, global, callback, 1, &argument, &result);
}

// Runs before the environment goes: the thread must not report to it any more.
void Stop(void* argument) {
  auto* watcher = static_cast<Watcher*>(argument);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(watcher->stop.get(), &one, sizeof(one));
  pthread_join(watcher->thread, nullptr);
}

// Signals are for the threads of the program.
int StartThread(Watcher* watcher) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int problem = pthread_create(&watcher->thread, nullptr, Wait, watcher);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return problem;
}

// 0 or a positive errno.
int Start(napi_env env, Watcher* watcher) {
  watcher->epoll = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!watcher->epoll.valid()) return errno;
  watcher->stop = UniqueFd(eventfd(0, EFD_CLOEXEC));
  if (!watcher->stop.valid()) return errno;
  epoll_event event = {EPOLLIN, {.u64 = kStop}};
  if (epoll_ctl(watcher->epoll.get(), EPOLL_CTL_ADD, watcher->stop.get(), &event) < 0) {
    return errno;
  }
  const napi_value name = Napi::String::New(env, "runt:watch");
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, watcher, Tell, &watcher->tell) !=
      napi_ok) {
    return ENOMEM;
  }
  // A watch that no code waits for does not keep the program alive: see Keep.
  napi_unref_threadsafe_function(env, watcher->tell);
  const int problem = StartThread(watcher);
  if (problem != 0) return problem;
  napi_add_env_cleanup_hook(env, Stop, watcher);
  return 0;
}

void StopHeld(void* argument) { static_cast<HeldFiles*>(argument)->Stop(); }

void Free(napi_env, void* data, void*) {
  auto* instance = static_cast<Instance*>(data);
  delete instance->watcher;
  delete instance->held;
  delete instance;
}

// The environment's data; nullptr where there is no memory for it.
Instance* Find(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  if (data != nullptr) return static_cast<Instance*>(data);
  auto* instance = new (std::nothrow) Instance;
  if (instance != nullptr) napi_set_instance_data(env, instance, Free, nullptr);
  return instance;
}

Watcher* FindWatcher(napi_env env) {
  const Instance* instance = Find(env);
  return instance == nullptr ? nullptr : instance->watcher;
}

// The environment's watcher, made at the first call; nullptr and a positive errno in `problem`.
Watcher* FindOrStart(napi_env env, int& problem) {
  Instance* instance = Find(env);
  if (instance != nullptr && instance->watcher != nullptr) return instance->watcher;
  auto* watcher = instance == nullptr ? nullptr : new (std::nothrow) Watcher;
  problem = watcher == nullptr ? ENOMEM : Start(env, watcher);
  if (problem != 0) {
    delete watcher;
    return nullptr;
  }
  instance->watcher = watcher;
  return watcher;
}

// The same for its held files.
HeldFiles* FindOrStartHeld(napi_env env, int& problem) {
  Instance* instance = Find(env);
  if (instance != nullptr && instance->held != nullptr) return instance->held;
  auto* held = instance == nullptr ? nullptr : new (std::nothrow) HeldFiles;
  problem = held == nullptr ? ENOMEM : held->Start();
  if (problem != 0) {
    delete held;
    return nullptr;
  }
  napi_add_env_cleanup_hook(env, StopHeld, held);
  instance->held = held;
  return held;
}

Napi::Value Refuse(Napi::Env env, const char* text) {
  Napi::TypeError::New(env, text).ThrowAsJavaScriptException();
  return env.Undefined();
}

// watch(fd, events, callback): an id, or -errno.
Napi::Value WatchDescriptor(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 3 || !info[0].IsNumber() || !info[1].IsNumber() || !info[2].IsFunction()) {
    return Refuse(env, "arguments must be a descriptor, events and a function");
  }
  int problem = 0;
  Watcher* watcher = FindOrStart(env, problem);
  if (watcher == nullptr) return Napi::Number::New(env, -problem);
  UniqueFd copy(fcntl(info[0].As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return Napi::Number::New(env, -errno);
  const int id = ++watcher->last_id;
  epoll_event event = {info[1].As<Napi::Number>().Uint32Value() | EPOLLONESHOT, {.u64 = static_cast<uint64_t>(id)}};
  const int watched = copy.get();
  // The watch is stored before its event can come. The event loop calls the callback, never before this returns.
  watcher->watches.emplace(id, Watch{std::move(copy), Napi::Persistent(info[2].As<Napi::Function>())});
  if (epoll_ctl(watcher->epoll.get(), EPOLL_CTL_ADD, watched, &event) < 0) {
    problem = errno;
    watcher->watches.erase(id);
    return Napi::Number::New(env, -problem);
  }
  return Napi::Number::New(env, id);
}

// end(id): 0 or -ENOENT.
Napi::Value End(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsNumber()) return Refuse(env, "the argument must be an id");
  Watcher* watcher = FindWatcher(env);
  if (watcher == nullptr) return Napi::Number::New(env, -ENOENT);
  const auto found = watcher->watches.find(info[0].As<Napi::Number>().Int32Value());
  if (found == watcher->watches.end()) return Napi::Number::New(env, -ENOENT);
  Forget(watcher, found);
  return Napi::Number::New(env, 0);
}

// keep(yes): 0 or -errno.
Napi::Value Keep(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsBoolean()) return Refuse(env, "the argument must be a boolean");
  const Watcher* watcher = FindWatcher(env);
  if (watcher == nullptr) return Napi::Number::New(env, -ENOENT);
  const napi_status status = info[0].As<Napi::Boolean>().Value() ? napi_ref_threadsafe_function(env, watcher->tell)
                                                                 : napi_unref_threadsafe_function(env, watcher->tell);
  return Napi::Number::New(env, status == napi_ok ? 0 : -EINVAL);
}

Napi::Value ToValue(Napi::Env env, const Content& content) {
  if (content.error != 0) return Napi::Number::New(env, -content.error);
  return Napi::String::New(env, content.text);
}

// holdFile(set, path): the text, or -errno.
Napi::Value HoldFile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsNumber() || !info[1].IsString()) return Refuse(env, "arguments must be a set and a path");
  int problem = 0;
  HeldFiles* held = FindOrStartHeld(env, problem);
  if (held == nullptr) return Napi::Number::New(env, -problem);
  return ToValue(env, held->Add(info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::String>().Utf8Value()));
}

// changedFiles(sets): triples of a set, a slot, and the text or -errno.
Napi::Value ChangedFiles(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    return Refuse(env, "the argument must be an Int32Array of sets");
  }
  const Instance* instance = Find(env);
  const auto sets = info[0].As<Napi::Int32Array>();
  Napi::Array result = Napi::Array::New(env);
  if (instance == nullptr || instance->held == nullptr) return result;
  uint32_t at = 0;
  for (const Changed& changed : instance->held->Refresh(std::vector<int>(sets.Data(), sets.Data() + sets.ElementLength()))) {
    // The handles of one file at a time.
    const Napi::HandleScope scope(env);
    result.Set(at++, Napi::Number::New(env, changed.set));
    result.Set(at++, Napi::Number::New(env, changed.slot));
    result.Set(at++, ToValue(env, *changed.content));
  }
  return result;
}

// dropFiles(set).
Napi::Value DropFiles(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsNumber()) return Refuse(env, "the argument must be a set");
  const Instance* instance = Find(env);
  if (instance != nullptr && instance->held != nullptr) instance->held->Drop(info[0].As<Napi::Number>().Int32Value());
  return env.Undefined();
}

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("watch", Napi::Function::New<WatchDescriptor>(env));
  exports.Set("end", Napi::Function::New<End>(env));
  exports.Set("keep", Napi::Function::New<Keep>(env));
  exports.Set("holdFile", Napi::Function::New<HoldFile>(env));
  exports.Set("changedFiles", Napi::Function::New<ChangedFiles>(env));
  exports.Set("dropFiles", Napi::Function::New<DropFiles>(env));
  return exports;
}

}  // namespace
}  // namespace runt::watch

using runt::watch::Initialize;
NODE_API_MODULE(watch, Initialize)
