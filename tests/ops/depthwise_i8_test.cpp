// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution against the law: chunks of channels, walks that share columns, and those that cannot.
#include "attendseg/ops/depthwise_i8.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "attendseg/reference/conv_i8.hpp"
#include "tests/support/random.hpp"

using namespace attendseg;
using namespace test;

namespace {

template <class Backend>
std::string run(const ConvSpec& s, const std::vector<std::int8_t>& weight, const std::vector<std::int32_t>& bias,
                const std::vector<float>& multiplier, View<const std::int8_t> in, View<const std::int8_t> wanted,
                int offset) {
  const auto packed = ops::BasicPackedConvI8<Backend>::create(s, weight, bias, multiplier, -9, 4);
  if (!packed) return packed.error().message;
  GuardedBytes<std::int8_t> out(wanted.shape, offset, offset), scratch(
      {1, static_cast<int>(packed->scratch_bytes(wanted.shape)), 1});
  const int height = wanted.shape.height;
  for (const Rows rows : {Rows{height / 2, height}, Rows{0, height / 2}})
    ops::detail::conv_depthwise(*packed, in, out.view(), rows, reinterpret_cast<std::byte*>(scratch.view().data));
  if (!out.intact() || !scratch.intact()) return "wrote outside its rows";
  return difference(View<const std::int8_t>(out.view()), wanted);
}

void check(ConvSpec s, int channels, int height, int width, int offset) {
  s.in_channels = s.out_channels = s.groups = channels;
  GuardedBytes<std::int8_t> in({height, width, channels}, offset, offset);
  const Shape shape = s.out_shape(in.view().shape);
  if (shape.height < 1 || shape.width < 1) return;
  const auto weight = random_weights(s.weights(), static_cast<std::uint64_t>(channels), offset == 3);
  const auto bias = random_values<std::int32_t>(channels, 2, {-3000, 3000});
  const auto multiplier = random_multipliers(channels, s.depth(), 3);
  in.fill(static_cast<std::uint64_t>(width), {-128, 127, offset == 3});
  Tensor<std::int8_t> wanted(shape);
  reference::conv(s, weight, bias, multiplier, -9, 4, in.view(), wanted.view());
  CAPTURE(channels);
  CAPTURE(s.kernel);
  CAPTURE(s.stride);
  CAPTURE(s.dilation);
  CAPTURE(s.padding);
  CAPTURE(width);
  const View<const std::int8_t> view = wanted.view();
  CHECK(run<simd::native>(s, weight, bias, multiplier, in.view(), view, offset) == "");
  CHECK(run<simd::Scalar>(s, weight, bias, multiplier, in.view(), view, offset) == "");
}

}  // namespace

TEST_CASE("every number of vectors of channels, and tails of them") {
  for (const int channels : {2, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 47, 48, 49, 56, 64, 65, 72, 80, 96, 97, 112,
                             113, 127, 128, 129, 144, 160, 192, 288})
    for (const int stride : {1, 2})
      check(ConvSpec{.kernel = 3, .stride = stride}.same(), channels, 4, 5, channels % 4);
}

TEST_CASE("strides, dilations and paddings, whether windows share columns or not") {
  int n = 0;
  for (const int kernel : {1, 2, 3, 4, 5, 7})
    for (const int stride : {1, 2, 3, 4})
      for (const int dilation : {1, 2, 3, 4, 6})
        for (const int padding : {0, 1, dilation, 2 * dilation * kernel})
          check({.kernel = kernel, .stride = stride, .dilation = dilation, .padding = padding}, 5 + n % 70, 5 + n % 9,
                1 + n % 23, n % 4),
              ++n;
}

TEST_CASE("every width") {
  for (int width = 1; width <= 40; ++width)
    for (const int stride : {1, 2})
      for (const int dilation : {1, 2})
        check(ConvSpec{.kernel = 3, .stride = stride, .dilation = dilation}.same(), 19, 3, width, width % 4);
}

TEST_CASE("the largest kernel") { check(ConvSpec{.kernel = 31}.same(), 33, 6, 9, 1); }
