// SPDX-License-Identifier: Apache-2.0
// Values of stored tensors as C++ arrays; multi-byte elements are copied, since a file aligns them as it likes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/io/half.hpp"
#include "attendseg/io/safetensors.hpp"

ATTENDSEG_NAMESPACE_BEGIN
namespace detail {

template <class T>
std::vector<T> copied(std::span<const std::byte> bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

/// The tensor, or why it cannot be had as `wanted` (or, where that is F32, as F16).
inline Result<const StoredTensor*> stored(const SafeTensors& file, std::string_view name, DType wanted) {
  const StoredTensor* t = file.find(name);
  if (t == nullptr) return Error{std::string(name) + ": missing"};
  if (t->dtype != wanted && !(wanted == DType::f32 && t->dtype == DType::f16))
    return Error{std::string(name) + ": dtype " + std::string(dtype_name(t->dtype)) + ", expected " +
                 (wanted == DType::f32 ? "F32 or F16" : std::string(dtype_name(wanted)))};
  return t;
}

template <class T>
Result<std::vector<T>> copied(const SafeTensors& file, std::string_view name, DType wanted) {
  const Result<const StoredTensor*> t = stored(file, name, wanted);
  if (!t) return t.error();
  return copied<T>((*t)->bytes);
}

}  // namespace detail

/// The values of an F32 or F16 tensor as floats, in the order of the file (the last dimension runs fastest).
/// These functions fail where the file has no tensor of that name or type. @throws std::bad_alloc
inline Result<std::vector<float>> floats(const SafeTensors& file, std::string_view name) {
  const Result<const StoredTensor*> t = detail::stored(file, name, DType::f32);
  if (!t) return t.error();
  if ((*t)->dtype == DType::f32) return detail::copied<float>((*t)->bytes);
  const std::vector<std::uint16_t> halves = detail::copied<std::uint16_t>((*t)->bytes);
  std::vector<float> values;
  values.reserve(halves.size());
  for (const std::uint16_t h : halves) values.push_back(half_to_float(h));
  return values;
}

/// The values of an I32 tensor.
inline Result<std::vector<std::int32_t>> int32s(const SafeTensors& file, std::string_view name) {
  return detail::copied<std::int32_t>(file, name, DType::i32);
}

/// The values of an I16 tensor.
inline Result<std::vector<std::int16_t>> int16s(const SafeTensors& file, std::string_view name) {
  return detail::copied<std::int16_t>(file, name, DType::i16);
}

/// The values of an I8 tensor, in place: as long-lived as the file.
inline Result<std::span<const std::int8_t>> int8s(const SafeTensors& file, std::string_view name) {
  const Result<const StoredTensor*> t = detail::stored(file, name, DType::i8);
  if (!t) return t.error();
  return std::span(reinterpret_cast<const std::int8_t*>((*t)->bytes.data()), (*t)->bytes.size());
}

/// The values of a U8 tensor, in place: as long-lived as the file.
inline Result<std::span<const std::uint8_t>> uint8s(const SafeTensors& file, std::string_view name) {
  const Result<const StoredTensor*> t = detail::stored(file, name, DType::u8);
  if (!t) return t.error();
  return std::span(reinterpret_cast<const std::uint8_t*>((*t)->bytes.data()), (*t)->bytes.size());
}

/// A tensor of rank 2 ([H, W]) or 3 ([H, W, C]) as an owning one. @pre t.dtype is T's
template <class T>
Tensor<T> stored_tensor(const StoredTensor& t) {
  const auto size = [&t](std::size_t i) { return t.shape.size() > i ? static_cast<int>(t.shape[i]) : 1; };
  Tensor<T> tensor({size(0), size(1), size(2)});
  std::memcpy(tensor.data(), t.bytes.data(), t.bytes.size());
  return tensor;
}

ATTENDSEG_NAMESPACE_END
