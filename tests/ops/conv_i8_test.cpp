// SPDX-License-Identifier: Apache-2.0
// The int8 convolution against its law, bit by bit, on the native and on the portable backend.
#include "attendseg/ops/conv_i8.hpp"

#include <bit>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "attendseg/reference/add_i8.hpp"
#include "attendseg/reference/conv_i8.hpp"
#include "tests/support/random.hpp"
#if defined(ATTENDSEG_BACKEND_AVX512VNNI)
#include "tests/support/emulated_tiles.hpp"
#endif

using namespace attendseg;
using namespace test;

namespace {

/// One convolution and one picture.
struct Case {
  ConvSpec spec;
  int height = 1, width = 1;
  int in_zero_point = 0, out_zero_point = 0;
  int offset = 0, gap = 0;  ///< misalignment of the views
  bool extremes = false;    ///< all activations -128 or 127, all weights -127 or 127
};

std::uint64_t seed_of(const Case& t) {
  const ConvSpec& s = t.spec;
  std::uint64_t seed = 17;
  for (const int n : {s.in_channels, s.out_channels, s.kernel, s.stride, s.dilation, s.groups, s.padding, t.height,
                      t.width, t.in_zero_point, t.out_zero_point})
    seed = seed * 1000003 + static_cast<std::uint64_t>(n);
  return seed;
}

struct Parameters {
  explicit Parameters(const Case& t)
      : weight(random_weights(t.spec.weights(), seed_of(t), t.extremes)),
        bias(random_values<std::int32_t>(t.spec.out_channels, seed_of(t) + 1, {-3000, 3000})),
        multiplier(random_multipliers(t.spec.out_channels, t.spec.depth(), seed_of(t) + 2)) {}
  std::vector<std::int8_t> weight;
  std::vector<std::int32_t> bias;
  std::vector<float> multiplier;
};

/// Empty, or what is wrong with this backend's result; rows in three calls, the last ones first.
template <class Backend>
std::string run(const Case& t, const Parameters& p, View<const std::int8_t> in, View<const std::int8_t> wanted) {
  auto packed = ops::BasicPackedConvI8<Backend>::create(t.spec, p.weight, p.bias, p.multiplier, t.in_zero_point,
                                                        t.out_zero_point);
  if (!packed) return packed.error().message;
  GuardedBytes<std::int8_t> out(wanted.shape, t.offset, t.gap);
  GuardedBytes<std::int8_t> scratch({1, static_cast<int>(packed->scratch_bytes(wanted.shape)), 1});
  std::byte* const work = reinterpret_cast<std::byte*>(scratch.view().data);
  const int height = wanted.shape.height, third = height / 3;
  ops::conv(*packed, in, out.view(), {height - third, height}, work);
  ops::conv(*packed, in, out.view(), {0, third}, work);
  ops::conv(*packed, in, out.view(), {third, height - third}, work);
  if (!out.intact()) return "wrote outside its rows";
  if (!scratch.intact()) return "wrote outside its scratch";
  return difference(View<const std::int8_t>(out.view()), wanted);
}

/// Empty, or what is wrong when rows are computed one by one, from a ring of the input rows under each into a ring.
template <class Backend>
std::string run_in_rings(const Case& t, const Parameters& p, View<const std::int8_t> in,
                         View<const std::int8_t> wanted) {
  auto packed = ops::BasicPackedConvI8<Backend>::create(t.spec, p.weight, p.bias, p.multiplier, t.in_zero_point,
                                                        t.out_zero_point);
  if (!packed) return packed.error().message;
  const int held = (t.spec.kernel - 1) * t.spec.dilation + 1, out_held = 3;
  GuardedBytes<std::int8_t> in_rows({held, in.shape.width, in.shape.channels}, t.offset, t.gap);
  GuardedBytes<std::int8_t> out_rows({out_held, wanted.shape.width, wanted.shape.channels}, t.offset, t.gap);
  const View<std::int8_t> from(in_rows.view().data, in.shape, in_rows.view().row_stride, held);
  const View<std::int8_t> to(out_rows.view().data, wanted.shape, out_rows.view().row_stride, out_held);
  Buffer scratch(packed->scratch_bytes(wanted.shape));
  const std::size_t in_bytes = static_cast<std::size_t>(in.shape.width) * static_cast<std::size_t>(in.shape.channels);
  const std::size_t out_bytes =
      static_cast<std::size_t>(wanted.shape.width) * static_cast<std::size_t>(wanted.shape.channels);
  int next = 0;
  for (int y = 0; y < wanted.shape.height; ++y) {
    for (; next < in.shape.height && next < y * t.spec.stride - t.spec.padding + held; ++next)
      std::memcpy(from.row(next), in.row(next), in_bytes);
    ops::conv(*packed, View<const std::int8_t>(from), to, {y, y + 1}, scratch.data());
    if (std::memcmp(to.row(y), wanted.row(y), out_bytes) != 0) return "row " + std::to_string(y) + " differs";
  }
  return out_rows.intact() ? "" : "wrote outside its rows";
}

/// Empty, or what is wrong with a residual sum; beside the residual, and in its place.
template <class Backend>
std::string run_sum(const Case& t, const Parameters& p, View<const std::int8_t> in, View<const std::int8_t> residual,
                    const AddI8& sum, View<const std::int8_t> wanted) {
  auto packed = ops::BasicPackedConvI8<Backend>::create(t.spec, p.weight, p.bias, p.multiplier, t.in_zero_point,
                                                        t.out_zero_point);
  if (!packed) return packed.error().message;
  GuardedBytes<std::int8_t> scratch({1, static_cast<int>(packed->scratch_bytes(wanted.shape)), 1});
  std::byte* const work = reinterpret_cast<std::byte*>(scratch.view().data);
  for (const bool in_place : {false, true}) {
    GuardedBytes<std::int8_t> out(wanted.shape, t.offset, t.gap);
    for (int y = 0; y < wanted.shape.height; ++y)
      std::memcpy(out.view().row(y), residual.row(y),
                  static_cast<std::size_t>(wanted.shape.width) * static_cast<std::size_t>(wanted.shape.channels));
    const View<const std::int8_t> from = in_place ? View<const std::int8_t>(out.view()) : residual;
    const int half = wanted.shape.height / 2;
    ops::conv_add(*packed, in, from, sum, out.view(), {half, wanted.shape.height}, work);
    ops::conv_add(*packed, in, from, sum, out.view(), {0, half}, work);
    if (!out.intact()) return "wrote outside its rows";
    if (!scratch.intact()) return "wrote outside its scratch";
    const std::string wrong = difference(View<const std::int8_t>(out.view()), wanted);
    if (!wrong.empty()) return (in_place ? "in place: " : "beside: ") + wrong;
  }
  return {};
}

void check_sum(const Case& t) {
  const Parameters p(t);
  GuardedBytes<std::int8_t> in({t.height, t.width, t.spec.in_channels}, t.offset, t.gap);
  in.fill(seed_of(t) + 3, {-128, 127, t.extremes});
  const Shape shape = t.spec.out_shape(in.view().shape);
  GuardedBytes<std::int8_t> residual(shape, t.gap, t.offset);
  residual.fill(seed_of(t) + 4, {-128, 127, t.extremes});
  const AddI8 sum{.ma = 19661, .mb = 25087, .shift = 15, .za = -7, .zb = t.out_zero_point, .zero_point = 11};
  Tensor<std::int8_t> middle(shape), wanted(shape);
  reference::conv(t.spec, p.weight, p.bias, p.multiplier, t.in_zero_point, t.out_zero_point, in.view(), middle.view());
  reference::add(residual.view(), std::as_const(middle).view(), sum, wanted.view());
  CAPTURE(t.spec.in_channels);
  CAPTURE(t.spec.out_channels);
  CAPTURE(t.spec.kernel);
  CAPTURE(t.spec.groups);
  CAPTURE(t.height);
  CAPTURE(t.width);
  const View<const std::int8_t> from = residual.view(), result = std::as_const(wanted).view();
  CHECK(run_sum<simd::native>(t, p, in.view(), from, sum, result) == "");
  CHECK(run_sum<simd::Scalar>(t, p, in.view(), from, sum, result) == "");
#if defined(ATTENDSEG_BACKEND_AVX512VNNI)
  CHECK(run_sum<simd::BasicAmx<EmulatedTiles>>(t, p, in.view(), from, sum, result) == "");
#endif
}

/// @return the hash of the result
std::uint64_t check(const Case& t) {
  const Parameters p(t);
  GuardedBytes<std::int8_t> in({t.height, t.width, t.spec.in_channels}, t.offset, t.gap);
  in.fill(seed_of(t) + 3, {-128, 127, t.extremes});
  Tensor<std::int8_t> wanted(t.spec.out_shape(in.view().shape));
  reference::conv(t.spec, p.weight, p.bias, p.multiplier, t.in_zero_point, t.out_zero_point, in.view(), wanted.view());
  CAPTURE(t.spec.in_channels);
  CAPTURE(t.spec.out_channels);
  CAPTURE(t.spec.kernel);
  CAPTURE(t.spec.stride);
  CAPTURE(t.spec.dilation);
  CAPTURE(t.spec.groups);
  CAPTURE(t.spec.padding);
  CAPTURE(t.height);
  CAPTURE(t.width);
  const auto view = std::as_const(wanted).view();
  CHECK(run<simd::native>(t, p, in.view(), view) == "");
  CHECK(run<simd::Scalar>(t, p, in.view(), view) == "");
  CHECK(run_in_rings<simd::native>(t, p, in.view(), view) == "");
#if defined(ATTENDSEG_BACKEND_AVX512VNNI)
  CHECK(run<simd::BasicAmx<EmulatedTiles>>(t, p, in.view(), view) == "");
  CHECK(!EmulatedTiles::state.configured);
  CHECK(EmulatedTiles::state.fault == "");
#endif
  return hash_of(view);
}

constexpr int channel_counts[] = {1, 3, 5, 11, 16, 17, 24, 33, 48, 64, 100};

}  // namespace

