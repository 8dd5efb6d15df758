// SPDX-License-Identifier: Apache-2.0
// Float matrix product behind raw pointers: tiles in registers over weights packed once. Eigen can take its place.
#pragma once

#if defined(ATTENDSEG_FLOAT_EIGEN)
#include "attendseg/simd/matmul_eigen_f32.hpp"
#else

#include <algorithm>
#include <cstddef>

#include "attendseg/core/config.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/common.hpp"
#include "attendseg/simd/lanes_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

namespace matmul_detail {
using Lanes = f32::Widest;
inline constexpr int lanes = f32::width;

#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int registers = 32;
#else
inline constexpr int registers = 16;
#endif
/// Columns are taken in panels of 1 to 3 vectors, rows in tiles: as many sums as registers hold beside a line of B and
/// one value of A, and enough of them (8 or more) to hide the latency of a fused product.
inline constexpr int max_vectors = 3;
constexpr int tile_rows(int vectors) noexcept { return registers == 32 || vectors == 1 ? 8 : 4; }
}  // namespace matmul_detail

/// The right operand B and the bias of C = A * B + bias, in the order in which the kernel reads them:
/// [panel](bias [vectors * lanes], B [runs][depth][vectors * lanes]), filled up with zeros.
/// A row of A lies in `runs` runs of `depth` floats, each anywhere: a convolution's window need not be gathered.
class PackedMatrixF32 {
 public:
  PackedMatrixF32() = default;
  /// @param weight [columns, runs * depth] floats: B transposed, one row an output channel
  /// @param bias   [columns]
  /// @pre runs >= 1, depth >= 1, columns >= 1 @throws std::bad_alloc
  PackedMatrixF32(const float* weight, const float* bias, int runs, int depth, int columns)
      : runs_(runs), depth_(depth), columns_(columns) {
    using matmul_detail::lanes;
    const std::ptrdiff_t length = std::ptrdiff_t{runs} * depth;
    buffer_ = Buffer(sizeof(float) * lanes * static_cast<std::size_t>(vectors() * (length + 1)));
    auto* to = reinterpret_cast<float*>(buffer_.data());
    for (int panel = 0; panel < panels(); ++panel) {
      const int first = first_vector(panel) * lanes, end = first_vector(panel + 1) * lanes;
      for (std::ptrdiff_t k = -1; k < length; ++k)
        for (int n = first; n < end; ++n)
          *to++ = n >= columns ? 0.0F : k < 0 ? bias[n] : weight[n * length + k];
    }
  }
  int runs() const noexcept { return runs_; }
  int depth() const noexcept { return depth_; }
  int columns() const noexcept { return columns_; }
  int vectors() const noexcept { return (columns_ + matmul_detail::lanes - 1) / matmul_detail::lanes; }
  int panels() const noexcept { return (vectors() + matmul_detail::max_vectors - 1) / matmul_detail::max_vectors; }
  /// Panels differ by at most one vector in width.
  int first_vector(int panel) const noexcept { return vectors() * panel / panels(); }
  const float* panel(int panel) const noexcept {
    return reinterpret_cast<const float*>(buffer_.data()) +
           (std::ptrdiff_t{runs_} * depth_ + 1) * first_vector(panel) * matmul_detail::lanes;
  }

 private:
  Buffer buffer_;
  int runs_ = 0;
  int depth_ = 0;
  int columns_ = 0;
};

/// Scratch floats that matmul needs: A is read where it lies.
inline std::size_t matmul_scratch(const PackedMatrixF32&) noexcept { return 0; }

