// SPDX-License-Identifier: Apache-2.0
// Weight files made up for tests: raw ones with any header, and whole networks with seeded values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attendseg/io/safetensors_write.hpp"
#include "attendseg/io/weights.hpp"
#include "attendseg/models/lower.hpp"

namespace attendseg::testing {

using Bytes = std::vector<std::byte>;

/// A file of 8 bytes length, `header` as it is, and `data` zero bytes.
inline Bytes raw_file(std::string_view header, std::size_t data) {
  Bytes file(8 + header.size() + data);
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  if (!header.empty()) std::memcpy(file.data() + 8, header.data(), header.size());
  return file;
}

/// `file` with one to three bytes flipped, changed, put in or taken out, most of them in the header: it holds all that
/// is parsed. Half the time the header's length follows, so that what lies behind that check is reached.
inline Bytes mutated(Bytes file, std::mt19937& random) {
  constexpr std::string_view alphabet = "0123456789{}[]\",:-.eIUFabtruelo\\_ ";
  for (std::uint32_t edits = 1 + random() % 3; edits > 0; --edits) {
    std::uint64_t length = 0;
    std::memcpy(&length, file.data(), 8);
    const std::uint64_t header = length < file.size() - 8 ? 8 + length : file.size();
    // One draw a statement: compilers order operands as they like, and the files must be the same with all of them.
    const std::size_t room = random() % 4 == 0 ? file.size() : static_cast<std::size_t>(header);
    const std::size_t at = random() % room;
    const auto byte = static_cast<std::byte>(random() % 2 == 0 ? alphabet[random() % alphabet.size()]
                                                               : static_cast<char>(random()));
    const auto place = file.begin() + static_cast<std::ptrdiff_t>(at);
    const std::uint32_t kind = random() % 4;
    if (kind == 0) file[at] ^= static_cast<std::byte>(1U << random() % 8);
    if (kind == 1) file[at] = byte;
    if (kind == 2) file.insert(place, byte);
    if (kind == 3) file.erase(place);
    if (kind >= 2 && at >= 8 && at < header && random() % 2 == 0) {
      length += kind == 2 ? 1 : std::uint64_t{0} - 1;
      std::memcpy(file.data(), &length, 8);
    }
  }
  return file;
}

/// The message of a refusal, or "" where there is none.
template <class T>
std::string refusal(const T& result) {
  return result.ok() ? std::string() : result.error().message;
}

/// Tensors that own their bytes, in the order of their names; writes a file of them.
class Tensors {
 public:
  struct Owned {
    DType dtype = DType::i8;
    std::vector<std::int64_t> shape;
    Bytes bytes;
    template <class T>
    void set(std::size_t i, T value) {
      std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
    }
  };
  Owned& operator[](const std::string& name) { return map_[name]; }
  void erase(const std::string& name) { map_.erase(name); }
  template <class T>
  void put(const std::string& name, DType dtype, std::vector<std::int64_t> shape, const std::vector<T>& values) {
    Bytes bytes(values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    map_[name] = {dtype, std::move(shape), std::move(bytes)};
  }
  std::vector<StoredTensor> stored() const {
    std::vector<StoredTensor> out;
    for (const auto& [name, t] : map_) out.push_back({name, t.dtype, t.shape, t.bytes});
    return out;
  }
  Result<Bytes> file(const std::map<std::string, std::string>& metadata = {}) const {
    return write_safetensors(stored(), metadata);
  }

 private:
  std::map<std::string, Owned> map_;
};

/// A network with every kind of tensor, small enough to mutate thousands of times.
inline Description tiny_description() {
  Description d;
  d.name = "tiny";
  d.classes = 3;
  d.stem = 4;
  d.stage_count = 2;
  d.stages[0] = {
      .width = 4, .stride = 1, .expansion = 1, .dilations = {1, 2}, .blocks = 2, .condenser = {.channels = 0}};
  d.stages[1] = {.width = 6,
                 .stride = 2,
                 .expansion = 2,
                 .dilations = {1},
                 .blocks = 1,
                 .condenser = {.embedding = Embedding::grouped, .channels = 2, .groups = 2, .twice = true}};
  d.decoder_count = 1;
  d.decoder[0] = 4;
  return d;
}

inline std::map<std::string, std::string> metadata_of(const Description& d, Precision precision) {
  std::string classes = "[", palette = "[";
  for (int i = 0; i < d.classes; ++i) {
    classes += (i > 0 ? ",\"class " : "\"class ") + std::to_string(i) + "\"";
    palette += (i > 0 ? ",[" : "[") + std::to_string(i) + ",128,255]";
  }
  return {{"format", "attendseg/1"},
          {"precision", precision == Precision::int8 ? "int8" : "float"},
          {"description", write_description(d)},
          {"classes", classes + "]"},
          {"palette", palette + "]"},
          {"working_size", "512"},
          {"accuracy", "{\"miou\":0.5}"},
          {"quantisation", "{\"stem\":[0.03125,-3]}"},
          {"license", "Apache-2.0"},
          {"terms", "none"},
          {"source", "a seed"}};
}

/// Every tensor that the network needs, with values in their ranges; a test picture of 21 x 17.
inline Tensors tensors_of(const Graph& g, Precision precision, std::uint32_t seed = 1) {
  std::mt19937 random(seed);
  const auto below = [&random](std::uint32_t n) { return static_cast<int>(random() % n); };
  const auto classes = static_cast<std::uint32_t>(g.result().channels);
  int total = 0;
  for (const Node& n : g) total = std::max(total, n.log2_stride);
  const auto padded = [&](int n) { return ((n + (1 << total) - 1) >> total << total) >> g.result().log2_stride; };
  Tensors out;
  for (const ExpectedTensor& e : expected_tensors(g, precision)) {
    std::vector<std::int64_t> shape = e.shape;
    if (shape[0] < 0) shape[0] = e.name == "test.scores" ? padded(21) : 21;
    if (shape.size() > 1 && shape[1] < 0) shape[1] = e.name == "test.scores" ? padded(17) : 17;
    std::size_t count = 1;
    for (const std::int64_t n : shape) count *= static_cast<std::size_t>(n);
    const DType dtype = e.dtypes.front();
    Tensors::Owned& t = out[e.name];
    t = {dtype, shape, Bytes(count * static_cast<std::size_t>(dtype_bytes(dtype)))};
    for (std::size_t i = 0; i < count; ++i) {
      switch (dtype) {
        case DType::i8: t.set(i, static_cast<std::int8_t>(e.rule == ValueRule::shift ? 14 : below(255) - 127)); break;
        case DType::u8: t.set(i, static_cast<std::uint8_t>(below(e.name == "test.mask" ? classes : 256))); break;
        case DType::i16: t.set(i, static_cast<std::int16_t>(below(32768))); break;
        case DType::i32: t.set(i, std::int32_t{below(20000) - 10000}); break;
        case DType::f16: t.set(i, float_to_half(static_cast<float>(below(2001) - 1000) / 1024.0F)); break;
        case DType::f32: t.set(i, static_cast<float>(below(1000) + 1) / 65536.0F); break;
      }
    }
  }
  return out;
}

}  // namespace attendseg::testing