TEST_CASE("pointwise convolution equals its reference at every channel count, tail and misalignment") {
  int n = 0;
  for (const int in : {1, 3, 4, 5, 16, 17, 33, 64, 100})
    for (const int out : channel_counts) {
      const int k = n++;
      check({.spec = {.in_channels = in, .out_channels = out},
             .height = 1 + k % 3,
             .width = 1 + k % 29,
             .in_zero_point = k % 2 ? 17 : -128,
             .out_zero_point = k % 3 - 1,
             .offset = k % 4,
             .gap = k % 3 * 5});
    }
  check({.spec = {.in_channels = 288, .out_channels = 288}, .height = 2, .width = 13});
  check({.spec = {.in_channels = 144, .out_channels = 288}, .height = 5, .width = 5});
}

TEST_CASE("pointwise convolution equals its reference at every width") {
  for (int width = 1; width <= 60; ++width)
    for (const int channels : {8, 24})
      check({.spec = {.in_channels = channels, .out_channels = 40, .activation = Activation::relu},
             .height = 2,
             .width = width,
             .in_zero_point = -128,
             .out_zero_point = -128});
}

TEST_CASE("convolutions with strides, dilations and paddings equal their reference") {
  for (const int kernel : {1, 2, 3, 5})
    for (const int stride : {1, 2, 3})
      for (const int dilation : {1, 2, 4})
        for (const int padding : {0, 1, dilation * (kernel / 2)})
          for (const int side : {1, 2, 5, 9}) {
            const ConvSpec spec{.in_channels = 3,
                                .out_channels = 24,
                                .kernel = kernel,
                                .stride = stride,
                                .dilation = dilation,
                                .padding = padding,
                                .activation = Activation::relu6};
            const Shape out = spec.out_shape({side, side + 3, 3});
            if (out.height < 1 || out.width < 1) continue;
            check({.spec = spec, .height = side, .width = side + 3, .in_zero_point = 127, .out_zero_point = -100,
                   .offset = 1, .gap = 3});
          }
}

