// SPDX-License-Identifier: Apache-2.0
// From the description to the operators: the only place that says how AttendSeg is put together.
#pragma once

#include "attendseg/nn/blocks.hpp"
#include "attendseg/nn/description.hpp"
#include "attendseg/nn/graph.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// The operators of AttendSeg: stem, stages of inverted residual blocks with attention condensers, decoder, head.
/// Input [H, W, 3], H and W multiples of d.total_stride(); result [H / s, W / s, classes] scores, s = d.output_stride().
/// A constant expression where `d` is one. @return a graph; valid() is false when the description does not hold together
constexpr Graph lower(const Description& d) noexcept {
  Graph g;
  int x = g.input(3);
  x = g.conv("stem", x, {.out_channels = d.stem, .kernel = 3, .stride = 2, .activation = Activation::relu});
  std::array<int, max_stages + 1> outputs{x};  // the stem's, then the stages'
  const bool stem_joined = d.decoder_count == d.stage_count;
  for (int i = 0; i < d.stage_count; ++i) {
    const Stage& stage = d.stages[static_cast<std::size_t>(i)];
    for (int j = 0; j < stage.blocks; ++j) {
      if (i + j > 0 || stem_joined) g.begin_block();  // the stem runs with the first block, if nobody else reads it
      const Name name = ((Name("stage") + (i + 1)) + ".block") + (j + 1);
      x = nn::inverted_residual(g, name, x, stage.width, stage.expansion, j == 0 ? stage.stride : 1,
                                stage.dilations[static_cast<std::size_t>(j)], stage.condenser);
    }
    outputs[static_cast<std::size_t>(i + 1)] = x;
  }
  for (int i = 0; i < d.decoder_count; ++i) {
    g.begin_block();
    const int below = d.stage_count - 1 - i;  // the stage whose stride this step undoes
    x = nn::decoder_step(g, Name("decoder") + (i + 1), x, outputs[static_cast<std::size_t>(below)],
                         d.decoder[static_cast<std::size_t>(i)], d.stages[static_cast<std::size_t>(below)].stride);
  }
  g.conv("head", x, {.out_channels = d.classes});
  return g;
}

ATTENDSEG_NAMESPACE_END
