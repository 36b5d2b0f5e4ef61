// SPDX-License-Identifier: Apache-2.0
// The entry of libFuzzer: the first byte says which decoder gets the rest.

#include "inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      runt::fuzz::TryMessage(bytes);
      break;
    case 1:
      runt::fuzz::TryTexts(bytes);
      break;
    default:
      runt::fuzz::TryPlan(bytes);
      break;
  }
  return 0;
}
