// SPDX-License-Identifier: Apache-2.0
// What a network needs to know of its element type: how weights are bound and which kernel runs a node.
#pragma once

#include <cstddef>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/io/safetensors.hpp"
#include "attendseg/nn/graph.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// Specialised in kernels_i8.hpp and kernels_f32.hpp, with the same members:
///   struct Step                             weights of one node, packed
///   load(graph, file, input_zero_point)     -> Result<std::vector<Step>>, one step a node
///   scratch_bytes(node, step, in, out)      scratch one worker needs
///   run(node, step, a, b, out, rows, scratch) noexcept
///   absorbs_sums                            run_sum(conv step, in, sum step, residual, out, rows, scratch) is there:
///                                           residual + conv(in), in one loop (nn/fusion.hpp)
///   Head                                    what classification needs beside the scores
template <class T>
struct Kernels;

ATTENDSEG_NAMESPACE_END
