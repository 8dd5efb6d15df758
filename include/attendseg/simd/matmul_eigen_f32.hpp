// SPDX-License-Identifier: Apache-2.0
// The float matrix product of matmul_f32.hpp by Eigen's register kernel (ATTENDSEG_FLOAT_EIGEN); the only Eigen here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "attendseg/simd/quiet_intrinsics.hpp"

#include <Eigen/Core>

#include "attendseg/core/config.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/simd/lanes_f32.hpp"

// 3.4 gave the packing functors the parameters used below (5.0 keeps them).
static_assert(EIGEN_VERSION_AT_LEAST(3, 4, 0), "ATTENDSEG_FLOAT_EIGEN needs Eigen 3.4 or later");

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

namespace matmul_detail {
// Eigen's public product packs both operands on every call and may take buffers from the heap. Its three parts
// (pack left, pack right, multiply) need neither: the left operand, our weights, is packed when they are loaded.
// Eigen is column-major here, so our row-major C = A * B is its C^T = B^T * A^T: weights left, pixels right.
using Index = Eigen::Index;
using Traits = Eigen::internal::gebp_traits<float, float>;
using WeightMap = Eigen::internal::const_blas_data_mapper<float, Index, Eigen::RowMajor>;
using PixelMap = Eigen::internal::const_blas_data_mapper<float, Index, Eigen::ColMajor>;
using ResultMap = Eigen::internal::blas_data_mapper<float, Index, Eigen::ColMajor, Eigen::Unaligned>;
using PackWeights = Eigen::internal::gemm_pack_lhs<float, Index, WeightMap, Traits::mr, Traits::LhsProgress,
                                                   typename Traits::LhsPacket4Packing, Eigen::RowMajor>;
using PackPixels = Eigen::internal::gemm_pack_rhs<float, Index, PixelMap, Traits::nr, Eigen::ColMajor>;
using Multiply = Eigen::internal::gebp_kernel<float, float, Index, ResultMap, Traits::mr, Traits::nr, false, false>;

/// Pixels that the kernel takes at once. Calls are filled up to a multiple of it, so that a pixel's bits do not
/// depend on its place in the call (Eigen sums single pixels in another order), nor on how rows were shared out.
inline constexpr int step = Traits::nr;
/// Pixels that are packed at once.
inline constexpr int block = 32 * step;
constexpr std::size_t whole_lines(std::size_t floats) noexcept {
  constexpr std::size_t line = alignment / sizeof(float);
  return (floats + line - 1) / line * line;
}
}  // namespace matmul_detail

/// The right operand B and the bias of C = A * B + bias; Eigen's packing of each run of B. As in matmul_f32.hpp.
class PackedMatrixF32 {
 public:
  PackedMatrixF32() = default;
  /// @param weight [columns, runs * depth] floats: B transposed, one row an output channel
  /// @param bias   [columns]
  /// @pre runs >= 1, depth >= 1, columns >= 1 @throws std::bad_alloc
  PackedMatrixF32(const float* weight, const float* bias, int runs, int depth, int columns)
      : runs_(runs), depth_(depth), columns_(columns) {
    // Eigen loads from multiples of its alignment.
    run_floats_ = matmul_detail::whole_lines(static_cast<std::size_t>(depth) * static_cast<std::size_t>(columns));
    buffer_ = Buffer(sizeof(float) *
                     (run_floats_ * static_cast<std::size_t>(runs) + static_cast<std::size_t>(columns)));
    const std::ptrdiff_t length = std::ptrdiff_t{runs} * depth;
    for (int r = 0; r < runs; ++r)
      matmul_detail::PackWeights()(at(r), matmul_detail::WeightMap(weight + std::ptrdiff_t{r} * depth, length), depth,
                                   columns);
    std::copy_n(bias, columns, at(runs));
  }
  int runs() const noexcept { return runs_; }
  int depth() const noexcept { return depth_; }
  int columns() const noexcept { return columns_; }
  const float* run(int r) const noexcept { return at(r); }
  const float* bias() const noexcept { return at(runs_); }

 private:
  float* at(int r) const noexcept {
    return reinterpret_cast<float*>(buffer_.data()) + run_floats_ * static_cast<std::size_t>(r);
  }

  Buffer buffer_;
  std::size_t run_floats_ = 0;
  int runs_ = 0;
  int depth_ = 0;
  int columns_ = 0;
};

/// Scratch floats that matmul needs: packed pixels; the last few of them filled up; their results.
inline std::size_t matmul_scratch(const PackedMatrixF32& b) noexcept {
  using namespace matmul_detail;
  const auto depth = static_cast<std::size_t>(b.depth()), columns = static_cast<std::size_t>(b.columns());
  return whole_lines(block * depth) + whole_lines(step * depth) + whole_lines(step * columns);
}

/// C = clamp(A * B + bias, low, high); as in matmul_f32.hpp.
inline void matmul(const float* const* a, std::ptrdiff_t a_stride, int rows, const PackedMatrixF32& b, float low,
                   float high, float* c, std::ptrdiff_t c_stride, float* scratch) noexcept {
  using namespace matmul_detail;
  const int depth = b.depth(), columns = b.columns();
  const auto size = static_cast<std::size_t>(depth);
  const std::size_t row_bytes = sizeof(float) * static_cast<std::size_t>(columns);
  float* const filled = scratch + whole_lines(block * size);
  float* const result = filled + whole_lines(step * size);
  const auto begin = [&](int count, float* to, std::ptrdiff_t apart) {
    for (int i = 0; i < count; ++i) std::memcpy(to + i * apart, b.bias(), row_bytes);
  };
  const auto add = [&](const float* pixels, std::ptrdiff_t stride, int count, int r, float* to, std::ptrdiff_t apart) {
    PackPixels()(scratch, PixelMap(pixels, stride), depth, count);
    Multiply()(ResultMap(to, apart), b.run(r), scratch, columns, depth, count, 1.0F);
  };
  const auto clamp = [&](int count, float* to) {
    for (int i = 0; i < count; ++i, to += c_stride)
      f32::for_lanes(columns, [&]<class B>(int n) {
        f32::store(to + n, f32::minimum(f32::maximum(f32::load<B>(to + n), B(low)), B(high)));
      });
  };
  const int whole = rows / step * step;
  for (int first = 0; first < whole; first += block) {
    const int count = std::min(block, whole - first);
    float* const to = c + first * c_stride;
    begin(count, to, c_stride);
    for (int r = 0; r < b.runs(); ++r) add(a[r] + first * a_stride, a_stride, count, r, to, c_stride);
    clamp(count, to);
  }
  const int rest = rows - whole;
  if (rest == 0) return;
  // The last few rows, filled up with zeros.
  begin(step, result, columns);
  std::fill_n(filled, step * size, 0.0F);
  for (int r = 0; r < b.runs(); ++r) {
    for (int i = 0; i < rest; ++i) std::copy_n(a[r] + (whole + i) * a_stride, depth, filled + i * depth);
    add(filled, depth, step, r, result, columns);
  }
  float* const to = c + whole * c_stride;
  for (int i = 0; i < rest; ++i) std::memcpy(to + i * c_stride, result + std::ptrdiff_t{i} * columns, row_bytes);
  clamp(rest, to);
}

}  // namespace simd
ATTENDSEG_NAMESPACE_END
