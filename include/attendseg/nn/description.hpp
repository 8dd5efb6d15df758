// SPDX-License-Identifier: Apache-2.0
// AttendSeg as data: a constexpr plain aggregate of fixed capacity. io/description_json.hpp reads and writes it.
#pragma once

#include <array>

#include "attendseg/nn/attention_condenser.hpp"
#include "attendseg/nn/graph.hpp"

ATTENDSEG_NAMESPACE_BEGIN

inline constexpr int max_stages = 4;
inline constexpr int max_blocks = 12;

/// A run of inverted residual blocks: one block a dilation, the first one carries the stride.
struct Stage {
  int width = 0;      ///< channels, 1 to 512
  int stride = 2;     ///< 1 or 2
  int expansion = 2;  ///< 1 to 8
  std::array<int, max_blocks> dilations{};
  int blocks = 0;
  Condenser condenser;
  friend constexpr bool operator==(const Stage&, const Stage&) = default;
};

/// AttendSeg: a stem (3x3, stride 2), stages, and a decoder that joins the stages again from the deepest up; the last of as
/// many steps as stages joins the stem.
struct Description {
  Name name;
  int classes = 2;  ///< 2 to 64
  int stem = 24;    ///< channels
  std::array<Stage, max_stages> stages{};
  int stage_count = 0;
  std::array<int, max_stages> decoder{};  ///< widths, from the deepest step to the finest
  int decoder_count = 0;

  /// Stride of stage i's output (0-based; -1: the stem's) against the picture.
  constexpr int stride(int i) const noexcept {
    int s = 2;
    for (int k = 0; k <= i && k < stage_count; ++k) s *= stages[static_cast<std::size_t>(k)].stride;
    return s;
  }
  /// Stride of the class scores against the picture: 1, 2, 4 or 8.
  constexpr int output_stride() const noexcept { return stride(stage_count - 1 - decoder_count); }
  /// What the picture's sides are padded to a multiple of: strides and the condensers' pooling.
  constexpr int total_stride() const noexcept {
    int largest = 2;
    for (int i = 0; i < stage_count; ++i) {
      const Condenser& c = stages[static_cast<std::size_t>(i)].condenser;
      const int s = stride(i) * (c.channels > 0 ? c.total_factor() : 1);
      largest = s > largest ? s : largest;
    }
    return largest;
  }
};

ATTENDSEG_NAMESPACE_END
