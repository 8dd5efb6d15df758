// SPDX-License-Identifier: Apache-2.0
// One int8 operator at a given shape with random inputs and parameters: what shape tests check and benchmarks time.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "attendseg/nn/operator_shapes.hpp"
#include "attendseg/ops/add_i8.hpp"
#include "attendseg/ops/classify_i8.hpp"
#include "attendseg/ops/concat.hpp"
#include "attendseg/ops/conv_i8.hpp"
#include "attendseg/ops/gate_i8.hpp"
#include "attendseg/ops/pool_i8.hpp"
#include "attendseg/ops/upsample_i8.hpp"
#include "attendseg/reference/add_i8.hpp"
#include "attendseg/reference/classify_i8.hpp"
#include "attendseg/reference/concat.hpp"
#include "attendseg/reference/conv_i8.hpp"
#include "attendseg/reference/gate_i8.hpp"
#include "attendseg/reference/pool_i8.hpp"
#include "attendseg/reference/upsample_i8.hpp"
#include "tests/support/random.hpp"

namespace test {

/// Numbers depend on the shape and the seed alone, so that two backends can be given the same ones. Class ids, which
/// are bytes without a sign, are kept as int8 like all other results.
template <class Backend = attendseg::simd::native>
class OperatorCase {
  using I8 = std::int8_t;
  template <class T>
  using View = attendseg::View<T>;

 public:
  explicit OperatorCase(const attendseg::OperatorShape& s, std::uint64_t seed = 1)
      : shape_(s), a_(s.a), b_(s.b), out_(s.out) {
    a_.fill(seed);
    b_.fill(seed + 1);
    if (s.op == attendseg::Op::conv) {
      weight_ = random_weights(s.conv.weights(), seed + 2);
      bias_ = random_values<std::int32_t>(s.conv.out_channels, seed + 3, {-3000, 3000});
      multiplier_ = random_multipliers(s.conv.out_channels, s.conv.depth(), seed + 4);
      auto packed = attendseg::ops::BasicPackedConvI8<Backend>::create(s.conv, weight_, bias_, multiplier_,
                                                                       in_zero_point, out_zero_point);
      if (!packed) std::abort();  // the shape is no convolution
      packed_ = *std::move(packed);
    }
    table_ = random_values<std::int16_t>(256, seed + 5, {0, 32767});
    scratch_ = attendseg::Buffer(scratch_bytes());
  }

  /// Rows of the operator. @pre 0 <= rows.begin <= rows.end <= height
  void run(attendseg::Rows rows) noexcept {
    using attendseg::Op;
    namespace ops = attendseg::ops;
    const View<const I8> a = a_.view(), b = b_.view();
    const View<I8> out = out_.view();
    const attendseg::OperatorShape& s = shape_;
    switch (s.op) {
      case Op::input: break;
      case Op::conv: return ops::conv(*packed_, a, out, rows, scratch_.data());
      case Op::max_pool: return ops::max_pool<Backend>(a, out, s.factor, rows);
      case Op::average_pool: return ops::average_pool<Backend>(a, out, s.factor, rows);
      case Op::gate:
        return ops::gate(a, b, table_.data(), out_zero_point, s.factor, s.interpolation, out, rows, scratch_.data());
      case Op::upsample: return ops::upsample(a, out, s.factor, s.interpolation, rows);
      case Op::add: return ops::add<Backend>(a, b, sum, out, rows);
      case Op::concat: return ops::concat(a, b, out, rows);
      case Op::classify:
        return ops::classify<Backend>(a, s.factor, nullptr, ids(out), {}, rows, scratch_.data());
    }
  }
  void run() noexcept { run({0, shape_.out.height}); }

  /// The whole operator by its reference. @param out of the shape's output
  void reference(View<I8> out) const noexcept {
    using attendseg::Op;
    namespace law = attendseg::reference;
    const View<const I8> a = a_.view(), b = b_.view();
    const attendseg::OperatorShape& s = shape_;
    switch (s.op) {
      case Op::input: break;
      case Op::conv:
        return law::conv(s.conv, weight_, bias_, multiplier_, in_zero_point, out_zero_point, a, out);
      case Op::max_pool: return law::max_pool(a, out, s.factor);
      case Op::average_pool: return law::average_pool(a, out, s.factor);
      case Op::gate: return law::gate(a, b, table_.data(), out_zero_point, s.factor, s.interpolation, out);
      case Op::upsample: return law::upsample(a, out, s.factor, s.interpolation);
      case Op::add: return law::add(a, b, sum, out);
      case Op::concat: return law::concat(a, b, out);
      case Op::classify: return law::classify(a, s.factor, nullptr, ids(out), {});
    }
  }

  View<const I8> out() const { return out_.view(); }
  /// Nothing was written outside the output's rows.
  bool intact() const { return out_.intact(); }

 private:
  static constexpr int in_zero_point = -128, out_zero_point = 5;
  static constexpr attendseg::AddI8 sum{.ma = 19661, .mb = 14418, .shift = 15, .za = 5, .zb = -17, .zero_point = 11};

  static View<std::uint8_t> ids(View<I8> out) noexcept {
    return {reinterpret_cast<std::uint8_t*>(out.data), out.shape, out.row_stride};
  }
  std::size_t scratch_bytes() const {
    switch (shape_.op) {
      case attendseg::Op::conv: return packed_->scratch_bytes(shape_.out);
      case attendseg::Op::gate: return attendseg::ops::gate_scratch_bytes(shape_.out, shape_.factor);
      case attendseg::Op::classify: return attendseg::ops::classify_scratch_bytes(shape_.a, shape_.factor);
      default: return 0;
    }
  }

  attendseg::OperatorShape shape_;
  GuardedBytes<I8> a_, b_, out_;
  std::vector<I8> weight_;
  std::vector<std::int32_t> bias_;
  std::vector<float> multiplier_;
  std::vector<std::int16_t> table_;
  std::optional<attendseg::ops::BasicPackedConvI8<Backend>> packed_;
  attendseg::Buffer scratch_;
};

}  // namespace test
