// SPDX-License-Identifier: Apache-2.0
// Float matrix product behind raw pointers: Eigen's register kernel on weights packed once. The only header with Eigen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "attendseg/simd/quiet_intrinsics.hpp"

#include <Eigen/Core>

#include "attendseg/core/config.hpp"
#include "attendseg/core/tensor.hpp"

// 3.4 gave the packing functors the parameters used below (5.0 keeps them).
static_assert(EIGEN_VERSION_AT_LEAST(3, 4, 0), "attendseg's float network needs Eigen 3.4 or later");

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
constexpr int round_up(int n) noexcept { return (n + step - 1) / step * step; }
}  // namespace matmul_detail

/// The right operand B of C[M,N] = A[M,K] * B[K,N] + bias[N], in the order in which the kernel reads it.
class PackedMatrixF32 {
 public:
  PackedMatrixF32() = default;
  /// @param weight [columns, depth] floats: B transposed, one row an output channel, `weight_stride` floats apart
  /// @pre depth >= 1, columns >= 1 @throws std::bad_alloc
  PackedMatrixF32(const float* weight, std::ptrdiff_t weight_stride, int depth, int columns)
      : buffer_(sizeof(float) * static_cast<std::size_t>(depth) * static_cast<std::size_t>(columns)),
        depth_(depth),
        columns_(columns) {
    matmul_detail::PackWeights()(reinterpret_cast<float*>(buffer_.data()),
                                 matmul_detail::WeightMap(weight, weight_stride), depth, columns);
  }
  int depth() const noexcept { return depth_; }
  int columns() const noexcept { return columns_; }
  const float* data() const noexcept { return reinterpret_cast<const float*>(buffer_.data()); }

 private:
  Buffer buffer_;
  int depth_ = 0;
  int columns_ = 0;
};

/// Floats of scratch that matmul needs for calls of up to `rows` rows.
constexpr std::size_t matmul_scratch(int rows, int depth, int columns) noexcept {
  using matmul_detail::step;
  return static_cast<std::size_t>(matmul_detail::round_up(rows) + step) * static_cast<std::size_t>(depth) +
         static_cast<std::size_t>(step) * static_cast<std::size_t>(columns) + 2 * alignment / sizeof(float);
}

/// C = A * B + bias.
/// @param a [rows, depth] floats, rows a_stride floats apart, any alignment
/// @param bias [columns] floats
/// @param c [rows, columns] floats, rows c_stride floats apart, any alignment; must not overlap a
/// @param scratch matmul_scratch(rows, depth, columns) floats, aligned to `alignment`
/// Error: |c - exact| <= (depth + 2) * eps * (sum |a b| + |bias|). A row's bits depend on nothing but that row.
/// One thread; cannot fail, throw or allocate.
inline void matmul(const float* a, std::ptrdiff_t a_stride, int rows, const PackedMatrixF32& b, const float* bias,
                   float* c, std::ptrdiff_t c_stride, float* scratch) noexcept {
  using namespace matmul_detail;
  const int depth = b.depth();
  const int columns = b.columns();
  const std::size_t row_bytes = sizeof(float) * static_cast<std::size_t>(columns);
  const auto multiply = [&](const float* pixels, std::ptrdiff_t stride, int n, float* result, std::ptrdiff_t apart) {
    for (int i = 0; i < n; ++i) std::memcpy(result + i * apart, bias, row_bytes);
    PackPixels()(scratch, PixelMap(pixels, stride), depth, n);
    Multiply()(ResultMap(result, apart), b.data(), scratch, columns, depth, n, 1.0F);
  };
  const int whole = rows / step * step;
  const int rest = rows - whole;
  if (whole > 0) multiply(a, a_stride, whole, c, c_stride);
  if (rest == 0) return;
  // The last few rows, filled up with zeros.
  float* filled = scratch + static_cast<std::ptrdiff_t>(step) * depth;
  filled += (alignment - reinterpret_cast<std::uintptr_t>(filled) % alignment) % alignment / sizeof(float);
  float* result = filled + static_cast<std::ptrdiff_t>(step) * depth;
  std::memset(filled, 0, sizeof(float) * static_cast<std::size_t>(step) * static_cast<std::size_t>(depth));
  for (int i = 0; i < rest; ++i)
    std::memcpy(filled + static_cast<std::ptrdiff_t>(i) * depth, a + (whole + i) * a_stride,
                sizeof(float) * static_cast<std::size_t>(depth));
  multiply(filled, depth, step, result, columns);
  for (int i = 0; i < rest; ++i)
    std::memcpy(c + (whole + i) * c_stride, result + static_cast<std::ptrdiff_t>(i) * columns, row_bytes);
}

}  // namespace simd
ATTENDSEG_NAMESPACE_END
