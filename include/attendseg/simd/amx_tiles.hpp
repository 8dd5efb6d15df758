// SPDX-License-Identifier: Apache-2.0
// The processor's AMX tile registers, and the kernel's permission to use them.
#pragma once

#include <cstddef>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "attendseg/simd/amx.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

/// Assembly, as the intrinsics of g++ 12 tell the compiler neither that tileloadd reads memory nor that ldtilecfg
/// reads all of its 64 bytes. Both syntaxes, for -masm=intel.
struct AmxTiles {
  static bool permitted() noexcept {
#if defined(__linux__)
    constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return ::syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
    return true;
#endif
  }
  static ATTENDSEG_INLINE void configure(const TileConfig& config) noexcept {
    asm volatile("ldtilecfg %0" : : "m"(config));
  }
  static ATTENDSEG_INLINE void release() noexcept { asm volatile("tilerelease" : : : "memory"); }
  template <int Tile>
  static ATTENDSEG_INLINE void load(const void* from, std::ptrdiff_t stride) noexcept {
    asm volatile("{tileloadd (%0,%1,1), %%tmm%c2|tileloadd tmm%c2, [%0+%1*1]}"
                 :
                 : "r"(from), "r"(stride), "i"(Tile)
                 : "memory");
  }
  template <int Tile>
  static ATTENDSEG_INLINE void store(void* to, std::ptrdiff_t stride) noexcept {
    asm volatile("{tilestored %%tmm%c2, (%0,%1,1)|tilestored [%0+%1*1], tmm%c2}"
                 :
                 : "r"(to), "r"(stride), "i"(Tile)
                 : "memory");
  }
  /// Sums += unsigned activations x signed weights.
  template <int Sums, int Activations, int Weights>
  static ATTENDSEG_INLINE void dot() noexcept {
    asm volatile("{tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0|tdpbusd tmm%c0, tmm%c1, tmm%c2}"
                 :
                 : "i"(Sums), "i"(Activations), "i"(Weights));
  }
};

using Amx = BasicAmx<AmxTiles>;

}  // namespace simd
ATTENDSEG_NAMESPACE_END
