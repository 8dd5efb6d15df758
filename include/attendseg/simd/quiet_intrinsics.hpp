// SPDX-License-Identifier: Apache-2.0
// The compiler's x86 intrinsics without g++ 12's false warnings: instead of <immintrin.h>, and before Eigen and xsimd.
#pragma once

#if defined(ATTENDSEG_INTRINSICS)
#include ATTENDSEG_INTRINSICS
#endif
// g++ 12 says that the "undefined" operands inside its own AVX-512 intrinsics are used uninitialised (GCC bug
// 105593, mended in 13). The warnings point into this header, so it is here that they are switched off.
#if defined(__SSE2__)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
