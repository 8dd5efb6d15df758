// SPDX-License-Identifier: Apache-2.0
// A folded batch normalisation computes what convolution and normalisation do one after the other.
#include "attendseg/ops/fold_batch_norm.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "attendseg/core/spec.hpp"
#include "attendseg/reference/batch_norm_f32.hpp"
#include "attendseg/reference/conv_f32.hpp"
#include "tests/support/random_f32.hpp"

using namespace attendseg;
using namespace test;

TEST_CASE("folded weights: the convolution alone equals convolution, then normalisation") {
  const ConvSpec s = ConvSpec{.in_channels = 5, .out_channels = 7, .kernel = 3}.same();
  std::vector<float> weight = random_floats(static_cast<std::size_t>(s.weights()), 1), bias = random_floats(7, 2);
  const auto gamma = random_floats(7, 3), beta = random_floats(7, 4), mean = random_floats(7, 5),
             variance = random_floats(7, 6, 0.0F, 3.0F);
  Guarded in({4, 6, 5}), plain({4, 6, 7}), wanted({4, 6, 7}), met({4, 6, 7});
  in.fill(7);
  reference::conv(s, weight, bias, in.view(), plain.view());
  reference::batch_norm(plain.view(), gamma, beta, mean, variance, 1e-3F, wanted.view());
  REQUIRE(ops::fold_batch_norm(weight, bias, {gamma, beta, mean, variance, 1e-3F}).ok());
  reference::conv(s, weight, bias, in.view(), met.view());
  // Three roundings (weight, bias, plain) of sums up to 46 terms of at most 4, enlarged by at most 2 / sqrt(variance).
  CHECK(worst(met.view(), wanted.view(), [&](int, int, int c) {
          return eps * (2 + 46 * 4 * 3 * std::fabs(gamma[c]) / std::sqrt(variance[c] + 1e-3));
        }) <= 1.0);
}

TEST_CASE("what cannot be folded is refused by name, and nothing is changed") {
  std::vector<float> weight(6, 1.0F), bias(3, 1.0F);
  const std::vector<float> one(3, 1.0F), two(2, 1.0F), zero(3, 0.0F);
  const auto message = [&](const ops::BatchNorm& n) {
    const Status s = ops::fold_batch_norm(weight, bias, n);
    return s.ok() ? std::string() : s.error().message;
  };
  CHECK(message({two, one, one, one}) == "gamma: 2 values, expected 3");
  CHECK(message({one, one, one, two}) == "variance: 2 values, expected 3");
  const std::vector<float> negative{1.0F, 1.0F, -1.0F}, nan{1.0F, std::numeric_limits<float>::quiet_NaN(), 1.0F};
  CHECK(message({one, one, one, negative}) == "variance[2]: -1.000000, expected above -epsilon");
  CHECK(message({one, nan, one, one}) == "beta[1]: nan, expected finite");
  CHECK(message({one, one, one, zero, 0.0F}) == "variance[0]: 0.000000, expected above -epsilon");
  const std::vector<float> huge(3, 3e38F), tiny(3, 1e-30F);
  CHECK(message({huge, one, zero, tiny, 0.0F}) == "bias[0]: overflows when folded, expected finite");
  CHECK(weight == std::vector<float>(6, 1.0F));
  CHECK(bias == std::vector<float>(3, 1.0F));
  CHECK(ops::fold_batch_norm(std::span<float>(weight).first(5), bias, {one, one, one, one}).error().message ==
        "weight: 5 values, expected a multiple of 3");
}
