// SPDX-License-Identifier: Apache-2.0
// Float convolution against its law: sizes, strides, dilations, groups, views, shared rows, refused weights.
#include "attendseg/ops/conv_f32.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "attendseg/reference/conv_f32.hpp"
#include "attendseg/reference/depthwise_f32.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/random_f32.hpp"

using namespace attendseg;
using namespace test;

namespace {
struct Case {
  ConvSpec spec;
  std::vector<float> weight, bias;
  explicit Case(const ConvSpec& s)
      : spec(s),
        weight(random_floats(static_cast<std::size_t>(s.weights()), 11)),
        bias(random_floats(static_cast<std::size_t>(s.out_channels), 12)) {}
};

// Scratch that starts at an odd address, exactly as large as promised, with a guard behind it.
struct Scratch {
  explicit Scratch(std::size_t n) : bytes(n + 1 + 64, std::byte{0x5a}), size(n) {}
  std::byte* data() { return bytes.data() + 1; }
  bool intact() const {
    for (std::size_t i = size + 1; i < bytes.size(); ++i)
      if (bytes[i] != std::byte{0x5a}) return false;
    return bytes[0] == std::byte{0x5a};
  }
  std::vector<std::byte> bytes;
  std::size_t size;
};

// Runs one case and says how far from the law it is, in units of the bound (depth + 4) eps (sum |a w| + |bias|).
// The rows are computed in two calls, on guarded views; the result must equal, bit by bit, one call on dense views.
double distance(const Case& t, Shape in_shape, int offset, int gap) {
  CAPTURE(t.spec.in_channels);
  CAPTURE(t.spec.out_channels);
  CAPTURE(t.spec.kernel);
  CAPTURE(t.spec.stride);
  CAPTURE(t.spec.dilation);
  CAPTURE(t.spec.groups);
  CAPTURE(t.spec.padding);
  CAPTURE(in_shape.height);
  CAPTURE(in_shape.width);
  const auto packed = ops::PackedConvF32::create(t.spec, t.weight, t.bias);
  REQUIRE(packed.ok());
  const Shape out_shape = t.spec.out_shape(in_shape);
  if (out_shape.pixels() == 0) return 0.0;
  Guarded in(in_shape, offset, gap), out(out_shape, offset + 1, gap), whole(out_shape);
  in.fill(5);
  Scratch scratch(packed->scratch_bytes());
  const int cut = out_shape.height / 3;
  ops::conv(*packed, in.view(), out.view(), {cut, out_shape.height}, scratch.data());
  ops::conv(*packed, in.view(), out.view(), {0, cut}, scratch.data());
  CHECK(out.intact());
  CHECK(in.intact());
  CHECK(scratch.intact());
  Guarded dense(in_shape);
  for (int y = 0; y < in_shape.height; ++y)
    std::memcpy(dense.view().row(y), in.view().row(y),
                sizeof(float) * static_cast<std::size_t>(in_shape.width * in_shape.channels));
  ops::conv(*packed, dense.view(), whole.view(), {0, out_shape.height}, scratch.data());
  CHECK(same(out.view(), whole.view()));

  Tensor<float> wanted(out_shape), sums(out_shape), magnitudes(in_shape);
  reference::conv(t.spec, t.weight, t.bias, in.view(), wanted.view());
  for (int y = 0; y < in_shape.height; ++y)
    for (int x = 0; x < in_shape.width; ++x)
      for (int c = 0; c < in_shape.channels; ++c) magnitudes(y, x, c) = std::fabs(in.view()(y, x, c));
  Case absolute = t;
  absolute.spec.activation = Activation::none;
  for (float& w : absolute.weight) w = std::fabs(w);
  for (float& b : absolute.bias) b = std::fabs(b);
  reference::conv(absolute.spec, absolute.weight, absolute.bias, magnitudes.view(), sums.view());
  return worst(out.view(), wanted.view(),
               [&](int y, int x, int c) { return (t.spec.depth() + 4) * eps * sums(y, x, c); });
}

std::string refusal(const ConvSpec& s, std::vector<float> weight, std::vector<float> bias) {
  const auto r = ops::PackedConvF32::create(s, weight, bias);
  return r.ok() ? "" : r.error().message;
}
}  // namespace

