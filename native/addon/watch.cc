// Tells JavaScript when a descriptor is ready, without a thread that waits for each.
//
// One epoll and one thread for each environment (the program's main thread, a worker), made when the
// first descriptor is watched: the command line, which waits in poll(2), never has one.

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <fcntl.h>

#include <map>
#include <new>

#include "../base/unique_fd.h"
#include "addon.h"

namespace runt::addon {
namespace {

// Key of the eventfd among the watches, which count from 1.
constexpr uint64_t kStop = 0;
constexpr int kBatch = 64;

// What the thread tells JavaScript.
struct Happened {
  int id;
  uint32_t events;
};

struct Watch {
  // A duplicate: epoll knows a descriptor once only, and both directions of a terminal are watched.
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

// Closing the duplicate is not enough: epoll keeps what it watches as long as the file is open.
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
      auto* happened = new (std::nothrow)
          Happened{static_cast<int>(events[index].data.u64), events[index].events};
      if (happened == nullptr) continue;
      if (napi_call_threadsafe_function(watcher->tell, happened, napi_tsfn_nonblocking) !=
          napi_ok) {
        delete happened;
      }
    }
  }
}

// On the JavaScript thread. Without an environment it is going away, and only memory is left to free.
void Tell(napi_env env, napi_value, void* context, void* data) {
  auto* happened = static_cast<Happened*>(data);
  const Happened told = *happened;
  delete happened;
  if (env == nullptr) return;
  auto* watcher = static_cast<Watcher*>(context);
  const auto found = watcher->watches.find(told.id);
  // It may have been taken back meanwhile.
  if (found == watcher->watches.end()) return;
  const Napi::HandleScope scope(env);
  const Napi::Function callback = found->second.callback.Value();
  Forget(watcher, found);
  const napi_value argument = Napi::Number::New(env, told.events);
  napi_value global;
  napi_value result;
  napi_get_global(env, &global);
  // An exception is the engine's to report, as that of any callback.
  [[maybe_unused]] const napi_status status =
      napi_call_function(env, global, callback, 1, &argument, &result);
}

// Before the environment goes: the thread must not tell it anything any more.
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
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, watcher,
                                      Tell, &watcher->tell) != napi_ok) {
    return ENOMEM;
  }
  // What nobody waits for does not keep the program alive: see WatchKeep.
  napi_unref_threadsafe_function(env, watcher->tell);
  const int problem = StartThread(watcher);
  if (problem != 0) return problem;
  napi_add_env_cleanup_hook(env, Stop, watcher);
  return 0;
}

void Free(napi_env, void* data, void*) { delete static_cast<Watcher*>(data); }

Watcher* Find(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return static_cast<Watcher*>(data);
}

}  // namespace

int WatchDescriptor(Napi::Env env, int fd, uint32_t events, const Napi::Function& callback) {
  Watcher* watcher = Find(env);
  if (watcher == nullptr) {
    watcher = new (std::nothrow) Watcher;
    if (watcher == nullptr) return -ENOMEM;
    const int problem = Start(env, watcher);
    if (problem != 0) {
      delete watcher;
      return -problem;
    }
    napi_set_instance_data(env, watcher, Free, nullptr);
  }
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return -errno;
  const int id = ++watcher->last_id;
  epoll_event event = {events | EPOLLONESHOT, {.u64 = static_cast<uint64_t>(id)}};
  const int watched = copy.get();
  // Kept before it can happen; the callback comes through the event loop, so never before this returns.
  watcher->watches.emplace(id, Watch{std::move(copy), Napi::Persistent(callback)});
  if (epoll_ctl(watcher->epoll.get(), EPOLL_CTL_ADD, watched, &event) < 0) {
    const int problem = errno;
    watcher->watches.erase(id);
    return -problem;
  }
  return id;
}

int WatchEnd(Napi::Env env, int id) {
  Watcher* watcher = Find(env);
  if (watcher == nullptr) return -ENOENT;
  const auto found = watcher->watches.find(id);
  if (found == watcher->watches.end()) return -ENOENT;
  Forget(watcher, found);
  return 0;
}

int WatchKeep(Napi::Env env, bool keep) {
  const Watcher* watcher = Find(env);
  if (watcher == nullptr) return -ENOENT;
  const napi_status status = keep ? napi_ref_threadsafe_function(env, watcher->tell)
                                  : napi_unref_threadsafe_function(env, watcher->tell);
  return status == napi_ok ? 0 : -EINVAL;
}

}  // namespace runt::addon
