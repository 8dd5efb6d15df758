// SPDX-License-Identifier: Apache-2.0
// The float matrix product against its law.
#include "attendseg/simd/matmul_f32.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "attendseg/reference/matmul_f32.hpp"
#include "tests/support/random_f32.hpp"

using namespace attendseg;
using namespace test;

namespace {
struct Operands {
  int rows, depth, columns;
  std::vector<float> a, weight, bias;
  Operands(int m, int k, int n, std::uint32_t seed)
      : rows(m),
        depth(k),
        columns(n),
        a(random_floats(static_cast<std::size_t>(m) * k, seed)),
        weight(random_floats(static_cast<std::size_t>(n) * k, seed + 1)),
        bias(random_floats(static_cast<std::size_t>(n), seed + 2)) {}
};
simd::PackedMatrixF32 packed(const Operands& o, int runs = 1) {
  return {o.weight.data(), o.bias.data(), runs, o.depth / runs, o.columns};
}
float* scratch_of(Buffer& b, const simd::PackedMatrixF32& m) {
  b = Buffer(sizeof(float) * simd::matmul_scratch(m));
  return reinterpret_cast<float*>(b.data());
}
}  // namespace

TEST_CASE("matmul is within (depth + 2) eps of its reference at every tail") {
  double largest = 0.0;
  for (const int rows : {1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 300})
    for (const int depth : {1, 2, 3, 7, 8, 9, 16, 27, 64, 145, 576})
      for (const int columns : {1, 2, 3, 4, 5, 8, 11, 12, 13, 16, 17, 24, 31, 33, 48, 49, 64, 100}) {
        if (rows == 300 && columns % 16 != 1) continue;  // more than a block
        const Operands o(rows, depth, columns, 7);
        const simd::PackedMatrixF32 b = packed(o);
        std::vector<float> wanted(static_cast<std::size_t>(rows) * columns), met(wanted.size());
        Buffer buffer;
        const float* const a = o.a.data();
        simd::matmul(&a, depth, rows, b, -FLT_MAX, FLT_MAX, met.data(), columns, scratch_of(buffer, b));
        reference::matmul(o.a.data(), o.weight.data(), o.bias.data(), wanted.data(), rows, depth, columns);
        for (int m = 0; m < rows; ++m)
          for (int n = 0; n < columns; ++n) {
            double sum = std::fabs(o.bias[n]);
            for (int k = 0; k < depth; ++k) sum += std::fabs(double{o.a[m * depth + k]} * o.weight[n * depth + k]);
            const double difference = std::fabs(double{met[m * columns + n]} - wanted[m * columns + n]);
            largest = std::fmax(largest, difference / ((depth + 2) * eps * sum));
          }
      }
  CHECK(largest <= 1.0);
}

TEST_CASE("matmul keeps to its strides and a row's bits to that row") {
  for (const int columns : {1, 3, 12, 17, 24, 50}) {
    const int rows = 29, depth = 21, gap = 5;
    const Operands o(rows, depth, columns, 3);
    const simd::PackedMatrixF32 b = packed(o);
    Buffer buffer;
    float* scratch = scratch_of(buffer, b);
    std::vector<float> whole(static_cast<std::size_t>(rows) * columns);
    const float* dense = o.a.data();
    simd::matmul(&dense, depth, rows, b, -3.0F, 2.0F, whole.data(), columns, scratch);
    CHECK(*std::min_element(whole.begin(), whole.end()) == -3.0F);
    CHECK(*std::max_element(whole.begin(), whole.end()) == 2.0F);
    Guarded a({1, depth + gap, rows}, 1), c({rows, columns, 1}, 3, gap);
    for (int m = 0; m < rows; ++m)
      for (int k = 0; k < depth; ++k) a.view().data[m * (depth + gap) + k] = o.a[m * depth + k];
    for (int first = 0; first < rows;) {  // calls of 1, 2, 3, ... rows
      const int count = std::min(rows - first, 1 + first % 11);
      const float* const from = a.view().data + first * (depth + gap);
      simd::matmul(&from, depth + gap, count, b, -3.0F, 2.0F, c.view().row(first), c.view().row_stride, scratch);
      first += count;
    }
    CHECK(c.intact());
    CHECK(same(c.view(), View<const float>(whole.data(), {rows, columns, 1})));
  }
}

TEST_CASE("matmul gives the same bits wherever the runs of a row lie") {
  for (const int runs : {3, 9}) {
    const int rows = 19, depth = 18, columns = 37, run = depth / runs;
    const Operands o(rows, depth, columns, 5);
    const simd::PackedMatrixF32 b = packed(o, runs);
    Buffer buffer;
    float* scratch = scratch_of(buffer, b);
    // Together, run behind run; and each run's rows in a place of their own.
    std::vector<const float*> together, apart;
    std::vector<std::vector<float>> places(static_cast<std::size_t>(runs));
    for (int r = 0; r < runs; ++r) {
      together.push_back(o.a.data() + r * run);
      for (int m = 0; m < rows; ++m)
        for (int k = 0; k < depth; ++k) places[r].push_back(k < run ? o.a[m * depth + r * run + k] : 1e30F);
      apart.push_back(places[r].data());
    }
    std::vector<float> wanted(static_cast<std::size_t>(rows) * columns), met(wanted.size());
    simd::matmul(together.data(), depth, rows, b, -FLT_MAX, FLT_MAX, wanted.data(), columns, scratch);
    simd::matmul(apart.data(), depth, rows, b, -FLT_MAX, FLT_MAX, met.data(), columns, scratch);
    CHECK(met == wanted);
  }
}