TEST_CASE("3x3 convolutions equal their reference at every channel count") {
  for (const int in : {1, 5, 16, 33})
    for (const int out : channel_counts)
      check({.spec = ConvSpec{.in_channels = in, .out_channels = out, .kernel = 3}.same(),
             .height = 3,
             .width = 7,
             .in_zero_point = -3,
             .out_zero_point = 5});
  check({.spec = ConvSpec{.in_channels = 64, .out_channels = 64, .kernel = 3, .dilation = 2}.same(),
         .height = 6, .width = 11, .in_zero_point = -128, .offset = 3, .gap = 1});
}

TEST_CASE("dense kernels equal their reference on wide pictures and narrow ones") {
  for (const int width : {1, 2, 4, 6, 7, 11, 12, 13, 23, 24, 25, 47, 48, 49, 50, 95, 97, 131})
    for (const int stride : {1, 2}) {
      check({.spec = ConvSpec{.in_channels = 3, .out_channels = 24, .kernel = 3, .stride = stride}.same(),
             .height = 4, .width = width, .in_zero_point = -128, .out_zero_point = 3, .offset = width % 3, .gap = 1});
      check({.spec = ConvSpec{.in_channels = 32, .out_channels = 70, .kernel = 3, .stride = stride}.same(),
             .height = 3, .width = width, .in_zero_point = 9, .out_zero_point = -128, .gap = width % 5});
    }
  // Paddings larger than the picture, kernels larger than it, strides larger than the kernel.
  check({.spec = {.in_channels = 5, .out_channels = 9, .padding = 3}, .height = 2, .width = 3, .in_zero_point = 40});
  check({.spec = {.in_channels = 5, .out_channels = 9, .stride = 3, .padding = 7}, .height = 1, .width = 1});
  check({.spec = {.in_channels = 2, .out_channels = 7, .kernel = 9, .padding = 11}, .height = 3, .width = 2});
  check({.spec = {.in_channels = 2, .out_channels = 7, .kernel = 2, .stride = 5}, .height = 18, .width = 33});
  check({.spec = {.in_channels = 1, .out_channels = 1, .kernel = 31, .padding = 15}, .height = 2, .width = 5});
  check({.spec = {.in_channels = 300, .out_channels = 20, .kernel = 3, .dilation = 3, .padding = 3},
         .height = 7, .width = 5, .in_zero_point = -1});
}

