// SPDX-License-Identifier: Apache-2.0
// The blocks of AttendSeg's figure, as operators of a graph: inverted residual, decoder step, head.
#pragma once

#include "attendseg/nn/attention_condenser.hpp"
#include "attendseg/nn/graph.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace nn {

/// Inverted residual block (MobileNetV2) with an attention condenser on the expanded features:
/// 1x1 expand, 3x3 depthwise, condenser, 1x1 project; the input is added where the shapes agree.
/// @return the index of its output, [H / stride, W / stride, width]
constexpr int inverted_residual(Graph& g, const Name& name, int x, int width, int expansion, int stride, int dilation,
                                const Condenser& condenser) noexcept {
  const int wide = g.channels(x) * expansion;
  int y = g.conv(name + ".expand", x, {.out_channels = wide, .activation = Activation::relu});
  y = g.conv(name + ".depthwise", y,
             {.out_channels = wide,
              .kernel = 3,
              .stride = stride,
              .dilation = dilation,
              .groups = wide,
              .activation = Activation::relu});
  if (condenser.channels > 0) y = attention_condenser(g, name + ".condenser", y, condenser);
  y = g.conv(name + ".project", y, {.out_channels = width});
  return stride == 1 && g.channels(x) == width ? g.add(name + ".add", x, y) : y;
}

/// Decoder step: 1x1 reduction of the deep map, enlargement by `factor`, sum with the reduced skip, 3x3 fusion.
/// Reducing before enlarging costs factor^2 fewer products. @return the index of its output, [skip's H, W, width]
constexpr int decoder_step(Graph& g, const Name& name, int deep, int skip, int width, int factor) noexcept {
  int x = g.conv(name + ".reduce", deep, {.out_channels = width});
  if (factor > 1) x = g.upsample(name + ".upsample", x, factor, Interpolation::bilinear);
  const int s = g.conv(name + ".skip", skip, {.out_channels = width});
  x = g.add(name + ".add", x, s);
  return g.conv(name + ".fuse", x, {.out_channels = width, .kernel = 3, .activation = Activation::relu});
}

}  // namespace nn
ATTENDSEG_NAMESPACE_END
