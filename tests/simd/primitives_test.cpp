// SPDX-License-Identifier: Apache-2.0
// The backend's elementwise primitives against the portable one, which says what they mean.
#include "attendseg/simd/backend.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/random.hpp"

using namespace attendseg;
using namespace test;
using simd::native;
using simd::Scalar;

namespace {

constexpr int words = native::words, width = native::width;

std::vector<std::int16_t> random_words(int n, std::uint64_t seed, bool extremes) {
  return random_values<std::int16_t>(n, seed, {-32768, 32767, extremes});
}

/// The portable backend's result for as many values as the native one has.
template <class Store, class F>
std::vector<std::int16_t> portable(int n, const Store& inputs, const F& f) {
  std::vector<std::int16_t> out;
  for (int i = 0; i < n; i += Scalar::words) {
    std::int16_t four[Scalar::words];
    Scalar::store_words(four, f(Scalar::load_words(inputs[0].data() + i), Scalar::load_words(inputs[1].data() + i)));
    out.insert(out.end(), four, four + Scalar::words);
  }
  return out;
}

template <class F>
void same(const F& f) {
  for (int n = 0; n < 200; ++n) {
    const std::vector<std::int16_t> inputs[2] = {random_words(words, static_cast<std::uint64_t>(n), n % 3 == 0),
                                                 random_words(words, static_cast<std::uint64_t>(n) + 999, n % 4 == 0)};
    std::vector<std::int16_t> met(words);
    native::store_words(met.data(), f.template operator()<native>(native::load_words(inputs[0].data()),
                                                                  native::load_words(inputs[1].data())));
    CHECK(met == portable(words, inputs, [&](const auto& a, const auto& b) {
            return f.template operator()<Scalar>(a, b);
          }));
  }
}

}  // namespace

TEST_CASE("words: sums, differences, products, choices") {
  same([]<class B>(auto a, auto b) { return B::add(a, b); });
  same([]<class B>(auto a, auto b) { return B::subtract(a, b); });
  same([]<class B>(auto a, auto b) { return B::multiply(a, b); });
  same([]<class B>(auto a, auto b) { return B::maximum(a, b); });
  same([]<class B>(auto a, auto b) { return B::join_bytes(a, b); });
  same([]<class B>(auto a, auto b) { return B::if_greater(a, b, b, B::splat_words(7)); });
  same([]<class B>(auto a, auto b) { return B::multiply_q15(a, B::maximum(b, B::splat_words(-32767))); });
  for (const int shift : {0, 1, 7, 8, 15})
    same([shift]<class B>(auto a, auto) { return B::shift_right(a, shift); });
  for (const int shift : {1, 14, 24})
    same([shift]<class B>(auto a, auto b) {
      const auto small = [](auto x) { return B::shift_right(x, 7); };
      return B::weighted_sum(small(a), small(b), 32767, 12345, 1 << (shift - 1), shift);
    });
}

TEST_CASE("words: stored in turns") {
  const auto a = random_words(words, 1, false), b = random_words(words, 2, false);
  std::vector<std::int16_t> met(2 * words), wanted;
  native::store_zipped(met.data(), native::load_words(a.data()), native::load_words(b.data()));
  for (std::size_t i = 0; i < a.size(); ++i) wanted.push_back(a[i]), wanted.push_back(b[i]);
  CHECK(met == wanted);
}