TEST_CASE("a convolution with a residual sum equals both references, beside the residual and in its place") {
  for (const int out : channel_counts)
    for (const int width : {1, 5, 24, 49})
      check_sum({.spec = {.in_channels = 2 * out, .out_channels = out}, .height = 1 + width % 4, .width = width,
                 .in_zero_point = -128, .out_zero_point = 5, .offset = width % 3, .gap = out % 4});
  for (const int width : {1, 7, 30, 60})
    for (const int groups : {1, 2})
      for (const int stride : {1, 2})
        check_sum({.spec = ConvSpec{.in_channels = 6, .out_channels = 22, .kernel = 3, .stride = stride,
                                    .groups = groups, .activation = Activation::relu}.same(),
                   .height = 5, .width = width, .in_zero_point = 3, .out_zero_point = -128, .offset = 1, .gap = 2,
                   .extremes = width == 7});
}

TEST_CASE("grouped convolutions equal their reference") {
  for (const int groups : {2, 3, 4, 8})
    for (const int each_in : {1, 2, 3, 16, 17})
      for (const int each_out : {1, 2, 5, 16, 33}) {
        if (each_in == 1 && each_out == 1) continue;
        check({.spec = ConvSpec{.in_channels = groups * each_in,
                                .out_channels = groups * each_out,
                                .kernel = each_in == 3 ? 1 : 3,
                                .stride = 1 + each_out % 2,
                                .groups = groups}
                           .same(),
               .height = 4,
               .width = 9,
               .in_zero_point = 17,
               .out_zero_point = -128,
               .offset = 1,
               .gap = 2});
      }
}

