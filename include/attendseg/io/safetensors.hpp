// SPDX-License-Identifier: Apache-2.0
// Reads safetensors files, untrusted ones too: everything the header claims is proved before a tensor can be looked at.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/io/file.hpp"
#include "attendseg/io/json.hpp"
#include "attendseg/io/json_write.hpp"

ATTENDSEG_NAMESPACE_BEGIN

static_assert(std::endian::native == std::endian::little, "weight files are little-endian, and read as they are");

/// Element types of our weight files; safetensors knows more.
enum class DType : std::uint8_t { i8, u8, i16, i32, f16, f32 };

inline constexpr std::array<std::string_view, 6> dtype_names{"I8", "U8", "I16", "I32", "F16", "F32"};

constexpr std::string_view dtype_name(DType t) noexcept { return dtype_names[static_cast<std::size_t>(t)]; }
constexpr int dtype_bytes(DType t) noexcept {
  constexpr std::array<int, 6> bytes{1, 1, 2, 4, 2, 4};
  return bytes[static_cast<std::size_t>(t)];
}

/// The most that a file may hold, beside max_file_bytes.
inline constexpr std::size_t max_header_bytes = std::size_t{1} << 20;
inline constexpr std::size_t max_tensors = 4096;
inline constexpr std::size_t max_dimensions = 8;
inline constexpr std::int64_t max_dimension = std::int64_t{1} << 31;

/// A tensor in a file. `bytes` lies in the file, at any alignment: read it by std::memcpy or io/stored_values.hpp.
struct StoredTensor {
  std::string name;
  DType dtype = DType::i8;
  std::vector<std::int64_t> shape;  ///< empty for a scalar
  std::span<const std::byte> bytes;
};

/// "[96,32]".
inline std::string shape_text(std::span<const std::int64_t> shape) {
  std::string out = "[";
  for (const std::int64_t n : shape) {
    if (out.size() > 1) out += ',';
    out += std::to_string(n);
  }
  return out + "]";
}

/// The tensors of a file, in the order of their names, and its __metadata__. The file's bytes must outlive it.
class SafeTensors {
 public:
  SafeTensors() = default;
  SafeTensors(std::vector<StoredTensor> tensors, std::map<std::string, std::string> metadata)
      : tensors_(std::move(tensors)), metadata_(std::move(metadata)) {
    std::sort(tensors_.begin(), tensors_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  }
  std::span<const StoredTensor> tensors() const noexcept { return tensors_; }
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }
  /// The tensor called `name`, or null.
  const StoredTensor* find(std::string_view name) const noexcept {
    const auto at = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                     [](const StoredTensor& t, std::string_view n) { return t.name < n; });
    return at != tensors_.end() && at->name == name ? &*at : nullptr;
  }

 private:
  std::vector<StoredTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

