// SPDX-License-Identifier: Apache-2.0
// The environment variables that the program reads. Hooks and CRIU get the whole environment (lib/sys/environment.ts).
#ifndef RUNT_ENGINE_ENVIRONMENT_H_
#define RUNT_ENGINE_ENVIRONMENT_H_

#include <string_view>

namespace runt::engine {

inline constexpr std::string_view kPassed[] = {
    "PATH",       "HOME",       "USER",           "NOTIFY_SOCKET",           "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
    "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "DBUS_SYSTEM_BUS_ADDRESS", "TTRPC_ADDRESS",   "MAX_SHIM_VERSION",
    "SCHED_CORE",
};

}  // namespace runt::engine

#endif  // RUNT_ENGINE_ENVIRONMENT_H_
