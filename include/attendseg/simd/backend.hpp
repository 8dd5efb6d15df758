// SPDX-License-Identifier: Apache-2.0
// The backend that the compiler's flags choose (core/config.hpp), as simd::native.
#pragma once

#include "attendseg/core/config.hpp"
#include "attendseg/simd/scalar.hpp"

#if defined(ATTENDSEG_BACKEND_AMX)
#include "attendseg/simd/amx_tiles.hpp"
#elif defined(ATTENDSEG_BACKEND_AVX512VNNI)
#include "attendseg/simd/avx512vnni.hpp"
#elif defined(ATTENDSEG_BACKEND_AVXVNNI)
#include "attendseg/simd/avxvnni.hpp"
#elif defined(ATTENDSEG_BACKEND_AVX2)
#include "attendseg/simd/avx2.hpp"
#elif defined(ATTENDSEG_BACKEND_NEON_I8MM)
#include "attendseg/simd/neon_i8mm.hpp"
#elif defined(ATTENDSEG_BACKEND_NEON) || defined(ATTENDSEG_BACKEND_NEON_DOTPROD)
#include "attendseg/simd/neon.hpp"
#endif

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

#if defined(ATTENDSEG_BACKEND_AMX)
using native = Amx;
#elif defined(ATTENDSEG_BACKEND_AVX512VNNI)
using native = Avx512Vnni;
#elif defined(ATTENDSEG_BACKEND_AVXVNNI)
using native = AvxVnni;
#elif defined(ATTENDSEG_BACKEND_AVX2)
using native = Avx2;
#elif defined(ATTENDSEG_BACKEND_NEON_I8MM)
using native = NeonI8mm;
#elif defined(ATTENDSEG_BACKEND_NEON) || defined(ATTENDSEG_BACKEND_NEON_DOTPROD)
using native = Neon;
#else
using native = Scalar;
#endif

}  // namespace simd
ATTENDSEG_NAMESPACE_END