namespace detail {

/// One entry of the header: what it claims, checked against itself and against the size of the data section.
inline Result<StoredTensor> read_entry(const json::Member& entry, std::span<const std::byte> data) {
  const std::string where = json::shown(entry.key);
  const auto fail = [&where](const std::string& what) { return Error{where + what}; };
  const json::Object* members = entry.value.object();
  if (members == nullptr) return fail(": " + json::described(entry.value) + ", expected an object");
  for (const json::Member& m : *members)
    if (m.key != "dtype" && m.key != "shape" && m.key != "data_offsets")
      return fail(": " + json::shown(m.key) + ", expected only dtype, shape and data_offsets");
  for (const char* key : {"dtype", "shape", "data_offsets"})
    if (entry.value.find(key) == nullptr) return fail(": no " + std::string(key) + ", expected one");

  StoredTensor t;
  t.name = entry.key;
  const json::Value& dtype = *entry.value.find("dtype");
  const auto known = dtype.string() == nullptr
                         ? dtype_names.end()
                         : std::find(dtype_names.begin(), dtype_names.end(), std::string_view(*dtype.string()));
  if (known == dtype_names.end())
    return fail(": unsupported dtype " + json::described(dtype) + ", expected I8, U8, I16, I32, F16 or F32");
  t.dtype = static_cast<DType>(known - dtype_names.begin());

  const json::Value& shape = *entry.value.find("shape");
  if (shape.array() == nullptr || shape.array()->size() > max_dimensions)
    return fail(".shape: " + json::described(shape) + ", expected an array of at most " +
                std::to_string(max_dimensions));
  std::int64_t bytes = dtype_bytes(t.dtype);
  for (const json::Value& v : *shape.array()) {
    const std::int64_t* n = v.integer();
    if (n == nullptr || *n < 0 || *n > max_dimension)
      return fail(".shape: " + json::described(v) + ", expected an integer from 0 to 2147483648");
    t.shape.push_back(*n);
  }
  for (const std::int64_t n : t.shape) {
    if (n != 0 && bytes > INT64_MAX / n) return fail(": shape " + shape_text(t.shape) + ", its size overflows");
    bytes *= n;
  }

  const json::Value& offsets = *entry.value.find("data_offsets");
  if (offsets.array() == nullptr || offsets.array()->size() != 2)
    return fail(".data_offsets: " + json::described(offsets) + ", expected an array of 2");
  const std::int64_t* begin = (*offsets.array())[0].integer();
  const std::int64_t* end = (*offsets.array())[1].integer();
  if (begin == nullptr || end == nullptr || *begin < 0 || *end < *begin || std::cmp_greater(*end, data.size()))
    return fail(".data_offsets: [" + json::described((*offsets.array())[0]) + "," +
                json::described((*offsets.array())[1]) + "], expected integers with 0 <= begin <= end <= " +
                std::to_string(data.size()));
  if (*end - *begin != bytes)
    return fail(": " + std::to_string(*end - *begin) + " bytes, expected " + std::to_string(bytes) + " for " +
                std::string(dtype_name(t.dtype)) + " " + shape_text(t.shape));
  t.bytes = data.subspan(static_cast<std::size_t>(*begin), static_cast<std::size_t>(bytes));
  return t;
}

/// Tensors must follow each other from the first byte of the data section to its last.
inline Status check_layout(std::vector<StoredTensor>& tensors, std::span<const std::byte> data) {
  std::sort(tensors.begin(), tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    return a.bytes.data() != b.bytes.data() ? a.bytes.data() < b.bytes.data() : a.bytes.size() < b.bytes.size();
  });
  std::size_t covered = 0;
  for (const StoredTensor& t : tensors) {
    const auto begin = static_cast<std::size_t>(t.bytes.data() - data.data());
    if (begin != covered)
      return Error{json::shown(t.name) + ".data_offsets: begins at " + std::to_string(begin) + ", expected " +
                   std::to_string(covered) + " (no holes, no overlaps)"};
    covered += t.bytes.size();
  }
  if (covered != data.size())
    return Error{"data: the tensors cover " + std::to_string(covered) + " bytes, expected all " +
                 std::to_string(data.size())};
  return {};
}

}  // namespace detail

/// Reads the header of a whole file: 8 bytes little-endian length, JSON (spaces may follow), the tensors' data.
/// Checked: lengths against the file and the caps above, strict JSON, every entry's members, dtype, shape and offsets
/// against each other, and that the tensors cover the data exactly. Allocates for the header only.
/// @param file  must outlive the result, which points into it @throws std::bad_alloc
inline Result<SafeTensors> parse_safetensors(std::span<const std::byte> file) {
  if (file.size() < 8 || file.size() > max_file_bytes)
    return Error{"file: " + std::to_string(file.size()) + " bytes, expected 8 to " + std::to_string(max_file_bytes)};
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(file[i]);
  const std::size_t most = std::min(max_header_bytes, file.size() - 8);
  if (length > most)
    return Error{"header: a length of " + std::to_string(length) + ", expected at most " + std::to_string(most) +
                 (most < max_header_bytes ? " (the file ends there)" : "") + "; is it a safetensors file?"};
  const std::span<const std::byte> data = file.subspan(8 + static_cast<std::size_t>(length));
  std::string_view header(reinterpret_cast<const char*>(file.data()) + 8, static_cast<std::size_t>(length));
  while (header.ends_with(' ')) header.remove_suffix(1);
  if (!header.starts_with('{') || !header.ends_with('}'))
    return Error{"header: other text, expected a JSON object and spaces behind it"};

  const Result<json::Value> root = json::read(header, {.bytes = max_header_bytes, .depth = 3});
  if (!root) return Error{"header: " + root.error().message};
  if (root->object()->size() > max_tensors + 1)
    return Error{"header: " + std::to_string(root->object()->size()) + " entries, expected at most " +
                 std::to_string(max_tensors) + " tensors"};
  std::vector<StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
  for (const json::Member& entry : *root->object()) {
    if (entry.key == "__metadata__") {
      if (entry.value.object() == nullptr)
        return Error{"__metadata__: " + json::described(entry.value) + ", expected an object"};
      for (const json::Member& m : *entry.value.object()) {
        if (m.value.string() == nullptr)
          return Error{"__metadata__." + json::shown(m.key) + ": " + json::described(m.value) + ", expected a string"};
        metadata.emplace(m.key, *m.value.string());
      }
      continue;
    }
    Result<StoredTensor> t = detail::read_entry(entry, data);
    if (!t) return t.error();
    tensors.push_back(*std::move(t));
  }
  if (tensors.size() > max_tensors)
    return Error{"header: " + std::to_string(tensors.size()) + " tensors, expected at most " +
                 std::to_string(max_tensors)};
  if (const Status s = detail::check_layout(tensors, data); !s) return s.error();
  return SafeTensors(std::move(tensors), std::move(metadata));
}

ATTENDSEG_NAMESPACE_END