namespace matmul_detail {
/// A tile of C in registers: Rows rows, one panel of Vectors vectors, of which `columns` columns are stored.
/// @param a [runs] pointers to the runs of the row before the first by `offset` floats
template <int Rows, int Vectors>
void multiply_tile(const float* const* a, std::ptrdiff_t offset, std::ptrdiff_t a_stride, int runs, int depth,
                   const float* b, float low, float high, float* c, std::ptrdiff_t c_stride, int columns) noexcept {
  Lanes sum[Rows][Vectors];
  unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA {
    const Lanes bias = f32::load<Lanes>(b + v * lanes);
    unroll<Rows>([&](auto m) ATTENDSEG_LAMBDA { sum[m][v] = bias; });
  });
  b += Vectors * lanes;
  for (int r = 0; r < runs; ++r) {
    // One pointer for three rows: their distance is an addressing mode, and pointers stay in registers.
    constexpr int pointers = (Rows + 2) / 3;
    const float* row[pointers];
    unroll<pointers>([&](auto i) ATTENDSEG_LAMBDA { row[i] = a[r] + offset + 3 * i * a_stride; });
    for (int k = 0; k < depth; ++k) {
      Lanes line[Vectors];
      unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA { line[v] = f32::load<Lanes>(b + v * lanes); });
      unroll<Rows>([&](auto m) ATTENDSEG_LAMBDA {
        const Lanes value(row[m / 3][m % 3 * a_stride]);
        unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA { sum[m][v] = f32::multiply_add(value, line[v], sum[m][v]); });
      });
      unroll<pointers>([&](auto i) ATTENDSEG_LAMBDA { ++row[i]; });
      b += Vectors * lanes;
    }
  }
  const Lanes from(low), to(high);
  unroll<Rows>([&](auto m) ATTENDSEG_LAMBDA {
    float* const line = c + m * c_stride;
    unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA {
      const Lanes result = f32::minimum(f32::maximum(sum[m][v], from), to);
      if (v + 1 < Vectors || columns == Vectors * lanes)
        f32::store(line + v * lanes, result);
      else
        f32::store_first(line + v * lanes, result, columns - v * lanes);
    });
  });
}

/// Rows [first, end) against one panel.
template <int Vectors>
void multiply_panel(const float* const* a, std::ptrdiff_t a_stride, int first, int end, int runs, int depth,
                    const float* b, float low, float high, float* c, std::ptrdiff_t c_stride, int columns) noexcept {
  constexpr int tile = tile_rows(Vectors);
  const auto multiply = [&]<int Rows>(int m) {
    multiply_tile<Rows, Vectors>(a, m * a_stride, a_stride, runs, depth, b, low, high, c + m * c_stride, c_stride,
                                 columns);
  };
  if (end < tile) {
    for (int m = first; m < end; ++m) multiply.template operator()<1>(m);
    return;
  }
  // Where a tile would end behind the last row, it begins earlier: rows computed twice get the same bits twice.
  for (int m = first; m < end; m += tile) multiply.template operator()<tile>(std::min(m, end - tile));
}
}  // namespace matmul_detail

/// C = clamp(A * B + bias, low, high).
/// @param a [b.runs()] pointers: row m of A is the b.depth() floats at each a[r] + m * a_stride, any alignment
/// @param c [rows, b.columns()] floats, rows c_stride floats apart, any alignment; must not overlap a
/// @param scratch matmul_scratch(b) floats, aligned to `alignment`
/// Error: |c - exact| <= (runs * depth + 2) * eps * (sum |a b| + |bias|). A row's bits depend on nothing but that row.
/// One thread; cannot fail, throw or allocate.
inline void matmul(const float* const* a, std::ptrdiff_t a_stride, int rows, const PackedMatrixF32& b, float low,
                   float high, float* c, std::ptrdiff_t c_stride, float* /*scratch*/) noexcept {
  using namespace matmul_detail;
  const int length = b.runs() * b.depth();
  // Rows of A that stay in the L2 cache while every panel of B passes by.
  const int block = std::clamp(32768 / length / 8 * 8, 8, 256);
  for (int first = 0; first < rows; first += block)
    for (int panel = 0; panel < b.panels(); ++panel) {
      const int vector = b.first_vector(panel), vectors = b.first_vector(panel + 1) - vector;
      const int columns = std::min(vectors * lanes, b.columns() - vector * lanes);
      unroll<max_vectors>([&](auto v) {
        if (vectors == v + 1)
          multiply_panel<v + 1>(a, a_stride, first, std::min(first + block, rows), b.runs(), b.depth(),
                                b.panel(panel), low, high, c + vector * lanes, c_stride, columns);
      });
    }
}

}  // namespace simd
ATTENDSEG_NAMESPACE_END

#endif