TEST_CASE("pointwise convolution, every pair of awkward channels") {
  double largest = 0.0;
  for (const int i : awkward_channels)
    for (const int o : awkward_channels)
      for (const int stride : {1, 2})
        largest = std::fmax(largest, distance(Case({.in_channels = i,
                                                    .out_channels = o,
                                                    .stride = stride,
                                                    .activation = o % 2 == 0 ? Activation::relu6 : Activation::none}),
                                              {3, 5, i}, o % 3, i % 2 * 3));
  CHECK(largest <= 1.0);
}

TEST_CASE("dense convolution: sizes from 1x1, strides, dilations, paddings") {
  double largest = 0.0;
  for (const int i : {1, 3, 17})
    for (const int o : {1, 11, 24})
      for (const int kernel : {1, 2, 3, 5})
        for (const int stride : {1, 2})
          for (const int dilation : {1, 2, 4})
            for (const int padding : {0, 1, dilation * (kernel / 2)})
              for (const Shape in : {Shape{1, 1, i}, Shape{1, 7, i}, Shape{9, 2, i}, Shape{10, 13, i}})
                largest = std::fmax(largest, distance(Case({.in_channels = i,
                                                            .out_channels = o,
                                                            .kernel = kernel,
                                                            .stride = stride,
                                                            .dilation = dilation,
                                                            .padding = padding,
                                                            .activation = Activation::relu}),
                                                      in, 1, in.width % 2));
  CHECK(largest <= 1.0);
}

TEST_CASE("dense convolution of deep and wide pictures, more pixels than a tile") {
  double largest = 0.0;
  for (const Shape in : {Shape{3, 300, 16}, Shape{150, 2, 16}, Shape{13, 29, 64}, Shape{5, 6, 288}})
    largest = std::fmax(
        largest,
        distance(Case(ConvSpec{.in_channels = in.channels, .out_channels = 33, .kernel = 3}.same()), in, 0, 0));
  largest = std::fmax(largest, distance(Case({.in_channels = 24, .out_channels = 48}), {30, 31, 24}, 0, 0));
  CHECK(largest <= 1.0);
}

TEST_CASE("grouped convolution") {
  double largest = 0.0;
  struct Groups {
    int in, out, groups;
  };
  for (const Groups n : {Groups{4, 4, 2}, {6, 9, 3}, {8, 16, 8}, {48, 8, 4}, {64, 64, 2}, {5, 10, 5}})
    for (const int kernel : {1, 3})
      for (const int stride : {1, 2})
        for (const int dilation : {1, 2})
          largest = std::fmax(largest, distance(Case(ConvSpec{.in_channels = n.in,
                                                              .out_channels = n.out,
                                                              .kernel = kernel,
                                                              .stride = stride,
                                                              .dilation = dilation,
                                                              .groups = n.groups}
                                                         .same()),
                                                {7, 11, n.in}, 1, 1));
  CHECK(largest <= 1.0);
}

TEST_CASE("depthwise convolution, every awkward channel count") {
  double largest = 0.0;
  for (const int c : awkward_channels)
    for (const int kernel : {1, 3, 5})
      for (const int stride : {1, 2})
        for (const int dilation : {1, 2, 4})
          for (const int padding : {0, dilation * (kernel / 2)})
            for (const Shape in : {Shape{1, 1, c}, Shape{2, 3, c}, Shape{9, 19, c}})
              largest = std::fmax(largest, distance(Case({.in_channels = c,
                                                          .out_channels = c,
                                                          .kernel = kernel,
                                                          .stride = stride,
                                                          .dilation = dilation,
                                                          .groups = c,
                                                          .padding = padding,
                                                          .activation = c % 2 != 0 ? Activation::relu6
                                                                                   : Activation::none}),
                                                    in, c % 4, c % 3));
  CHECK(largest <= 1.0);
}

TEST_CASE("convolutions of rings of rows") {
  for (const int channels : {3, 24})
    for (const int stride : {1, 2})
      for (const int dilation : {1, 2})
        for (const int kernel : {1, 3})
          for (const int groups : {1, channels}) {
            const ConvSpec s = ConvSpec{.in_channels = channels,
                                        .out_channels = groups == 1 ? 17 : channels,
                                        .kernel = kernel,
                                        .stride = stride,
                                        .dilation = dilation,
                                        .groups = groups,
                                        .activation = Activation::relu}
                                   .same();
            const Case t(s);
            const auto packed = ops::PackedConvF32::create(s, t.weight, t.bias);
            REQUIRE(packed.ok());
            Guarded in({14, 37, channels}), whole(s.out_shape({14, 37, channels}));
            in.fill(8);
            Buffer scratch(packed->scratch_bytes());
            const auto run = [&](View<const float> a, View<float> out, Rows rows) {
              ops::conv(*packed, a, out, rows, scratch.data());
            };
            run(in.view(), whole.view(), {0, whole.view().shape.height});
            const int reach = (kernel - 1) * dilation;
            CHECK(same_in_rings(in.view(), reach + 1, whole.view(),
                                [&](int y) { return y * stride - s.padding + reach + 1; }, run));
          }
}

