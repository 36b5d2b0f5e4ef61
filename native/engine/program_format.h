// How the modules lie in the file that compile.cc writes and modules.cc reads: a count, then for each module a head,
// its name, and its bytecode. All numbers are the machine's own: both are made by one build.
#ifndef RUNT_ENGINE_PROGRAM_FORMAT_H_
#define RUNT_ENGINE_PROGRAM_FORMAT_H_

#include <cstdint>

namespace runt::engine {

struct ModuleHead {
  std::uint32_t name_size;
  std::uint32_t code_size;
};

}  // namespace runt::engine

#endif  // RUNT_ENGINE_PROGRAM_FORMAT_H_
