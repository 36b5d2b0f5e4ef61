#include "environment.h"

namespace runt::launcher {
namespace {

bool StartsWith(const char* text, std::string_view prefix) {
  for (const char c : prefix) {
    if (*text++ != c) return false;
  }
  return true;
}

}  // namespace

Environment::Environment(char** original, std::uint64_t soft_nofile, std::uint64_t inherited) {
  for (const std::string_view name : kPassed) {
    for (char** variable = original; *variable != nullptr; ++variable) {
      if (!StartsWith(*variable, name)) continue;
      Add(*variable);
      break;
    }
  }
  for (const char* variable : kSet) Add(variable);
  if (soft_nofile != 0) {
    soft_nofile_.Add("RUNT_SOFT_NOFILE=").AddNumber(soft_nofile);
    Add(soft_nofile_.c_str());
  }
  inherited_.Add("RUNT_INHERITED_FDS=").AddNumber(inherited);
  Add(inherited_.c_str());
}

}  // namespace runt::launcher
