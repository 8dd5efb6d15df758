// SPDX-License-Identifier: Apache-2.0
// A picture row by row: rows go in as they come from a sensor or a file, rows of the mask come out. Memory grows with
// the width alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "attendseg/core/picture.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/models/geometry.hpp"
#include "attendseg/models/segmentation_plan.hpp"
#include "attendseg/nn/stream.hpp"
#include "attendseg/ops/picture.hpp"
#include "attendseg/runtime/execution.hpp"

ATTENDSEG_NAMESPACE_BEGIN

struct StreamOptions {
  int workers = 1;                ///< largest number of workers that an executor will bring, 1 to 1024
  std::size_t memory_budget = 0;  ///< bytes() stays within it; 0: large strips, for speed
};

/// Turns pictures of one size into masks, rows by rows; the same bits as SegmentationPlan at native size. Made by
/// AttendSeg<T>::stream; keeps the weights alive. Not to be used by two threads at a time.
///
///   while (stream.rows_left() > 0) {
///     stream.push(rows);                             // rows shrinks by what was taken
///     taken += stream.take({mask + taken * width, {height - taken, width, 1}});
///   }
template <class T>
class SegmentationStream {
 public:
  /// Takes rows from the top of `rows` and moves it behind them: all of them, or as many as it takes until rows of the
  /// mask are ready. Allocates, locks and throws nothing.
  /// @param rows the next rows of the picture, as wide as planned; rows behind the picture's last are not taken
  RunError push(Picture& rows, const Executor& executor = {}) noexcept {
    if (rows.width != geometry_.width || rows.height < 0) return RunError::picture_size;
    if (rows.data == nullptr && rows.height > 0) return RunError::picture_missing;
    const Ends ends{this, &rows, stream_.made(0)};
    const int available = std::min(ends.first + rows.height, geometry_.height);
    while (ready() == 0 && made_ < geometry_.height) {
      const int next = std::min(made_ + strip(), geometry_.height), needed = stream_.needed(next);
      // The rows below the picture repeat its last one, so they come with it.
      const int reach = available == geometry_.height ? needed : std::min(needed, available);
      // By one worker, since a row below the picture is copied from the one above it.
      stream_.produce(0, reach, [&](int node, Rows out) { execution_.run_shared(node, out, {}, ends); });
      if (reach < needed) break;
      execution_.advance(stream_, next, executor, ends);
      made_ = next;
    }
    const int taken = std::min(stream_.made(0), geometry_.height) - std::min(ends.first, geometry_.height);
    if (rows.data != nullptr) rows.data += taken * rows.row_bytes;
    rows.height -= taken;
    return RunError::none;
  }

  /// Rows of the mask that can be taken now.
  int ready() const noexcept { return std::max(made_ - taken_, 0); }
  /// Rows of the picture's mask that have not been taken yet.
  int rows_left() const noexcept { return geometry_.height - taken_; }
  /// Copies the next rows of the mask, at most mask.shape.height. @param mask [n, width, 1] class ids
  /// @return how many; 0 when none is ready or the width is not the picture's
  int take(View<std::uint8_t> mask) noexcept {
    if (mask.shape.width != geometry_.width || mask.shape.channels != 1 || mask.data == nullptr) return 0;
    const int count = std::min(ready(), mask.shape.height);
    for (int y = 0; y < count; ++y)
      std::memcpy(mask.row(y), pending().row(taken_ + y), static_cast<std::size_t>(geometry_.width));
    taken_ += std::max(0, count);
    return std::max(0, count);
  }
  /// Makes ready for the next picture.
  void restart() noexcept {
    stream_ = Stream(execution_.graph(), execution_.schedule().segments[0], geometry_.network_height, 0);
    made_ = stream_.start();
    taken_ = 0;
  }

  int height() const noexcept { return geometry_.height; }
  int width() const noexcept { return geometry_.width; }
  /// Bytes held: rings, scratch and the rows of the mask that wait.
  std::size_t bytes() const noexcept {
    return execution_.bytes() + static_cast<std::size_t>(mask_.shape().size()) + state_bytes;
  }

 private:
  template <class>
  friend class AttendSeg;

  static constexpr std::size_t state_bytes = sizeof(Stream);

  struct Ends {
    const SegmentationStream* stream;
    const Picture* picture;
    int first;  ///< row of the picture that is the first of *picture

    void input(View<T> out, Rows rows, std::byte*) const noexcept {
      const int height = stream->geometry_.height;
      for (int y = rows.begin; y < rows.end; ++y) {
        if (y >= height) {
          if (out.row(y) != out.row(y - 1))
            std::memcpy(out.row(y), out.row(y - 1), static_cast<std::size_t>(out.shape.width) * 3 * sizeof(T));
          continue;
        }
        const Picture row{picture->data + (y - first) * picture->row_bytes, picture->width, height, 0, picture->format};
        ops::picture_to_input(row, out, Rows{y, y + 1});
      }
    }
    void classify(View<const T> scores, Rows rows, std::byte* scratch) const noexcept {
      Kernels<T>::classify(scores, stream->factor_, *stream->head_, stream->pending(), {}, rows, scratch);
    }
  };

  SegmentationStream(std::shared_ptr<const void> owner, const typename Kernels<T>::Head& head, Execution<T> execution,
                     const Geometry& geometry, int factor)
      : owner_(std::move(owner)),
        head_(&head),
        geometry_(geometry),
        factor_(factor),
        execution_(std::move(execution)),
        stream_(execution_.graph(), execution_.schedule().segments[0], geometry.network_height, 0),
        mask_({strip(), geometry.width, 1}) {
    made_ = stream_.start();
  }

  int strip() const noexcept { return execution_.schedule().segments[0].strip; }
  /// Rows of the mask that were made and not taken.
  View<std::uint8_t> pending() const noexcept {
    auto* const data = const_cast<std::uint8_t*>(mask_.data());  // NOLINT: the buffer is the stream's own
    return {data, {geometry_.height, geometry_.width, 1}, geometry_.width, strip()};
  }

  std::shared_ptr<const void> owner_;  // of network and head
  const typename Kernels<T>::Head* head_;
  Geometry geometry_;
  int factor_;
  int made_ = 0, taken_ = 0;  // rows of the mask; made_ begins above the first
  Execution<T> execution_;
  Stream stream_;
  Tensor<std::uint8_t> mask_;
};

ATTENDSEG_NAMESPACE_END
