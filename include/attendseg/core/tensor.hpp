// SPDX-License-Identifier: Apache-2.0
// Owning tensors and views of them, templated on the element type; NHWC with one picture at a time (N = 1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#include "attendseg/core/config.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// Height, width and channels of one picture or activation.
struct Shape {
  int height = 0;
  int width = 0;
  int channels = 0;

  constexpr std::int64_t pixels() const noexcept { return std::int64_t{height} * width; }
  constexpr std::int64_t size() const noexcept { return pixels() * channels; }
  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

/// A view of [height, width, channels] elements. Channels are adjacent, pixels of a row are adjacent, rows are
/// `row_stride` elements apart (so that a view can be a band of rows or a crop of another tensor). Where fewer rows
/// are held than the shape has, they are a ring: row y lies where row y - ring lay before. Operators reach rows by
/// row() only, so that each works on whole tensors and on rings.
template <class T>
struct View {
  T* data = nullptr;
  Shape shape;
  std::ptrdiff_t row_stride = 0;
  int ring = whole;  ///< rows held; `whole`: all

  static constexpr int whole = 0x7FFFFFFF;

  constexpr View() = default;
  constexpr View(T* d, Shape s) noexcept : View(d, s, std::ptrdiff_t{s.width} * s.channels) {}
  constexpr View(T* d, Shape s, std::ptrdiff_t stride, int rows_held = whole) noexcept
      : data(d), shape(s), row_stride(stride), ring(rows_held) {}
  /// A View<T> is a View<const T>.
  template <class U>
    requires std::is_same_v<const U, T>
  constexpr View(const View<U>& other) noexcept  // NOLINT: implicit by design
      : data(other.data), shape(other.shape), row_stride(other.row_stride), ring(other.ring) {}

  /// @param y 0 or more
  constexpr T* row(int y) const noexcept { return data + (y < ring ? y : y % ring) * row_stride; }
  constexpr T* pixel(int y, int x) const noexcept { return row(y) + std::ptrdiff_t{x} * shape.channels; }
  constexpr T& operator()(int y, int x, int c) const noexcept { return pixel(y, x)[c]; }
  /// All elements are adjacent.
  constexpr bool dense() const noexcept {
    return row_stride == std::ptrdiff_t{shape.width} * shape.channels && ring >= shape.height;
  }
};

/// Bytes that every allocation of the library is aligned to, and that lie readable behind the last element:
/// kernels may load (never store) whole vectors across the end of a row.
inline constexpr std::size_t alignment = 64;
inline constexpr std::size_t slack = 64;

/// An aligned buffer with `slack` bytes behind it, zero-filled.
class Buffer {
 public:
  Buffer() = default;
  /// @throws std::bad_alloc
  explicit Buffer(std::size_t bytes)
      : data_(static_cast<std::byte*>(::operator new(bytes + slack, std::align_val_t{alignment}))), size_(bytes) {
    std::memset(data_.get(), 0, bytes + slack);
  }
  std::byte* data() const noexcept { return data_.get(); }
  std::size_t size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(std::byte* p) const noexcept { ::operator delete(p, std::align_val_t{alignment}); }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

/// An owning [height, width, channels] tensor, zero-filled, aligned, with slack behind it.
template <class T>
class Tensor {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Tensor() = default;
  /// @throws std::bad_alloc
  explicit Tensor(Shape shape) : buffer_(static_cast<std::size_t>(shape.size()) * sizeof(T)), shape_(shape) {}

  T* data() noexcept { return reinterpret_cast<T*>(buffer_.data()); }
  const T* data() const noexcept { return reinterpret_cast<const T*>(buffer_.data()); }
  const Shape& shape() const noexcept { return shape_; }
  View<T> view() noexcept { return {data(), shape_}; }
  View<const T> view() const noexcept { return {data(), shape_}; }
  T& operator()(int y, int x, int c) noexcept { return view()(y, x, c); }
  const T& operator()(int y, int x, int c) const noexcept { return view()(y, x, c); }

 private:
  Buffer buffer_;
  Shape shape_;
};

ATTENDSEG_NAMESPACE_END