TEST_CASE("depthwise convolutions equal their reference") {
  for (const int channels : {2, 3, 5, 11, 16, 17, 24, 33, 48, 64, 100, 288})
    for (const int stride : {1, 2})
      for (const int dilation : {1, 2, 4})
        for (const int padding : {0, dilation, 1}) {
          const ConvSpec spec{.in_channels = channels,
                              .out_channels = channels,
                              .kernel = 3,
                              .stride = stride,
                              .dilation = dilation,
                              .groups = channels,
                              .padding = padding,
                              .activation = Activation::relu};
          const int height = 2 * dilation + 2, width = 2 * dilation + 1 + channels % 7;
          check({.spec = spec, .height = height, .width = width, .in_zero_point = channels % 2 ? -128 : 17,
                 .out_zero_point = -128, .offset = channels % 4, .gap = dilation});
        }
  for (int width = 1; width <= 55; ++width)
    for (const int stride : {1, 2})
      check({.spec = ConvSpec{.in_channels = 7, .out_channels = 7, .kernel = 3, .stride = stride, .groups = 7}.same(),
             .height = 1 + width % 3, .width = width, .in_zero_point = 127, .out_zero_point = 3, .gap = 1});
  for (const int kernel : {1, 2, 4, 5, 7, 9})
    check({.spec =
               ConvSpec{.in_channels = 19, .out_channels = 19, .kernel = kernel, .dilation = 2, .groups = 19}.same(),
           .height = 9, .width = 30, .in_zero_point = -7});
}

TEST_CASE("extreme activations and weights neither overflow nor saturate on the way") {
  for (const int zero_point : {-128, 127, 0})
    for (const int channels : {1, 4, 64, 288}) {
      check({.spec = {.in_channels = channels, .out_channels = 33}, .height = 3, .width = 9,
             .in_zero_point = zero_point, .out_zero_point = zero_point, .extremes = true});
      const ConvSpec depthwise{.in_channels = channels, .out_channels = channels, .kernel = 3, .groups = channels};
      check({.spec = depthwise.same(),
             .height = 3, .width = 9, .in_zero_point = zero_point, .out_zero_point = zero_point, .extremes = true});
    }
  // All products of one sign: every activation -128, weights all 127 or all -127.
  for (const int sign : {-1, 1})
    for (const int groups : {1, 64}) {
      const Case t{.spec = ConvSpec{.in_channels = 64, .out_channels = 64, .kernel = 3, .groups = groups}.same(),
                   .height = 4, .width = 5, .in_zero_point = 127};
      Parameters p(t);
      for (auto& w : p.weight) w = static_cast<std::int8_t>(127 * sign);
      for (auto& m : p.multiplier) m = 0.000061F;
      Tensor<std::int8_t> in({4, 5, 64}), wanted({4, 5, 64});
      std::memset(in.data(), -128, 4 * 5 * 64);
      reference::conv(t.spec, p.weight, p.bias, p.multiplier, 127, 0, in.view(), wanted.view());
      CHECK(run<simd::native>(t, p, in.view(), wanted.view()) == "");
      CHECK(run<simd::Scalar>(t, p, in.view(), wanted.view()) == "");
    }
}

