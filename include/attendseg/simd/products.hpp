// SPDX-License-Identifier: Apache-2.0
// Matrix products of patches and packed weights: the sums of a block of pixels in registers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "attendseg/simd/common.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace simd {

/// Where activations lie. A pixel's patch is `height` kernel rows of `across` runs each, `apart` bytes from one to the
/// next; a run is `steps` steps of adjacent bytes. Everything lies `pitch` bytes further for the next pixel.
struct Patches {
  const std::int8_t* const* row;  ///< [height] the first pixel's first run
  int height, across, steps;
  std::ptrdiff_t apart, pitch;
};

/// Sums of Pixels x (Vectors * lanes) outputs, in registers. A step is `depth` products for each of them.
template <class Backend, int Pixels, int Vectors>
struct Sums {
  static constexpr int depth = 4;
  static constexpr int pointers = (Pixels + 2) / 3;
  typename Backend::I32 sum[Pixels][Vectors];

  ATTENDSEG_INLINE explicit Sums(const std::int32_t* bias) noexcept {
    unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA {
      const auto b = Backend::load(bias + v * Backend::lanes);
      unroll<Pixels>([&](auto p) ATTENDSEG_LAMBDA { sum[p][v] = b; });
    });
  }
  /// @param a one pointer for three pixels: their distance is an addressing mode, and pointers stay in registers
  /// @param weight [Vectors][lanes][depth]
  ATTENDSEG_INLINE void add(const std::int8_t* const (&a)[pointers], std::ptrdiff_t pitch,
                            const std::int8_t* weight) noexcept {
    typename Backend::Bytes w[Vectors];
    unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA {
      w[v] = Backend::load(weight + v * Backend::width);
      simd::settle(w[v]);
    });
    unroll<Pixels>([&](auto p) ATTENDSEG_LAMBDA {
      const auto activation = Backend::broadcast4(a[p / 3] + p % 3 * pitch);
      unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA { sum[p][v] = Backend::dot4(sum[p][v], activation, w[v]); });
    });
  }
  ATTENDSEG_INLINE void settle() noexcept {
    unroll<Pixels>([&](auto p) ATTENDSEG_LAMBDA {
      unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA { simd::settle(sum[p][v]); });
    });
  }
  /// Calls f(p, sums of n pixels from p on, [n][Vectors]) for the first `count` pixels: n is Backend::group(Vectors), or 1
  /// where there are fewer than Pixels or these are no multiple of it.
  template <class F>
  ATTENDSEG_INLINE void each(int count, F&& f) const noexcept {
    constexpr int group = Pixels % Backend::group(Vectors) == 0 ? Backend::group(Vectors) : 1;
    if (count >= Pixels) {
      unroll<Pixels / group>([&](auto i) ATTENDSEG_LAMBDA { several<group>(i * group, f); });
    } else {
      unroll<Pixels - 1>([&](auto p) ATTENDSEG_LAMBDA {
        if (p < count) several<1>(p, f);
      });
    }
  }

 private:
  template <int Group, class F>
  ATTENDSEG_INLINE void several(int first, F&& f) const noexcept {
    typename Backend::I32 of_group[Group][Vectors];
    unroll<Group>([&](auto p) ATTENDSEG_LAMBDA {
      unroll<Vectors>([&](auto v) ATTENDSEG_LAMBDA { of_group[p][v] = sum[first + p][v]; });
    });
    f(first, of_group);
  }
};

/// How a backend multiplies: alive for the length of one convolution call. The primary template is for backends that
/// hold sums in registers.
template <class Backend>
class Products {
 public:
  /// Bytes of a step: products that a lane sums at once.
  static constexpr int depth = Sums<Backend, 1, 1>::depth;
  /// Pixels that a caller should bring at a time, or half as many: multiples of every Backend::pixels(n).
  static constexpr int tile = 96;
  /// Steps of a run as weights are packed for them, the last ones zeros.
  static constexpr int padded(int steps) noexcept { return steps; }
  /// Whether this machine lets the process multiply so. Backends that need a permission ask for it here.
  static constexpr bool available() noexcept { return true; }
  /// @param steps of a run, padded
  explicit Products(int /*steps*/) noexcept {}

  /// Multiplies `count` pixels with Vectors * lanes channels: finish(p, sums) for every pixel, sums an I32[n][Vectors] of
  /// the n from p on, n = Backend::group(Vectors) or 1.
  /// Activations of up to `tile` pixels are read, and steps * depth bytes in each run.
  /// @param weight [height][across][steps][Vectors][lanes][depth]   @param bias [Vectors * lanes]
  template <int Vectors, class F>
  void multiply(const Patches& a, int count, const std::int8_t* weight, const std::int32_t* bias,
                F finish) const noexcept {
    constexpr int most = Backend::pixels(Vectors);
    static_assert(tile / 2 % most == 0);
    const Job<F> job{a, count, weight, bias, finish};
    int p = 0;
    for (; count - p > most / 2; p += most) block<most, Vectors>(job, p);
    if (p < count) block<most / 2, Vectors>(job, p);
  }

 private:
  template <class F>
  struct Job {
    Patches a;
    int count;
    const std::int8_t* weight;
    const std::int32_t* bias;
    F finish;
  };

  // A function of its own: among other code g++ 12 does not keep all sums in registers.
  template <int Pixels, int Vectors, class F>
  static ATTENDSEG_NOINLINE void block(const Job<F>& job, int first) noexcept {
    using Block = Sums<Backend, Pixels, Vectors>;
    const Patches& a = job.a;
    const std::int8_t* weight = job.weight;
    Block sums(job.bias);
    for (int y = 0; y < a.height; ++y) {
      const std::int8_t* run = a.row[y] + first * a.pitch;
      for (int x = 0; x < a.across; ++x, run += a.apart) {
        const std::int8_t* pointer[Block::pointers];
        unroll<Block::pointers>([&](auto i) ATTENDSEG_LAMBDA { pointer[i] = run + 3 * i * a.pitch; });
        for (int k = 0; k < a.steps; ++k) {
          sums.add(pointer, a.pitch, weight);
          unroll<Block::pointers>([&](auto i) ATTENDSEG_LAMBDA { pointer[i] += depth; });
          weight += Vectors * Backend::lanes * depth;
        }
      }
    }
    sums.settle();
    const F finish = job.finish;
    sums.each(job.count - first, [&](auto p, const auto& sum) ATTENDSEG_LAMBDA { finish(first + p, sum); });
  }
};

}  // namespace simd
ATTENDSEG_NAMESPACE_END