TEST_CASE("reference depthwise is the grouped convolution") {
  ConvSpec s = ConvSpec{.in_channels = 5, .out_channels = 5, .kernel = 3, .groups = 5}.same();
  const Case t(s);
  Guarded in({4, 6, 5}), a({4, 6, 5}), b({4, 6, 5});
  in.fill(1);
  reference::conv(s, t.weight, t.bias, in.view(), a.view());
  reference::depthwise(s, t.weight, t.bias, in.view(), b.view());
  CHECK(same(a.view(), b.view()));
}

TEST_CASE("running a convolution allocates nothing, however large the product") {
  struct Size {
    ConvSpec spec;
    Shape in;
  };
  for (const Size& size : {Size{{.in_channels = 1024, .out_channels = 512}, {40, 40, 1024}},
                           Size{{.in_channels = 288, .out_channels = 64, .kernel = 3, .padding = 1}, {20, 30, 288}},
                           Size{{.in_channels = 64, .out_channels = 64, .kernel = 3, .groups = 4}, {9, 9, 64}},
                           Size{{.in_channels = 64, .out_channels = 64, .kernel = 3, .groups = 64}, {9, 9, 64}}}) {
    const Case t(size.spec);
    const auto packed = ops::PackedConvF32::create(t.spec, t.weight, t.bias);
    REQUIRE(packed.ok());
    Tensor<float> in(size.in), out(t.spec.out_shape(size.in));
    Buffer scratch(packed->scratch_bytes());
    const auto before = test::allocations();
    ops::conv(*packed, in.view(), out.view(), {0, out.shape().height}, scratch.data());
    CHECK(test::allocations() == before);
  }
}

TEST_CASE("a convolution's errors name the field, the value met and the value wanted") {
  const ConvSpec s{.in_channels = 8, .out_channels = 12};
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  std::vector<float> weight(96), bias(12);
  CHECK(refusal(s, weight, bias).empty());
  CHECK(refusal(s, std::vector<float>(95), bias) == "weight: 95 values, expected 96");
  CHECK(refusal(s, weight, std::vector<float>(13)) == "bias: 13 values, expected 12");
  CHECK(refusal(s, {}, bias) == "weight: 0 values, expected 96");
  weight[7] = nan;
  CHECK(refusal(s, weight, bias) == "weight[7]: nan, expected finite");
  weight[7] = -infinity;
  CHECK(refusal(s, weight, bias) == "weight[7]: -inf, expected finite");
  weight[7] = 0.0F;
  bias[11] = infinity;
  CHECK(refusal(s, weight, bias) == "bias[11]: inf, expected finite");
  CHECK(refusal({.in_channels = 16, .out_channels = 12, .groups = 3}, weight, bias) ==
        "groups: 3, expected a divisor of in_channels 16");
  CHECK(refusal({.in_channels = 12, .out_channels = 16, .groups = 3}, weight, bias) ==
        "groups: 3, expected a divisor of out_channels 16");
  CHECK(refusal({.in_channels = 0, .out_channels = 16}, weight, bias) == "in_channels: 0, expected 1 to 65536");
  CHECK(refusal({.in_channels = 8, .out_channels = 12, .kernel = 0}, weight, bias) == "kernel: 0, expected 1 to 31");
  CHECK(refusal({.in_channels = 8, .out_channels = 12, .stride = -1}, weight, bias) ==
        "stride: -1, expected 1 to 1024");
  CHECK(refusal({.in_channels = 8, .out_channels = 12, .padding = -1}, weight, bias) ==
        "padding: -1, expected 0 to 32768");
  CHECK(refusal({.in_channels = 65536, .out_channels = 65536, .kernel = 31}, weight, bias) ==
        "weight: 4127463571456 values by its shape, expected at most 2^28");
}