TEST_CASE("requantisation rounds to nearest even and clamps for results up to 2^30") {
  // One product of one: sums are the biases.
  std::vector<std::int32_t> bias;
  std::vector<float> multiplier;
  const auto add = [&](std::int32_t b, float m) { bias.push_back(b), multiplier.push_back(m); };
  for (int b = -300; b <= 300; ++b) add(b, 0.5F), add(b, 0.25F), add(b, 0.125F);
  Random random(5);
  for (int i = 0; i < 5000; ++i) {
    const int magnitude = random.between(0, 29);
    const std::int32_t large = random.between(-(1 << magnitude), 1 << magnitude), small = random.between(-2000, 2000);
    const float m = static_cast<float>(random.between(1, 1 << 24));
    add(large, m * 0x1p-25F), add(small, m * 0x1p-23F);
  }
  for (const std::int32_t b : {1 << 29, -(1 << 29), (1 << 30) - 4096, -(1 << 30) + 4096, 32767, 32768, -32768, -32769})
    add(b, 1.0F), add(b / 2, 1.75F);
  add(2147483391, 0x1p-20F), add(-2147483391, 0x1p-24F), add(-2147483391, 0x1p-126F);
  const int n = static_cast<int>(bias.size());
  const Case t{.spec = {.in_channels = 1, .out_channels = n}};
  Parameters p(t);
  p.weight.assign(p.weight.size(), 1);
  p.bias = bias;
  p.multiplier = multiplier;
  std::uint64_t hash = 0;
  for (const int zero_point : {-128, 0, 17, 127}) {
    Case with = t;
    with.out_zero_point = zero_point;
    Tensor<std::int8_t> in({1, 1, 1}), wanted({1, 1, n});
    reference::conv(with.spec, p.weight, p.bias, p.multiplier, 0, zero_point, in.view(), wanted.view());
    CHECK(run<simd::native>(with, p, in.view(), wanted.view()) == "");
    CHECK(run<simd::Scalar>(with, p, in.view(), wanted.view()) == "");
    hash = hash_of(wanted.view(), hash);
  }
  CHECK(hash == 16030918103755584785U);
}

TEST_CASE("every machine, compiler and flag gives these bits") {
  std::uint64_t hash = 0;
  for (const int channels : {3, 17, 64}) {
    const ConvSpec dense{.in_channels = channels, .out_channels = 48, .kernel = 3, .stride = 2};
    hash = hash * 31 + check({.spec = dense.same(),
                              .height = 9, .width = 13, .in_zero_point = 3, .out_zero_point = -9});
    hash = hash * 31 + check({.spec = ConvSpec{.in_channels = channels, .out_channels = channels, .kernel = 3,
                                               .groups = channels, .activation = Activation::relu}.same(),
                              .height = 9, .width = 13, .in_zero_point = -128, .out_zero_point = -128});
  }
  CHECK(hash == 8151079596759669533U);
}

#if defined(ATTENDSEG_BACKEND_AVX512VNNI)
TEST_CASE("AMX: tiles are configured once a call and released; create() says when the kernel refuses them") {
  using Packed = ops::BasicPackedConvI8<simd::BasicAmx<EmulatedTiles>>;
  const std::vector<std::int8_t> weight(288 * 40, 3);
  const std::vector<std::int32_t> bias(40, 7);
  const std::vector<float> multiplier(40, 0.01F);
  const ConvSpec spec{.in_channels = 288, .out_channels = 40};
  const auto packed = Packed::create(spec, weight, bias, multiplier, -128, 0);
  REQUIRE(packed);
  CHECK(packed->run_steps() == 75);  // 72 in parts of 15, as 16 do not divide them
  Tensor<std::int8_t> in({9, 11, 288}), out({9, 11, 40});
  Buffer scratch(packed->scratch_bytes(out.shape()));
  const int before = EmulatedTiles::state.configurations;
  ops::conv(*packed, std::as_const(in).view(), out.view(), {0, 9}, scratch.data());
  CHECK(EmulatedTiles::state.configurations == before + 1);
  CHECK(!EmulatedTiles::state.configured);
  EmulatedTiles::permission = false;
  const auto refused = Packed::create(spec, weight, bias, multiplier, -128, 0);
  EmulatedTiles::permission = true;
  REQUIRE(!refused);
  CHECK(refused.error().message.find("refused by this processor or its kernel") != std::string::npos);
}
#endif

