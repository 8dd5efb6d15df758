// SPDX-License-Identifier: Apache-2.0
// AVX-512 VNNI with AMX: matrix products in tiles of 16 pixels x 16 channels, everything else in vectors.
#pragma once

#include <cstddef>
#include <cstdint>

#include "attendseg/simd/avx512vnni.hpp"
#include "attendseg/simd/products.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

/// What ldtilecfg reads: bytes of a row and rows of each tile.
struct TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

/// Primitives as documented in scalar.hpp. Tiles is the eight tile registers: permitted(), configure(config),
/// release(), load<tile>(from, stride), store<tile>(to, stride), dot<sums, activations, weights>().
template <class Tiles>
struct BasicAmx : Avx512Vnni {};

/// Up to two tiles of pixels times two of channels: 4 of sums (0 to 3), 2 of activations (4, 5), 2 of weights (6, 7).
/// Packed weights [step][Vectors][16 lanes][4] are rows of weight tiles as they lie.
template <class Tiles>
class Products<BasicAmx<Tiles>> {
 public:
  static constexpr int depth = 4;
  static constexpr int tile = 64;
  /// Runs are cut into equal parts of at most 16 steps, so that one shape of tiles serves a whole call.
  static constexpr int padded(int steps) noexcept { return parts(steps) * part(steps); }
  /// Asks the kernel, once a process suffices, for the right to use tiles.
  static bool available() noexcept { return Tiles::permitted(); }

  explicit Products(int steps) noexcept : parts_(parts(steps)), part_(part(steps)) {
    TileConfig config;
    const auto shape = [&](int index, int rows, int row_bytes) {
      config.rows[index] = static_cast<std::uint8_t>(rows);
      config.row_bytes[index] = static_cast<std::uint16_t>(row_bytes);
    };
    for (int i = 0; i < 4; ++i) shape(i, side, lanes * 4);
    for (int i = 4; i < 6; ++i) shape(i, side, part_ * depth);
    for (int i = 6; i < 8; ++i) shape(i, part_, lanes * depth);
    Tiles::configure(config);
  }
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;
  ~Products() { Tiles::release(); }

  template <int Vectors, class F>
  void multiply(const Patches& a, int count, const std::int8_t* weight, const std::int32_t* bias,
                F finish) const noexcept {
    alignas(64) std::int32_t sums[2 * side][Vectors * lanes];
    for (int first = 0; first < count; first += 2 * side) {
      const int left = count - first;
      unroll<(Vectors + 1) / 2>([&](auto pair) {
        constexpr int v = 2 * pair, columns = v + 1 < Vectors ? 2 : 1;
        if (left > side)
          block<2, columns, Vectors>(a, first, weight + v * width, bias + v * lanes, sums[0] + v * lanes);
        else
          block<1, columns, Vectors>(a, first, weight + v * width, bias + v * lanes, sums[0] + v * lanes);
      });
      const int ready = left < 2 * side ? left : 2 * side;
      constexpr int group = Avx512Vnni::group(Vectors);
      int p = 0;
      const auto finish_pixels = [&]<int Pixels>() ATTENDSEG_LAMBDA {
        Avx512Vnni::I32 sum[Pixels][Vectors];
        unroll<Pixels>([&](auto i) ATTENDSEG_LAMBDA {
          unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA { sum[i][v] = Avx512Vnni::load(sums[p + i] + v * lanes); });
        });
        finish(first + p, sum);
      };
      for (; p + group <= ready; p += group) finish_pixels.template operator()<group>();
      for (; p < ready; ++p) finish_pixels.template operator()<1>();
    }
  }

 private:
  static constexpr int side = 16, lanes = Avx512Vnni::lanes, width = Avx512Vnni::width;
  static constexpr int parts(int steps) noexcept { return (steps + side - 1) / side; }
  static constexpr int part(int steps) noexcept { return (steps + parts(steps) - 1) / parts(steps); }

  /// Rows x Columns tiles of sums, stored to out[pixel][Vectors * lanes].
  template <int Rows, int Columns, int Vectors>
  void block(const Patches& a, int first, const std::int8_t* weight, const std::int32_t* bias,
             std::int32_t* out) const noexcept {
    constexpr std::ptrdiff_t weight_row = Vectors * width, out_row = Vectors * lanes * 4;
    unroll<Rows>([&](auto r) {
      unroll<Columns>([&](auto c) { Tiles::template load<2 * r + c>(bias + c * lanes, 0); });  // each row the same
    });
    for (int y = 0; y < a.height; ++y) {
      const std::int8_t* run = a.row[y] + first * a.pitch;
      for (int x = 0; x < a.across; ++x, run += a.apart)
        for (int k = 0; k < parts_; ++k, weight += part_ * weight_row) {
          const std::int8_t* const from = run + k * part_ * depth;
          unroll<Rows>([&](auto r) { Tiles::template load<4 + r>(from + r * side * a.pitch, a.pitch); });
          unroll<Columns>([&](auto c) { Tiles::template load<6 + c>(weight + c * width, weight_row); });
          unroll<Rows>([&](auto r) {
            unroll<Columns>([&](auto c) { Tiles::template dot<2 * r + c, 4 + r, 6 + c>(); });
          });
        }
    }
    unroll<Rows>([&](auto r) {
      unroll<Columns>([&](auto c) {
        Tiles::template store<2 * r + c>(out + r * side * Vectors * lanes + c * lanes, out_row);
      });
    });
  }

  int parts_, part_;
};

}  // namespace simd
ATTENDSEG_NAMESPACE_END
