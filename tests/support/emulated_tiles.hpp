// SPDX-License-Identifier: Apache-2.0
// AMX tile registers in plain C++, after Intel's documentation, with its faults recorded: for machines that lack them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "attendseg/simd/amx.hpp"

namespace test {

struct TileState {
  static constexpr int most_rows = 16, most_bytes = 64;
  attendseg::simd::TileConfig config;
  bool configured = false;
  std::uint8_t tile[8][most_rows][most_bytes] = {};
  int configurations = 0;  ///< so far
  std::string fault;       ///< the first thing that would have raised #GP or #UD
};

struct EmulatedTiles {
  static constexpr int most_rows = TileState::most_rows, most_bytes = TileState::most_bytes;
  static inline thread_local TileState state;
  static inline bool permission = true;

  static bool permitted() noexcept { return permission; }
  static void configure(const attendseg::simd::TileConfig& config) noexcept {
    state.config = config;
    state.configured = true;
    ++state.configurations;
    std::memset(state.tile, 0, sizeof state.tile);
    check(config.palette == 1, "palette");
    check(config.start_row == 0, "start_row");
    for (const std::uint8_t byte : config.reserved) check(byte == 0, "reserved bytes");
    for (int i = 0; i < 16; ++i) {
      check(config.rows[i] <= (i < 8 ? most_rows : 0), "rows");
      check(config.row_bytes[i] <= (i < 8 ? most_bytes : 0), "row_bytes");
      check((config.rows[i] == 0) == (config.row_bytes[i] == 0), "a tile with rows and without bytes, or the reverse");
    }
  }
  static void release() noexcept { state.configured = false; }
  template <int Tile>
  static void load(const void* from, std::ptrdiff_t stride) noexcept {
    if (!usable<Tile>("tileloadd")) return;
    std::memset(state.tile[Tile], 0, sizeof state.tile[Tile]);
    for (int row = 0; row < state.config.rows[Tile]; ++row)
      std::memcpy(state.tile[Tile][row], static_cast<const std::byte*>(from) + row * stride,
                  state.config.row_bytes[Tile]);
  }
  template <int Tile>
  static void store(void* to, std::ptrdiff_t stride) noexcept {
    if (!usable<Tile>("tilestored")) return;
    for (int row = 0; row < state.config.rows[Tile]; ++row)
      std::memcpy(static_cast<std::byte*>(to) + row * stride, state.tile[Tile][row], state.config.row_bytes[Tile]);
  }
  template <int Sums, int A, int B>
  static void dot() noexcept {
    static_assert(Sums != A && Sums != B && A != B, "tdpbusd refuses equal operands");
    if (!usable<Sums>("tdpbusd") || !usable<A>("tdpbusd") || !usable<B>("tdpbusd")) return;
    const auto& c = state.config;
    check(c.row_bytes[Sums] % 4 == 0 && c.row_bytes[A] % 4 == 0 && c.row_bytes[B] % 4 == 0, "tdpbusd: row_bytes");
    check(c.rows[Sums] == c.rows[A] && c.row_bytes[A] / 4 == c.rows[B] && c.row_bytes[Sums] == c.row_bytes[B],
          "tdpbusd: shapes");
    for (int m = 0; m < c.rows[Sums]; ++m)
      for (int n = 0; n < c.row_bytes[Sums] / 4; ++n) {
        std::uint32_t sum;
        std::memcpy(&sum, &state.tile[Sums][m][4 * n], 4);
        for (int k = 0; k < c.row_bytes[A]; ++k)
          sum += static_cast<std::uint32_t>(state.tile[A][m][k] *
                                            static_cast<std::int8_t>(state.tile[B][k / 4][4 * n + k % 4]));
        std::memcpy(&state.tile[Sums][m][4 * n], &sum, 4);
      }
  }

 private:
  static void check(bool good, const char* what) {
    if (!good && state.fault.empty()) state.fault = what;
  }
  template <int Tile>
  static bool usable(const char* instruction) {
    static_assert(Tile >= 0 && Tile < 8);
    const bool good = state.configured && state.config.rows[Tile] > 0;
    check(good, instruction);
    return good;
  }
};

}  // namespace test
