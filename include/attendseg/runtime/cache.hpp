// SPDX-License-Identifier: Apache-2.0
// How much cache one worker has to itself: asked from the system where it tells, a guess elsewhere.
#pragma once

#include <cstdint>

#if defined(__linux__)
#include <unistd.h>
#endif

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// Bytes of the level 2 cache of a core, at least 256 kB; 512 kB where nobody knows.
inline std::int64_t detect_cache_bytes() noexcept {
  long bytes = 0;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  bytes = ::sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
  if (bytes <= 0) return 512 * 1024;
  return bytes < 256 * 1024 ? 256 * 1024 : std::int64_t{bytes};
}

ATTENDSEG_NAMESPACE_END