TEST_CASE("create() refuses what cannot be computed, naming the field") {
  const ConvSpec good = ConvSpec{.in_channels = 2, .out_channels = 3, .kernel = 3}.same();
  const std::vector<std::int8_t> weight(54, 1);
  const std::vector<std::int32_t> bias(3, 7);
  const std::vector<float> multiplier(3, 0.01F);
  const auto message = [&](const ConvSpec& s, const std::vector<std::int8_t>& w, const std::vector<std::int32_t>& b,
                           const std::vector<float>& m, int in_zero = 0, int out_zero = 0) {
    const auto packed = ops::PackedConvI8::create(s, w, b, m, in_zero, out_zero);
    return packed ? std::string() : packed.error().message;
  };
  const auto changed = [](auto values, std::size_t i, auto value) {
    values[i] = static_cast<typename decltype(values)::value_type>(value);
    return values;
  };
  const auto with = [&](int ConvSpec::* field, int value) {
    ConvSpec s = good;
    s.*field = value;
    return message(s, weight, bias, multiplier);
  };
  CHECK(message(good, weight, bias, multiplier) == "");
  CHECK(with(&ConvSpec::in_channels, 0) == "in_channels: 0, expected 1 to 65536");
  CHECK(with(&ConvSpec::out_channels, -3) == "out_channels: -3, expected 1 to 65536");
  CHECK(with(&ConvSpec::kernel, 0) == "kernel: 0, expected 1 to 31");
  CHECK(with(&ConvSpec::stride, 0) == "stride: 0, expected 1 to 64");
  CHECK(with(&ConvSpec::dilation, 0) == "dilation: 0, expected 1 to 256");
  CHECK(with(&ConvSpec::padding, -1) == "padding: -1, expected 0 to 8192");
  CHECK(with(&ConvSpec::groups, 3) == "groups: 3, expected 1 to 2");
  CHECK(with(&ConvSpec::groups, 2) == "groups: 2, expected a divisor of 2 in_channels and 3 out_channels");
  CHECK(message(good, weight, bias, multiplier, -129) == "in_zero_point: -129, expected -128 to 127");
  CHECK(message(good, weight, bias, multiplier, 0, 128) == "out_zero_point: 128, expected -128 to 127");
  CHECK(message(good, {1, 2}, bias, multiplier) == "weight: 2, expected 54 values");
  CHECK(message(good, weight, {1, 2}, multiplier) == "bias: 2, expected 3 values");
  CHECK(message(good, weight, bias, {0.1F}) == "multiplier: 1, expected 3 values");
  CHECK(message(good, changed(weight, 20, -128), bias, multiplier) == "weight[20]: -128, expected -127 to 127");
  const std::string wanted = "expected a positive, finite, normal number";
  for (const std::uint32_t bits : {0x00000000U, 0x80000000U, 0x00000001U, 0x007FFFFFU, 0x7F800000U, 0xFF800000U,
                                   0x7FC00000U, 0xBF800000U}) {
    const std::string met = message(good, weight, bias, changed(multiplier, 1, std::bit_cast<float>(bits)));
    CAPTURE(bits);
    CHECK(met.starts_with("multiplier[1]: "));
    CHECK(met.ends_with(wanted));
  }
  CHECK(message(good, weight, bias, changed(multiplier, 1, std::bit_cast<float>(0x00800000U))) == "");
  // 255 * 18 + abs(bias) must stay below 2^31.
  CHECK(message(good, weight, changed(bias, 2, 2147479057), changed(multiplier, 2, 0.1F)) == "");
  CHECK(message(good, weight, changed(bias, 2, -2147479057), changed(multiplier, 2, 0.1F)) == "");
  for (const std::int64_t b : {std::int64_t{2147479058}, std::int64_t{2147483647}, -std::int64_t{2147483648}})
    CHECK(message(good, weight, changed(bias, 2, b), changed(multiplier, 2, 0.1F)) ==
          "bias[2]: " + std::to_string(b) +
              ", expected with the weights (sum of absolute values 18) to fit a 32-bit sum");
  CHECK(message(good, weight, changed(bias, 0, 2147479057), changed(multiplier, 0, 0.6F))
            .ends_with("expected less than 2^30 divided by the largest sum, 2147483647"));
}
