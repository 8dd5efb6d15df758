// SPDX-License-Identifier: Apache-2.0
// Every macro of the library: version, the backend that the compiler's flags choose, the inline namespace.
#pragma once

#include <cfloat>

#define ATTENDSEG_VERSION_MAJOR 0
#define ATTENDSEG_VERSION_MINOR 3
#define ATTENDSEG_VERSION_PATCH 0

// One instruction set a binary, chosen at compile time. The name is part of every symbol, so that objects
// built with different flags link safely. ATTENDSEG_FORCE_SCALAR takes the portable code whatever the flags;
// ATTENDSEG_INTRINSICS, a header that stands in for the compiler's and emulates AVX-512 (tests), takes avx512vnni.
#if defined(ATTENDSEG_FORCE_SCALAR)
#define ATTENDSEG_BACKEND scalar
#define ATTENDSEG_BACKEND_SCALAR 1
#elif defined(ATTENDSEG_INTRINSICS)
#define ATTENDSEG_BACKEND avx512vnni
#define ATTENDSEG_BACKEND_AVX512VNNI 1
#elif defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512VNNI__) && \
    (defined(__AMX_INT8__) || defined(__AMXINT8__))  // the second: clang before 15
#define ATTENDSEG_BACKEND amx
#define ATTENDSEG_BACKEND_AMX 1
#elif defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512VNNI__)
#define ATTENDSEG_BACKEND avx512vnni
#define ATTENDSEG_BACKEND_AVX512VNNI 1
#elif defined(__AVX2__) && defined(__AVXVNNI__)
#define ATTENDSEG_BACKEND avxvnni
#define ATTENDSEG_BACKEND_AVXVNNI 1
#elif defined(__AVX2__)
#define ATTENDSEG_BACKEND avx2
#define ATTENDSEG_BACKEND_AVX2 1
#elif defined(__aarch64__) && defined(__ARM_FEATURE_MATMUL_INT8)
#define ATTENDSEG_BACKEND neon_i8mm
#define ATTENDSEG_BACKEND_NEON_I8MM 1
#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#define ATTENDSEG_BACKEND neon_dotprod
#define ATTENDSEG_BACKEND_NEON_DOTPROD 1
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define ATTENDSEG_BACKEND neon
#define ATTENDSEG_BACKEND_NEON 1
#else
#define ATTENDSEG_BACKEND scalar
#define ATTENDSEG_BACKEND_SCALAR 1
#endif

// The float operators follow the widest lanes that the flags allow, which a backend's name does not tell: x86-64-v4
// without VNNI takes the avx2 backend, ATTENDSEG_FORCE_SCALAR keeps the flags.
#if defined(__AVX512F__)
#define ATTENDSEG_LANES _512
#elif defined(__AVX2__)
#define ATTENDSEG_LANES _256i
#elif defined(__AVX__)
#define ATTENDSEG_LANES _256
#elif defined(__SSE4_1__)
#define ATTENDSEG_LANES _128b
#elif defined(__SSSE3__)
#define ATTENDSEG_LANES _128a
#else
#define ATTENDSEG_LANES
#endif
#if defined(__FMA__)
#define ATTENDSEG_FUSED _fma
#else
#define ATTENDSEG_FUSED
#endif

#if defined(__FAST_MATH__)
#define ATTENDSEG_MATH _fast
#else
#define ATTENDSEG_MATH
#endif

// ATTENDSEG_FLOAT_EIGEN: float matrix products by Eigen (docs/decisions/0008-float-products.md).
#if defined(ATTENDSEG_FLOAT_EIGEN)
#define ATTENDSEG_FLOAT_PRODUCTS _eigen
#else
#define ATTENDSEG_FLOAT_PRODUCTS
#endif

#define ATTENDSEG_JOIN_(a, b, c, d, e, f) a##b##c##d##e##f
#define ATTENDSEG_JOIN(a, b, c, d, e, f) ATTENDSEG_JOIN_(a, b, c, d, e, f)
#define ATTENDSEG_ABI \
  ATTENDSEG_JOIN(v0_3_, ATTENDSEG_BACKEND, ATTENDSEG_LANES, ATTENDSEG_FUSED, ATTENDSEG_MATH, ATTENDSEG_FLOAT_PRODUCTS)
#define ATTENDSEG_NAMESPACE_BEGIN \
  namespace attendseg {           \
  inline namespace ATTENDSEG_ABI {
#define ATTENDSEG_NAMESPACE_END \
  }                             \
  }
#define ATTENDSEG_STRINGIFY_(x) #x
#define ATTENDSEG_STRINGIFY(x) ATTENDSEG_STRINGIFY_(x)
#define ATTENDSEG_BACKEND_NAME ATTENDSEG_STRINGIFY(ATTENDSEG_BACKEND)

#if defined(__GNUC__) || defined(__clang__)
#define ATTENDSEG_RESTRICT __restrict__
#define ATTENDSEG_INLINE inline __attribute__((always_inline))
#define ATTENDSEG_NOINLINE __attribute__((noinline))
// Between the parameters and the body of a lambda: always inlined, so that arrays it captures can live in registers.
#define ATTENDSEG_LAMBDA __attribute__((always_inline))
#else
#define ATTENDSEG_RESTRICT
#define ATTENDSEG_INLINE inline
#define ATTENDSEG_NOINLINE
#define ATTENDSEG_LAMBDA
#endif

// Requantisation rounds one float product; a wider intermediate would round twice (x87). numerics.md, "requantise".
static_assert(FLT_EVAL_METHOD == 0, "attendseg needs float arithmetic evaluated in float (on x86: -mfpmath=sse)");
