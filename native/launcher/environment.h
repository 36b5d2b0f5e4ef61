// The environment that the executable runs with.
//
// Bun obeys its environment: BUN_BE_BUN makes a compiled executable the whole of bun, BUN_OPTIONS
// and BUN_INSPECT run code or open ports, NODE_OPTIONS and LD_PRELOAD load files. A runtime that an
// engine or a sudoers rule starts as root gets what it reads itself, and nothing else.
#ifndef RUNT_LAUNCHER_ENVIRONMENT_H_
#define RUNT_LAUNCHER_ENVIRONMENT_H_

#include <cstddef>
#include <cstdint>

#include "../base/text.h"

namespace runt::launcher {

// Variables that pass, each once: the first of its name, which is the one that getenv finds.
inline constexpr std::string_view kPassed[] = {
    "PATH=",         "HOME=",        "USER=",           "TERM=",
    "NO_COLOR=",     "NOTIFY_SOCKET=", "XDG_RUNTIME_DIR=", "DBUS_SESSION_BUS_ADDRESS=",
    "LISTEN_FDS=",   "LISTEN_PID=",  "LISTEN_FDNAMES=",
};

// What lets Bun start fastest: a program of some milliseconds is over before any of this would pay.
inline constexpr const char* kSet[] = {
    "BUN_JSC_useJIT=0",
};

class Environment {
 public:
  // `soft_nofile` goes to the addon, which gives it back to the programs that it starts; 0: none.
  // `inherited`: descriptors from 3 on that are the caller's, for --preserve-fds.
  Environment(char** original, std::uint64_t soft_nofile, std::uint64_t inherited);

  [[nodiscard]] char** pointers() { return pointers_; }

 private:
  void Add(const char* variable) { pointers_[count_++] = const_cast<char*>(variable); }

  static constexpr std::size_t kPassedCount = sizeof(kPassed) / sizeof(kPassed[0]);
  static constexpr std::size_t kSetCount = sizeof(kSet) / sizeof(kSet[0]);

  Text<40> soft_nofile_;
  Text<48> inherited_;
  std::size_t count_ = 0;
  // Two more for the numbers, one more for the end.
  char* pointers_[kPassedCount + kSetCount + 3] = {};
};

}  // namespace runt::launcher

#endif  // RUNT_LAUNCHER_ENVIRONMENT_H_
