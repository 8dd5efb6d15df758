// SPDX-License-Identifier: Apache-2.0
// Adds AttendSeg<float>; needs xsimd; with ATTENDSEG_FLOAT_EIGEN defined, Eigen does the matrix products.
#pragma once

#include "attendseg/attendseg.hpp"
#include "attendseg/ops/activation_f32.hpp"
#include "attendseg/ops/fold_batch_norm.hpp"
#include "attendseg/runtime/kernels_f32.hpp"
