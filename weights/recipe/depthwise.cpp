// SPDX-License-Identifier: Apache-2.0
// Gradients of depthwise convolutions for training on a CPU; depthwise.py compiles and uses it.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <vector>

namespace {

constexpr int lanes = 32;  // channels at a time: the accumulators of a row of taps stay in registers

struct Shape {
  std::int64_t n, h, w, c;  // of the input
  std::int64_t oh, ow;      // of the output
  std::int64_t stride, padding, dilation;
};

/// Adds to taps [K*K][C] what output row oy of one picture gives: sum over x of input(y', x') * grad(y, x).
template <class T, int K>
void weight_row(const Shape& s, const T* input, const T* grad, std::int64_t oy, float* taps) {
  for (int ky = 0; ky < K; ++ky) {
    const std::int64_t y = oy * s.stride - s.padding + ky * s.dilation;
    if (y < 0 || y >= s.h) continue;
    for (std::int64_t c0 = 0; c0 < s.c; c0 += lanes) {
      const int some = static_cast<int>(std::min<std::int64_t>(lanes, s.c - c0));
      float sum[K][lanes] = {};
      const auto add = [&](int count) {
        for (std::int64_t ox = 0; ox < s.ow; ++ox) {
          const T* g = grad + (oy * s.ow + ox) * s.c + c0;
          for (int kx = 0; kx < K; ++kx) {
            const std::int64_t x = ox * s.stride - s.padding + kx * s.dilation;
            if (x < 0 || x >= s.w) continue;
            const T* v = input + (y * s.w + x) * s.c + c0;
            for (int i = 0; i < count; ++i) sum[kx][i] += static_cast<float>(v[i]) * static_cast<float>(g[i]);
          }
        }
      };
      some == lanes ? add(lanes) : add(some);
      for (int kx = 0; kx < K; ++kx)
        for (int i = 0; i < some; ++i) taps[(ky * K + kx) * s.c + c0 + i] += sum[kx][i];
    }
  }
}

/// Row y of the input's gradient of one picture: sum over taps of grad * weight, weight [K*K][C].
template <class T, int K>
void input_row(const Shape& s, const T* grad, const float* weight, std::int64_t y, T* out) {
  for (std::int64_t c0 = 0; c0 < s.c; c0 += lanes) {
    const int some = static_cast<int>(std::min<std::int64_t>(lanes, s.c - c0));
    for (std::int64_t x = 0; x < s.w; ++x) {
      float sum[lanes] = {};
      const auto add = [&](int count) {
        for (int ky = 0; ky < K; ++ky) {
          const std::int64_t ty = y + s.padding - ky * s.dilation;
          if (ty < 0 || ty % s.stride || ty / s.stride >= s.oh) continue;
          for (int kx = 0; kx < K; ++kx) {
            const std::int64_t tx = x + s.padding - kx * s.dilation;
            if (tx < 0 || tx % s.stride || tx / s.stride >= s.ow) continue;
            const T* g = grad + ((ty / s.stride) * s.ow + tx / s.stride) * s.c + c0;
            const float* w = weight + (ky * K + kx) * s.c + c0;
            for (int i = 0; i < count; ++i) sum[i] += static_cast<float>(g[i]) * w[i];
          }
        }
        for (int i = 0; i < count; ++i) out[x * s.c + c0 + i] = static_cast<T>(sum[i]);
      };
      some == lanes ? add(lanes) : add(some);
    }
  }
}

template <class T, int K>
void run(const Shape& s, const T* input, const T* grad, const float* weight, T* grad_input, float* grad_weight) {
  const std::int64_t picture = s.h * s.w * s.c, out = s.oh * s.ow * s.c, all_taps = K * K * s.c;
  std::vector<float> taps(static_cast<std::size_t>(s.n * all_taps));
  at::parallel_for(0, s.n, 1, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t n = from; n < to; ++n) {
      for (std::int64_t oy = 0; oy < s.oh; ++oy)
        weight_row<T, K>(s, input + n * picture, grad + n * out, oy, taps.data() + n * all_taps);
      for (std::int64_t y = 0; y < s.h; ++y)
        input_row<T, K>(s, grad + n * out, weight, y, grad_input + n * picture + y * s.w * s.c);
    }
  });
  for (std::int64_t n = 0; n < s.n; ++n)
    for (std::int64_t i = 0; i < all_taps; ++i) grad_weight[i] += taps[static_cast<std::size_t>(n * all_taps + i)];
}

/// @param input [N, C, H, W] and grad [N, C, H', W'], both float or both bfloat16  @param weight [C, 1, K, K] float, K 3 or 5
/// @return gradients of input (its type) and of weight (float)
std::tuple<at::Tensor, at::Tensor> backward(at::Tensor input, at::Tensor grad, const at::Tensor& weight, std::int64_t stride,
                                            std::int64_t padding, std::int64_t dilation) {
  const auto last = at::MemoryFormat::ChannelsLast;
  input = input.contiguous(last);
  grad = grad.to(input.scalar_type()).contiguous(last);
  const Shape s{input.size(0), input.size(2), input.size(3), input.size(1), grad.size(2), grad.size(3),
                stride, padding, dilation};
  const auto k = weight.size(2);
  TORCH_CHECK(k == 3 || k == 5, "weight: kernel ", k, ", expected 3 or 5");
  const at::Tensor taps = weight.view({s.c, k * k}).t().contiguous();
  at::Tensor grad_input = at::empty_like(input, last), grad_taps = at::zeros({k * k, s.c}, weight.options());
  const auto with = [&](auto* typed) {
    using T = std::remove_pointer_t<decltype(typed)>;
    const auto f = k == 3 ? run<T, 3> : run<T, 5>;
    f(s, input.const_data_ptr<T>(), grad.const_data_ptr<T>(), taps.const_data_ptr<float>(), grad_input.data_ptr<T>(),
      grad_taps.data_ptr<float>());
  };
  if (input.scalar_type() == at::kBFloat16) with(static_cast<at::BFloat16*>(nullptr));
  else with(static_cast<float*>(nullptr));
  // In the weight's own memory format, as DistributedDataParallel wants it.
  return {grad_input, at::empty_like(weight).copy_(grad_taps.t().reshape(weight.sizes()))};
}

}  // namespace

TORCH_LIBRARY(attendseg, m) { m.def("depthwise_backward", &backward); }
