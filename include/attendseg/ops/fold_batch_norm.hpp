// SPDX-License-Identifier: Apache-2.0
// Folds a batch normalisation into the convolution before it.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "attendseg/core/result.hpp"
#include "attendseg/ops/check_f32.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace ops {

/// y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, a channel each: spans of [out_channels].
struct BatchNorm {
  std::span<const float> gamma;
  std::span<const float> beta;
  std::span<const float> mean;
  std::span<const float> variance;
  float epsilon = 1e-5F;
};

/// Changes weight and bias in place, so that the convolution alone computes convolution and normalisation.
/// @param weight [out_channels, ...] (OHWI), out_channels = bias.size() @param bias [out_channels]; zeros if there
///        was none
/// @return an Error like "variance[3]: -1.000000, expected above -epsilon", and nothing changed; folded values
///         that overflow are refused as well. Computed in double and rounded once.
inline Status fold_batch_norm(std::span<float> weight, std::span<float> bias, const BatchNorm& norm) {
  const std::size_t channels = bias.size();
  if (channels == 0) return Error{"bias: 0 values, expected at least 1"};
  if (weight.empty() || weight.size() % channels != 0)
    return Error{"weight: " + std::to_string(weight.size()) + " values, expected a multiple of " +
                 std::to_string(channels)};
  const auto n = static_cast<std::int64_t>(channels);
  if (Status s = check_values("weight", weight, static_cast<std::int64_t>(weight.size())); !s) return s;
  if (Status s = check_values("bias", bias, n); !s) return s;
  if (Status s = check_values("gamma", norm.gamma, n); !s) return s;
  if (Status s = check_values("beta", norm.beta, n); !s) return s;
  if (Status s = check_values("mean", norm.mean, n); !s) return s;
  if (Status s = check_values("variance", norm.variance, n); !s) return s;
  if (Status s = check_values("epsilon", {&norm.epsilon, 1}, 1); !s) return s;
  const std::size_t depth = weight.size() / channels;
  const auto factor = [&](std::size_t c) {
    return double{norm.gamma[c]} / std::sqrt(double{norm.variance[c]} + double{norm.epsilon});
  };
  const auto shift = [&](std::size_t c) {
    return (double{bias[c]} - double{norm.mean[c]}) * factor(c) + double{norm.beta[c]};
  };
  const auto overflows = [](double x) { return !is_finite(static_cast<float>(x)); };
  const auto refused = [](const char* field, std::size_t i, const std::string& why) {
    return Error{std::string(field) + "[" + std::to_string(i) + "]: " + why};
  };
  for (std::size_t c = 0; c < channels; ++c) {
    if (!(double{norm.variance[c]} + double{norm.epsilon} > 0.0))
      return refused("variance", c, std::to_string(norm.variance[c]) + ", expected above -epsilon");
    if (overflows(shift(c))) return refused("bias", c, "overflows when folded, expected finite");
    for (std::size_t k = c * depth; k < (c + 1) * depth; ++k)
      if (overflows(double{weight[k]} * factor(c)))
        return refused("weight", k, "overflows when folded, expected finite");
  }
  for (std::size_t c = 0; c < channels; ++c) {
    bias[c] = static_cast<float>(shift(c));
    for (std::size_t k = c * depth; k < (c + 1) * depth; ++k)
      weight[k] = static_cast<float>(double{weight[k]} * factor(c));
  }
  return {};
}

}  // namespace ops
ATTENDSEG_NAMESPACE_END
