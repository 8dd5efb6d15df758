// SPDX-License-Identifier: Apache-2.0
// Counts every allocation of the process; allocations.cpp replaces operator new and, where it can, malloc.
#pragma once

#include <cstdint>

namespace test {

/// Allocations so far, by operator new and malloc.
std::int64_t allocations() noexcept;

}  // namespace test
