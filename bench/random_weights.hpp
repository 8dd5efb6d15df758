// SPDX-License-Identifier: Apache-2.0
// The int8 weight file of any description, in memory, with random weights: as large and as fast as a trained one.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/io/description_json.hpp"
#include "attendseg/io/json_write.hpp"
#include "attendseg/io/safetensors_write.hpp"
#include "attendseg/models/lower.hpp"

namespace bench {

/// Every tensor of a weight file, each run the same. No kernel's time depends on values; they are live all the same:
/// each convolution keeps the spread of what it reads, and adds biases, so that activations neither vanish nor saturate
/// however deep the network is.
class RandomWeights {
 public:
  /// @return what AttendSeg<std::int8_t>::parse reads, or what is wrong with the description. @throws std::bad_alloc
  static attendseg::Result<std::vector<std::byte>> file(const attendseg::Description& d) {
    const attendseg::Graph graph = attendseg::lower(d);
    if (!graph.valid())
      return attendseg::Error{"description: does not hold together, expected layers whose widths agree"};
    RandomWeights weights;
    std::string grids;
    for (const attendseg::Node& n : graph) {
      weights.add_node(n);
      grids += (grids.empty() ? "{\"" : ", \"") + std::string(n.name.view()) + "\": [0.0000000000000001, -128]";
    }
    weights.add<std::uint8_t>("head.confidence", {256}, [](int i) { return 255 * sigmoid(i); });
    // The test vector: as large as the recipe's, 64 x 96 in multiples of the total stride.
    const auto padded = [&d](int n) { return (n + d.total_stride() - 1) / d.total_stride() * d.total_stride(); };
    const std::int64_t height = padded(64), width = padded(96);
    weights.add<std::uint8_t>("test.image", {height, width, 3}, [&](int) { return weights.between(0, 255); });
    weights.add<std::uint8_t>("test.mask", {height, width}, [](int) { return 0; });
    return attendseg::write_safetensors(weights.tensors_, metadata(d, grids + "}"));
  }

 private:
  static constexpr double weight_spread = 73.3;  // standard deviation of uniform numbers from -127 to 127
  static constexpr int largest_bias = 48;        // in units of the output

  /// Uniform in [low, high], from a linear congruential generator's upper bits.
  int between(int low, int high) noexcept {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return low + static_cast<int>((state_ >> 33) % static_cast<std::uint32_t>(high - low + 1));
  }
  /// Of logits in units of 1/16.
  static double sigmoid(int logit) noexcept { return 1 / (1 + std::exp(-logit / 16.0)); }

  static attendseg::DType dtype(std::int8_t) { return attendseg::DType::i8; }
  static attendseg::DType dtype(std::uint8_t) { return attendseg::DType::u8; }
  static attendseg::DType dtype(std::int16_t) { return attendseg::DType::i16; }
  static attendseg::DType dtype(std::int32_t) { return attendseg::DType::i32; }
  static attendseg::DType dtype(float) { return attendseg::DType::f32; }

  /// A tensor of the values value(0), value(1), ...
  template <class T, class F>
  void add(std::string name, std::vector<std::int64_t> shape, const F& value) {
    std::size_t count = 1;
    for (const std::int64_t n : shape) count *= static_cast<std::size_t>(n);
    std::vector<std::byte>& bytes = bytes_.emplace_back(count * sizeof(T));
    for (std::size_t i = 0; i < count; ++i) {
      const T v = static_cast<T>(value(static_cast<int>(i)));
      std::memcpy(bytes.data() + i * sizeof(T), &v, sizeof(T));
    }
    // The bytes stay where they are when bytes_ grows: moving a vector does not move what it holds.
    tensors_.push_back({std::move(name), dtype(T{}), std::move(shape), bytes});
  }

  void add_node(const attendseg::Node& n) {
    const std::string name(n.name.view());
    if (n.op == attendseg::Op::conv) {
      const attendseg::ConvSpec& c = n.conv;
      const double gain = 1 / (weight_spread * std::sqrt(c.depth()));
      add<std::int8_t>(name + ".weight", {c.out_channels, c.kernel, c.kernel, c.group_inputs()},
                       [&](int) { return between(-127, 127); });
      add<std::int32_t>(name + ".bias", {c.out_channels},
                        [&](int) { return between(-largest_bias, largest_bias) / gain; });
      add<float>(name + ".multiplier", {c.out_channels}, [&](int) { return gain; });
      add<std::int8_t>(name + ".zero_point", {1},
                       [&](int) { return c.activation == attendseg::Activation::none ? 0 : -128; });
    } else if (n.op == attendseg::Op::add) {
      constexpr int root_half = 23170;  // of 1/2 in units of 2^-15: the sum spreads as its inputs do
      add<std::int16_t>(name + ".multiplier", {2}, [](int) { return root_half; });
      add<std::int8_t>(name + ".shift", {1}, [](int) { return 15; });
      add<std::int8_t>(name + ".zero_point", {1}, [](int) { return 0; });
    } else if (n.op == attendseg::Op::gate) {
      add<std::int16_t>(name + ".table", {256}, [](int i) { return 32767 * sigmoid(i - 128); });
    }
  }

  /// What a file of the recipe says about itself; placeholders are about as long.
  static std::map<std::string, std::string> metadata(const attendseg::Description& d, const std::string& grids) {
    std::string classes, palette;
    for (int i = 0; i < d.classes; ++i) {
      const std::string before = i == 0 ? "[" : ", ", id = std::to_string(i);
      classes += before + "\"class" + id + "\"";
      palette += before + "[" + id + ", " + id + ", " + id + "]";
    }
    return {{"format", "attendseg/1"}, {"precision", "int8"}, {"description", attendseg::write_description(d)},
            {"classes", classes + "]"}, {"palette", palette + "]"}, {"working_size", "512"}, {"accuracy", "{}"},
            {"license", "none: random weights"}, {"terms", "none: random weights"}, {"source", "random_weights.hpp"},
            {"quantisation", grids}};
  }

  std::uint64_t state_ = 1;
  std::vector<std::vector<std::byte>> bytes_;
  std::vector<attendseg::StoredTensor> tensors_;
};

}  // namespace bench
