// SPDX-License-Identifier: Apache-2.0
// The options of an overlayfs with many lower layers, for mount(2), which takes a page of them only.

#ifndef RUNT_INIT_OVERLAY_LAYERS_H_
#define RUNT_INIT_OVERLAY_LAYERS_H_

#include <cstddef>
#include <string_view>

#include "../base/kernel.h"
#include "../base/result.h"
#include "../base/text.h"
#include "../base/unique_fd.h"

namespace runt {

// Options that name the layers of `lowerdir` by descriptors in a procfs (self/fd/N), which must be the working directory.
// The table of mounts shows these names, which mean nothing to a reader.
class OverlayLayers {
 public:
  // E2BIG: there are too many layers even so.
  Status Shorten(std::string_view options);

  const Text<kPathMax>& options() const { return options_; }

 private:
  Status Open(std::string_view layers);

  static constexpr std::size_t kMax = 320;
  UniqueFd layers_[kMax];
  std::size_t count_ = 0;
  Text<kPathMax> options_;
};

}  // namespace runt

#endif  // RUNT_INIT_OVERLAY_LAYERS_H_
