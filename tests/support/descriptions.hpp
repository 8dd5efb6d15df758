// SPDX-License-Identifier: Apache-2.0
// Descriptions that tests build networks from.
#pragma once

#include "attendseg/models/lower.hpp"

namespace test {

/// The first released network (weights/recipe/prototype.json), which the person weights still have.
constexpr attendseg::Description flagship(int classes = 11) {
  attendseg::Description d;
  d.name = "attendseg";
  d.classes = classes;
  d.stem = 24;
  d.stages[0] = {.width = 32, .dilations = {1, 1}, .blocks = 2, .condenser = {.channels = 8}};
  d.stages[1] = {.width = 64, .dilations = {1, 1, 1}, .blocks = 3, .condenser = {.channels = 16}};
  d.stages[2] = {.width = 144, .dilations = {1, 1, 2, 1, 4, 1, 2}, .blocks = 7, .condenser = {.channels = 32}};
  d.stage_count = 3;
  d.decoder = {64, 32};
  d.decoder_count = 2;
  return d;
}

/// The largest thing that a description can say.
constexpr attendseg::Description largest() {
  attendseg::Description d;
  d.name = "largest";
  d.classes = 64;
  d.stem = 512;
  d.stage_count = attendseg::max_stages;
  for (auto& stage : d.stages) {
    stage.width = 512;
    stage.stride = 1;
    stage.expansion = 8;
    stage.blocks = attendseg::max_blocks;
    for (int& dilation : stage.dilations) dilation = 16;
    stage.condenser = {.channels = 256, .twice = true};
  }
  d.decoder = {512, 512, 512, 512};
  d.decoder_count = 4;
  return d;
}

}  // namespace test
