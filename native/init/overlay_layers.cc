// SPDX-License-Identifier: Apache-2.0
#include "overlay_layers.h"

#include "../base/syscall.h"
#include "../plan/ops.gen.h"
#include "mount_api.h"

namespace runt {

Status OverlayLayers::Shorten(std::string_view options) {
  constexpr std::string_view kKey = "lowerdir=";
  while (!options.empty()) {
    const std::string_view option = NextOption(&options);
    if (!options_.empty()) options_.Add(",");
    if (StartsWith(option, kKey)) {
      options_.Add(kKey);
      TRY(Open({option.data() + kKey.size(), option.size() - kKey.size()}));
    } else {
      options_.Add(option);
    }
  }
  return options_.overflowed() ? Error{E2BIG, Call::kMount, "overlay"} : Status();
}

// A second colon starts the data-only layers; here it gives an empty layer before them.
Status OverlayLayers::Open(std::string_view layers) {
  for (bool first = true; !layers.empty(); first = false) {
    Text<kPathMax> path;
    std::size_t end = 0;
    for (; end < layers.size() && layers[end] != ':'; ++end) {
      if (layers[end] == '\\' && end + 1 < layers.size()) ++end;
      path.Add({layers.data() + end, 1});
    }
    const std::string_view layer(layers.data(), end);
    layers.remove_prefix(end < layers.size() ? end + 1 : end);
    if (!first) options_.Add(":");
    if (path.empty()) continue;
    if (count_ == kMax || path.overflowed()) return Error{E2BIG, Call::kMount, layer};
    layers_[count_] =
        TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, 0), Call::kOpen, layer));
    options_.Add(DescriptorPath(layers_[count_++].get()).view());
  }
  return {};
}

}  // namespace runt
