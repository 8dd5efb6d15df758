// SPDX-License-Identifier: Apache-2.0
// The layer of its own against its definition, composed of reference operators: Q, K, A, V' one after the other.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "attendseg/float.hpp"
#include "attendseg/io/safetensors_write.hpp"
#include "attendseg/reference/conv_i8.hpp"
#include "attendseg/reference/gate_i8.hpp"
#include "attendseg/reference/pool_i8.hpp"

using namespace attendseg;

namespace {

constexpr int channels = 24, height = 16, width = 24;

/// Random tensors for every node of a condenser, and the bytes they live in.
struct Weights {
  std::vector<std::vector<std::byte>> storage;
  std::vector<StoredTensor> tensors;

  template <class T>
  void put(const std::string& name, DType dtype, std::vector<std::int64_t> shape, const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    storage.emplace_back(bytes.begin(), bytes.end());
    tensors.push_back({name, dtype, std::move(shape), {}});
  }
  std::vector<std::byte> file() {
    for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].bytes = storage[i];
    auto bytes = write_safetensors(tensors);
    REQUIRE(bytes.ok());
    return *std::move(bytes);
  }
};

Weights random_weights(const Graph& g, bool int8, unsigned seed) {
  std::mt19937 rng(seed);
  const auto integer = [&rng](int low, int high) { return std::uniform_int_distribution<int>(low, high)(rng); };
  const auto real = [&rng](float low, float high) { return std::uniform_real_distribution<float>(low, high)(rng); };
  Weights w;
  for (const Node& n : g) {
    const std::string name(n.name.view());
    if (n.op == Op::conv) {
      const ConvSpec& c = n.conv;
      const std::vector<std::int64_t> shape{c.out_channels, c.kernel, c.kernel, c.group_inputs()};
      const auto count = static_cast<std::size_t>(c.weights()), out = static_cast<std::size_t>(c.out_channels);
      if (int8) {
        std::vector<std::int8_t> weight(count);
        for (auto& v : weight) v = static_cast<std::int8_t>(integer(-127, 127));
        std::vector<std::int32_t> bias(out);
        for (auto& v : bias) v = integer(-3000, 3000);
        std::vector<float> m(out);
        for (auto& v : m) v = real(0.5F, 1.5F) / (60.0F * std::sqrt(static_cast<float>(c.depth())));
        w.put(name + ".weight", DType::i8, shape, weight);
        w.put(name + ".bias", DType::i32, {c.out_channels}, bias);
        w.put(name + ".multiplier", DType::f32, {c.out_channels}, m);
        w.put(name + ".zero_point", DType::i8, {1},
              std::vector<std::int8_t>{static_cast<std::int8_t>(c.activation == Activation::none ? 0 : -128)});
      } else {
        std::vector<float> weight(count), bias(out);
        for (auto& v : weight) v = real(-1, 1) / std::sqrt(static_cast<float>(c.depth()));
        for (auto& v : bias) v = real(-0.5F, 0.5F);
        w.put(name + ".weight", DType::f32, shape, weight);
        w.put(name + ".bias", DType::f32, {c.out_channels}, bias);
      }
    } else if (n.op == Op::gate && int8) {
      std::vector<std::int16_t> table(256);
      for (int q = -128; q < 128; ++q)
        table[static_cast<std::size_t>(q + 128)] =
            static_cast<std::int16_t>(std::lround(32767.0 / (1.0 + std::exp(-q / 16.0))));
      w.put(name + ".table", DType::i16, {256}, table);
    } else if (n.op == Op::gate) {
      std::vector<float> scale(static_cast<std::size_t>(n.scales));
      for (auto& v : scale) v = real(1, 2);
      w.put(name + ".scale", DType::f32, {n.scales}, scale);
    }
  }
  return w;
}

/// V' by the definition, from reference operators alone.
Tensor<std::int8_t> definition(const Condenser& o, const SafeTensors& file, const Tensor<std::int8_t>& v, int zp) {
  Tensor<std::int8_t> x(v.shape());
  std::copy_n(v.data(), v.shape().size(), x.data());
  int zero_point = zp;
  const auto pool = [&](int factor) {
    Tensor<std::int8_t> y({x.shape().height / factor, x.shape().width / factor, x.shape().channels});
    (o.condense == Condense::max ? reference::max_pool : reference::average_pool)(x.view(), y.view(), factor);
    x = std::move(y);
  };
  const auto conv = [&](const std::string& name, const ConvSpec& spec) {
    const auto weight = int8s(file, name + ".weight");
    const auto bias = int32s(file, name + ".bias");
    const auto multiplier = floats(file, name + ".multiplier");
    const int out_zero_point = (*int8s(file, name + ".zero_point"))[0];
    Tensor<std::int8_t> y(spec.out_shape(x.shape()));
    reference::conv(spec, *weight, *bias, *multiplier, zero_point, out_zero_point, x.view(), y.view());
    x = std::move(y);
    zero_point = out_zero_point;
  };
  const Activation relu = Activation::relu;
  pool(o.factor);
  if (o.embedding == Embedding::depthwise)
    conv("condenser.spatial", {channels, channels, 3, 1, 1, channels, 1, relu});
  const int kernel = o.embedding == Embedding::grouped ? 3 : 1;
  conv("condenser.embed", {channels, o.channels, kernel, 1, 1, o.groups, kernel / 2, relu});
  if (o.twice) {
    pool(2);
    conv("condenser.embed2", {o.channels, o.channels, 3, 1, 1, 1, 1, relu});
  }
  conv("condenser.attend", {o.channels, channels, 1, 1, 1, 1, 0, Activation::none});
  const auto table = int16s(file, "condenser.gate.table");
  Tensor<std::int8_t> out(v.shape());
  reference::gate(v.view(), x.view(), table->data(), zp, o.total_factor(), o.expand, out.view());
  return out;
}

