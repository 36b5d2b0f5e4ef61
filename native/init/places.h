// SPDX-License-Identifier: Apache-2.0
// Lookup of paths of config.json. A path below a held mount of the plan is looked up in that mount, even if its directory has
// been moved; any other path below the root. A link of a held mount that leads out of it counts from the root.

#ifndef RUNT_INIT_PLACES_H_
#define RUNT_INIT_PLACES_H_

#include <cstdint>
#include <string_view>

#include "../base/result.h"
#include "../base/unique_fd.h"
#include "context.h"
#include "rooted_path.h"

namespace runt {

// As the functions of RootedPath. A failure's subject is the whole path.
Result<UniqueFd> OpenPlace(const Context& context, std::string_view path, std::uint64_t flags, Links links = Links::kFollow);
Result<UniqueFd> MakePlaceDirectories(const Context& context, std::string_view path, std::uint32_t mode,
                                      Links links = Links::kFollow);
Result<UniqueFd> MakePlaceFile(const Context& context, std::string_view path, std::uint32_t mode);
Result<ParentDirectory> MakePlaceParent(const Context& context, std::string_view path);

}  // namespace runt

#endif  // RUNT_INIT_PLACES_H_
