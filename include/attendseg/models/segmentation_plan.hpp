// SPDX-License-Identifier: Apache-2.0
// The way of one picture through a network: reduce, pad, run, classify, crop, enlarge. Planned once, run often.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "attendseg/core/picture.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/nn/description.hpp"
#include "attendseg/ops/picture.hpp"
#include "attendseg/ops/resample_u8.hpp"
#include "attendseg/runtime/network.hpp"

ATTENDSEG_NAMESPACE_BEGIN

struct PlanOptions {
  bool native = false;      ///< do not reduce pictures that are larger than the working size
  bool confidence = false;  ///< a confidence map can be asked for (only costs memory when the picture is reduced)
  int workers = 1;          ///< largest number of workers that an executor will bring, 1 to 1024
  bool keep_activations = false;  ///< every node's activation can be read after a run (for tests and curiosity)
};

/// Why a run did not happen; the mask is untouched then.
enum class RunError : std::uint8_t { none, picture_missing, picture_size, mask_size, confidence_size, not_planned };

/// The error in words.
constexpr const char* describe(RunError e) noexcept {
  switch (e) {
    case RunError::none: return "no error";
    case RunError::picture_missing: return "picture.data: null, expected pixels";
    case RunError::picture_size: return "picture: size differs from the plan's";
    case RunError::mask_size: return "mask: expected [height, width, 1] of the plan's size";
    case RunError::confidence_size: return "confidence: expected [height, width, 1] of the plan's size";
    case RunError::not_planned: return "confidence: not planned, expected PlanOptions::confidence";
  }
  return "unknown";
}

/// The side that a picture is reduced to: in proportion, the longest one being the working size, at least 1.
constexpr int reduced_side(int side, int longest, int working_size) noexcept {
  return std::max(1, static_cast<int>((std::int64_t{side} * working_size + longest / 2) / longest));
}

/// Everything that masks of one picture size need. Made by AttendSeg<T>::plan; keeps the weights alive.
/// Not to be run by two threads at a time.
template <class T>
class SegmentationPlan {
 public:
  /// Turns a picture into labels: integer from pixel to label when T is std::int8_t. Allocates, locks and throws
  /// nothing. @param mask [height, width, 1] class ids. @param confidence [height, width, 1], 0 to 255: how surely the
  /// best class beats the second best (255 * sigmoid of the difference of their scores); empty: not wanted
  RunError run(const Picture& picture, View<std::uint8_t> mask, View<std::uint8_t> confidence = {},
               const Executor& executor = {}) noexcept {
    const Shape want{height_, width_, 1};
    if (picture.data == nullptr) return RunError::picture_missing;
    if (picture.height != height_ || picture.width != width_) return RunError::picture_size;
    if (mask.data == nullptr || mask.shape != want) return RunError::mask_size;
    if (confidence.data != nullptr) {
      if (!confidence_) return RunError::not_planned;
      if (confidence.shape != want) return RunError::confidence_size;
    }
    Picture source = picture;
    if (reduced()) {
      const int channels = bytes_per_pixel(picture.format);
      const View<const std::uint8_t> all(picture.data, {height_, width_, channels}, picture.row_bytes);
      const View<std::uint8_t> small(staging_.data(), {work_height_, work_width_, channels});
      ops::resample(all, small, resample_scratch_.data());
      source = {small.data, work_width_, work_height_, small.row_stride, picture.format};
    }
    execution_.share_rows(executor, work_height_, [&](Rows rows, std::byte*) noexcept {
      ops::to_rgb(source, rgb_.view(), rows);
    });
    execution_.share_rows(executor, execution_.height(), [&](Rows rows, std::byte*) noexcept {
      ops::to_input(View<const std::uint8_t>(rgb_.view()), execution_.input(), rows);
    });
    execution_.run(executor);
    const View<std::uint8_t> small_mask = reduced() ? small_mask_.view() : mask;
    const View<std::uint8_t> small_confidence =
        confidence.data != nullptr && reduced() ? small_confidence_.view() : confidence;
    execution_.share_rows(executor, work_height_, [&](Rows rows, std::byte* scratch) noexcept {
      Kernels<T>::classify(execution_.result(), factor_, *head_, small_mask, small_confidence, rows, scratch);
    });
    if (reduced())
      execution_.share_rows(executor, height_, [&](Rows rows, std::byte*) noexcept {
        ops::enlarge_nearest(View<const std::uint8_t>(small_mask), mask, rows);
        if (confidence.data != nullptr)
          ops::enlarge_nearest(View<const std::uint8_t>(small_confidence), confidence, rows);
      });
    return RunError::none;
  }

  /// Class scores of the last run, [H / s, W / s, classes] of the padded picture, s the output stride.
  View<const T> scores() const noexcept { return execution_.result(); }
  /// Activation of a graph's node after a run; only with PlanOptions::keep_activations.
  View<const T> activation(int node) const noexcept { return execution_.activation(node); }
  /// What the network sees, padded.
  int network_height() const noexcept { return execution_.height(); }
  int network_width() const noexcept { return execution_.width(); }
  bool reduced() const noexcept { return work_height_ != height_ || work_width_ != width_; }
  /// Bytes held: activations, scratch, and what reduction needs.
  std::size_t bytes() const noexcept {
    return execution_.bytes() + static_cast<std::size_t>(rgb_.shape().size() + small_mask_.shape().size() +
                                                         small_confidence_.shape().size()) +
           static_cast<std::size_t>(staging_.shape().size()) + resample_scratch_.size();
  }

 private:
  template <class>
  friend class AttendSeg;

  SegmentationPlan(std::shared_ptr<const void> owner, const Network<T>& network, const typename Kernels<T>::Head& head,
                   const Description& d, int working_size, int height, int width, const PlanOptions& options)
      : owner_(std::move(owner)),
        head_(&head),
        height_(height),
        width_(width),
        work_height_(fit(height, std::max(height, width), working_size, options.native)),
        work_width_(fit(width, std::max(height, width), working_size, options.native)),
        factor_(d.output_stride()),
        confidence_(options.confidence),
        execution_(network, padded(work_height_, d.total_stride()), padded(work_width_, d.total_stride()),
                   options.workers, options.keep_activations),
        rgb_({work_height_, work_width_, 3}) {
    execution_.reserve_scratch(Kernels<T>::classify_scratch_bytes(execution_.result().shape, factor_));
    if (!reduced()) return;
    staging_ = Tensor<std::uint8_t>({work_height_, work_width_, 4});
    resample_scratch_ = Buffer(ops::resample_scratch_bytes({height_, width_, 4}, {work_height_, work_width_, 4}));
    small_mask_ = Tensor<std::uint8_t>({work_height_, work_width_, 1});
    if (confidence_) small_confidence_ = Tensor<std::uint8_t>({work_height_, work_width_, 1});
  }

  static constexpr int fit(int side, int longest, int working_size, bool native) noexcept {
    return native || longest <= working_size ? side : reduced_side(side, longest, working_size);
  }
  static constexpr int padded(int side, int multiple) noexcept { return (side + multiple - 1) / multiple * multiple; }

  std::shared_ptr<const void> owner_;  // of network and head
  const typename Kernels<T>::Head* head_;
  int height_, width_;
  int work_height_, work_width_;
  int factor_;
  bool confidence_;
  Execution<T> execution_;
  Tensor<std::uint8_t> rgb_;
  Tensor<std::uint8_t> staging_, small_mask_, small_confidence_;
  Buffer resample_scratch_;
};

ATTENDSEG_NAMESPACE_END