const Condenser variants[] = {
    {.channels = 8},
    {.condense = Condense::average, .embedding = Embedding::pointwise, .channels = 5, .expand = Interpolation::bilinear,
     .scale = Scale::layer},
    {.factor = 4, .embedding = Embedding::grouped, .channels = 8, .groups = 4},
    {.condense = Condense::average, .embedding = Embedding::grouped, .channels = 12, .groups = 2,
     .expand = Interpolation::bilinear, .twice = true},
};

}  // namespace

TEST_CASE("int8 condenser equals its definition, bit for bit") {
  unsigned seed = 1;
  for (const Condenser& o : variants)
    for (const int zp : {-128, 11}) {
      Weights weights = random_weights(AttentionCondenser<std::int8_t>::make_graph(o, channels), true, ++seed);
      const auto bytes = weights.file();
      const auto file = parse_safetensors(bytes);
      REQUIRE(file.ok());
      const auto layer = AttentionCondenser<std::int8_t>::create(o, channels, *file, zp);
      REQUIRE_MESSAGE(layer.ok(), (layer.ok() ? "" : layer.error().message));
      auto run = layer->plan(height, width);
      REQUIRE(run.ok());
      Tensor<std::int8_t> v({height, width, channels});
      std::mt19937 rng(seed);
      for (std::int64_t i = 0; i < v.shape().size(); ++i)
        v.data()[i] = static_cast<std::int8_t>(std::uniform_int_distribution<int>(zp, 127)(rng));
      std::copy_n(v.data(), v.shape().size(), run->input().data);
      run->run();
      const Tensor<std::int8_t> want = definition(o, *file, v, zp);
      int wrong = 0, changed = 0;
      for (std::int64_t i = 0; i < v.shape().size(); ++i) {
        wrong += run->result().data[i] != want.data()[i];
        changed += want.data()[i] != v.data()[i];
      }
      CHECK(wrong == 0);
      CHECK(changed > v.shape().size() / 4);  // the gate does something
    }
}

TEST_CASE("float condenser: attention stays between 0 and S, and a zero V stays zero") {
  unsigned seed = 50;
  for (const Condenser& o : variants) {
    Weights weights = random_weights(AttentionCondenser<float>::make_graph(o, channels), false, ++seed);
    const auto bytes = weights.file();
    const auto file = parse_safetensors(bytes);
    REQUIRE(file.ok());
    const auto layer = AttentionCondenser<float>::create(o, channels, *file);
    REQUIRE_MESSAGE(layer.ok(), (layer.ok() ? "" : layer.error().message));
    auto run = layer->plan(height, width);
    REQUIRE(run.ok());
    const auto scale = *floats(*file, "condenser.gate.scale");
    std::mt19937 rng(seed);
    const View<float> v = run->input();
    std::vector<float> before(static_cast<std::size_t>(v.shape.size()));
    for (auto& x : before) x = std::uniform_real_distribution<float>(0, 4)(rng);
    before[0] = 0;
    std::copy(before.begin(), before.end(), v.data);
    run->run();
    int outside = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const float s = scale[scale.size() == 1 ? 0 : i % channels], out = run->result().data[i];
      outside += !(out >= 0 && out <= before[i] * s * 1.0001F);
    }
    CHECK(outside == 0);
    CHECK(run->result().data[0] == 0.0F);
  }
}

TEST_CASE("options and tensors that do not fit are errors") {
  Weights weights = random_weights(AttentionCondenser<float>::make_graph({.channels = 8}, channels), false, 3);
  const auto bytes = weights.file();
  const auto file = parse_safetensors(bytes);
  REQUIRE(file.ok());
  const auto create = [&](const Condenser& o) { return AttentionCondenser<float>::create(o, channels, *file); };
  CHECK_FALSE(create({.channels = 0}).ok());
  CHECK_FALSE(create({.embedding = Embedding::grouped, .channels = 8, .groups = 7}).ok());
  const auto wide = create({.channels = 16});
  REQUIRE_FALSE(wide.ok());
  CHECK(wide.error().message == "condenser.embed.weight: shape [8,1,1,24], expected [16,1,1,24]");
  const auto twice = create({.channels = 8, .twice = true});
  REQUIRE_FALSE(twice.ok());
  CHECK(twice.error().message == "condenser.embed2.weight: missing");
  const auto layer = create({.channels = 8});
  REQUIRE(layer.ok());
  CHECK(layer->plan(15, 24).error().message == "V: size 15x24, expected multiples of 2");
}
