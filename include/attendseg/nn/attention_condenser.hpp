// SPDX-License-Identifier: Apache-2.0
// The attention condenser (Wong et al., TinySpeech 2020; AttendNets 2020; AttendSeg 2021), as operators of a graph:
//   Q = condense(V)   K = embed(Q)   A = expand(K)   V' = F(V, A, S) = S * V * sigmoid(A)
#pragma once

#include <cstdint>

#include "attendseg/core/spec.hpp"
#include "attendseg/nn/graph.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// How a condenser makes its map smaller.
enum class Condense : std::uint8_t { max, average };
/// How local and cross-channel relations are embedded: 1x1; grouped 3x3; depthwise 3x3 and then 1x1.
enum class Embedding : std::uint8_t { pointwise, grouped, depthwise };
/// One learned scale S for the layer, or one a channel.
enum class Scale : std::uint8_t { layer, channel };

/// Options of an attention condenser. channels == 0: no condenser.
struct Condenser {
  Condense condense = Condense::max;
  int factor = 2;  ///< 2 or 4
  Embedding embedding = Embedding::depthwise;
  int channels = 8;  ///< width of the embedding, 0 to 256
  int groups = 1;    ///< of the grouped embedding
  Interpolation expand = Interpolation::nearest;
  Scale scale = Scale::channel;
  bool twice = false;  ///< double condensing: the embedding is condensed by 2 and embedded once more ("double")

  /// How much smaller than V the attention map is computed, per axis.
  constexpr int total_factor() const noexcept { return factor * (twice ? 2 : 1); }
  friend constexpr bool operator==(const Condenser&, const Condenser&) = default;
};

namespace nn {

/// Adds an attention condenser over node `v` ([H, W, C], H and W multiples of o.total_factor()).
/// Attention is read from a condensed map: cheap, and local, so that a picture can be run in strips.
/// Tensors: `name.spatial` (depthwise embedding), `name.embed`, `name.embed2` (double condensing), `name.attend`,
/// `name.gate`. @return the index of V', shaped as V
constexpr int attention_condenser(Graph& g, const Name& name, int v, const Condenser& o) noexcept {
  const Op pool = o.condense == Condense::max ? Op::max_pool : Op::average_pool;
  const int width = g.channels(v);
  // Condense: where it pays to look.
  int k = g.pool(name + ".condense", v, pool, o.factor);
  // Embed: local relations (3x3) and relations across channels (1x1), in few channels.
  if (o.embedding == Embedding::depthwise)
    k = g.conv(name + ".spatial", k,
               {.out_channels = width, .kernel = 3, .groups = width, .activation = Activation::relu});
  const bool grouped = o.embedding == Embedding::grouped;
  k = g.conv(name + ".embed", k,
             {.out_channels = o.channels,
              .kernel = grouped ? 3 : 1,
              .groups = grouped ? o.groups : 1,
              .activation = Activation::relu});
  if (o.twice) {
    k = g.pool(name + ".condense2", k, pool, 2);
    k = g.conv(name + ".embed2", k, {.out_channels = o.channels, .kernel = 3, .activation = Activation::relu});
  }
  const int a = g.conv(name + ".attend", k, {.out_channels = width});
  // Expand, and attend selectively.
  return g.gate(name + ".gate", v, a, o.total_factor(), o.expand, o.scale == Scale::layer ? 1 : width);
}

}  // namespace nn
ATTENDSEG_NAMESPACE_END
