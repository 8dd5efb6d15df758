// SPDX-License-Identifier: Apache-2.0
// FNV-1a, 64 bits: tells whether two class maps are the same, bit for bit.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace app {

/// 16 small hexadecimal digits over the bytes in order (a class map: row by row, at the picture's size).
inline std::string checksum(std::span<const std::uint8_t> bytes) {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const std::uint8_t b : bytes) h = (h ^ b) * 0x100000001b3U;
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; h >>= 4) out[i] = "0123456789abcdef"[h & 15];
  return out;
}

}  // namespace app
