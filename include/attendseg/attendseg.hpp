// SPDX-License-Identifier: Apache-2.0
// The umbrella: AttendSeg<std::int8_t> and all it needs; depends on nothing but the C++20 standard library.
#pragma once

#include "attendseg/runtime/kernels_i8.hpp"  // must precede its users

#include "attendseg/models/attendseg.hpp"
#include "attendseg/models/attention_condenser.hpp"
#include "attendseg/nn/layer_table.hpp"
#include "attendseg/nn/memory_plan.hpp"
#include "attendseg/runtime/thread_pool.hpp"