TEST_CASE("look-up: every index, every length") {
  const auto table = random_words(256, 3, false);
  for (int n = 1; n <= 300; ++n) {
    std::vector<std::int8_t> index(static_cast<std::size_t>(n + width));
    std::vector<std::int16_t> met(static_cast<std::size_t>(n + width)), wanted;
    for (int i = 0; i < n + width; ++i) index[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(i * 3 + n);
    native::look_up(table.data(), index.data(), met.data(), n);
    met.resize(static_cast<std::size_t>(n));
    index.resize(met.size());
    for (const std::int8_t i : index) wanted.push_back(table[static_cast<std::size_t>(i + 128)]);
    CHECK(met == wanted);
  }
}

TEST_CASE("bytes: maximum, short stores, pixels less 128") {
  const auto a = random_values<std::int8_t>(width, 4, {}), b = random_values<std::int8_t>(width, 5, {});
  for (int count = 1; count <= width + 1; ++count) {
    std::vector<std::int8_t> met(width + 1, 77), wanted(width + 1, 77);
    native::store_first(met.data(), native::maximum_bytes(native::load(a.data()), native::load(b.data())), count);
    for (int i = 0; i < count && i < width; ++i) {
      const std::size_t k = static_cast<std::size_t>(i);
      wanted[k] = a[k] > b[k] ? a[k] : b[k];
    }
    CHECK(met == wanted);
  }
  const auto pixels = random_values<std::uint8_t>(width, 6, {0, 255});
  const std::uint8_t order[16] = {3, 2, 1, 0, 15, 15, 7, 8, 0, 0, 4, 5, 6, 12, 13, 14};
  std::vector<std::int8_t> centred(width), ordered(16);
  native::centre(pixels.data(), centred.data());
  native::centre_ordered(pixels.data(), order, ordered.data());
  bool right = true;
  for (std::size_t i = 0; i < centred.size(); ++i) right = right && centred[i] == pixels[i] - 128;
  for (std::size_t i = 0; i < 16; ++i) right = right && ordered[i] == pixels[order[i]] - 128;
  CHECK(right);
}

TEST_CASE("rows interleaved: every number of rows and vectors") {
  const auto bytes = random_values<std::int8_t>(4 * width, 7, {});
  const std::int8_t* const rows[4] = {bytes.data(), bytes.data() + width, bytes.data() + 2 * width,
                                      bytes.data() + 3 * width};
  const auto check = [&]<class B, int Rows, int N>() {
    if constexpr (N <= B::depthwise_vectors) {
      typename B::Bytes out[N];
      B::template interleave<Rows>(rows, out);
      bool right = true;
      for (int v = 0; v < N; ++v) {
        std::int8_t met[width];
        B::store(met, out[v]);
        for (int lane = 0; lane < B::lanes; ++lane)
          for (int row = 0; row < Rows; ++row) {
            const int wanted = rows[row][simd::channel_of(B::lanes, N, v, lane)] ^ static_cast<std::int8_t>(B::flip);
            right = right && met[4 * lane + row] == wanted;
          }
      }
      CHECK(right);
    }
  };
  check.operator()<native, 3, 1>(), check.operator()<native, 4, 1>();
  check.operator()<native, 3, 2>(), check.operator()<native, 4, 2>();
  check.operator()<native, 3, 4>(), check.operator()<native, 4, 4>();
}

TEST_CASE("pixels clamped and stored at once are those stored one by one") {
  const auto check = []<class B, int N>() {
    constexpr int pixels = B::group(N), lanes = B::lanes, size = pixels * N * lanes;
    if constexpr (pixels > 1) {
      for (const int low : {-128, -5, 77}) {
        const auto values = random_values<std::int32_t>(size, static_cast<std::uint64_t>(N), {-300, 300, false});
        typename B::I32 sums[pixels][N];
        for (int i = 0; i < pixels * N; ++i) sums[i / N][i % N] = B::load(values.data() + i * lanes);
        std::vector<std::int8_t> met(size + 1, 99), wanted(size + 1, 99);
        B::store_clamped_pixels(met.data(), sums, static_cast<std::int8_t>(low));
        for (int i = 0; i < size; ++i) {
          const int pixel = i / (N * lanes), vector = i / lanes % N;
          wanted[static_cast<std::size_t>(pixel * N * lanes + simd::channel_of(lanes, N, vector, i % lanes))] =
              static_cast<std::int8_t>(std::clamp(values[static_cast<std::size_t>(i)], low, 127));
        }
        CHECK(met == wanted);
      }
    }
  };
  check.operator()<native, 1>(), check.operator()<native, 2>();
}

TEST_CASE("sums of four, modulo 2^32") {
  const std::uint32_t a[4] = {1, 0xFFFFFFFFU, 0x80000000U, 123456789U}, b[4] = {2, 3, 0x80000001U, 987654321U};
  std::uint32_t met[4];
  native::store_four(met, native::add(native::load_four(a), native::multiply(native::load_four(b), 70001U)));
  for (int i = 0; i < 4; ++i) CHECK(met[i] == a[i] + b[i] * 70001U);
}
