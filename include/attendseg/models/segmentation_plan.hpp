// SPDX-License-Identifier: Apache-2.0
// The way of one picture through a network: reduce, pad, run, classify, crop, enlarge. Planned once, run often.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "attendseg/core/picture.hpp"
#include "attendseg/core/tensor.hpp"
#include "attendseg/models/geometry.hpp"
#include "attendseg/ops/picture.hpp"
#include "attendseg/ops/resample_u8.hpp"
#include "attendseg/runtime/execution.hpp"

ATTENDSEG_NAMESPACE_BEGIN

struct PlanOptions {
  bool native = false;      ///< do not reduce pictures that are larger than the working size
  bool confidence = false;  ///< a confidence map can be asked for (only costs memory when the picture is reduced)
  int workers = 1;          ///< largest number of workers that an executor will bring, 1 to 1024
  bool keep_activations = false;   ///< every node's activation can be read after a run (for tests and curiosity)
  std::size_t memory_budget = 0;   ///< bytes() stays within it, at the price of speed where it is small; 0: no bound
  std::size_t cache_bytes = 0;     ///< cache that one worker has to itself; 0: what the system tells
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
    const Shape want{geometry_.height, geometry_.width, 1};
    if (picture.data == nullptr) return RunError::picture_missing;
    if (picture.height != geometry_.height || picture.width != geometry_.width) return RunError::picture_size;
    if (mask.data == nullptr || mask.shape != want) return RunError::mask_size;
    if (confidence.data != nullptr) {
      if (!confidence_) return RunError::not_planned;
      if (confidence.shape != want) return RunError::confidence_size;
    }
    const bool sure = confidence.data != nullptr;
    const View<std::uint8_t> small_mask = reduced() ? small_mask_.view() : mask;
    const View<std::uint8_t> small_confidence = sure && reduced() ? small_confidence_.view() : confidence;
    execution_.run(executor, Ends{this, &picture, small_mask, small_confidence});
    if (!reduced()) return RunError::none;
    Execution<T>::share(executor, geometry_.height, std::min(executor.workers, workers_), [&](Rows rows, int) noexcept {
      ops::enlarge_nearest(View<const std::uint8_t>(small_mask), mask, rows);
      if (sure) ops::enlarge_nearest(View<const std::uint8_t>(small_confidence), confidence, rows);
    });
    return RunError::none;
  }

  /// Class scores of the last run, [H / s, W / s, classes] of the padded picture, s the output stride. Empty where the
  /// memory budget leaves no room for them.
  View<const T> scores() const noexcept {
    return execution_.schedule().rows_only ? View<const T>() : execution_.result();
  }
  /// Activation of a graph's node after a run; only with PlanOptions::keep_activations.
  View<const T> activation(int node) const noexcept { return execution_.activation(node); }
  /// What the network sees, padded.
  int network_height() const noexcept { return execution_.schedule().options.height; }
  int network_width() const noexcept { return execution_.schedule().options.width; }
  bool reduced() const noexcept { return geometry_.reduced(); }
  /// How the network is run: by strips of blocks, layer by layer, or by rows.
  const Schedule& schedule() const noexcept { return execution_.schedule(); }
  /// Bytes held: activations, scratch, and what reduction needs.
  std::size_t bytes() const noexcept {
    return execution_.bytes() + mask_bytes(geometry_, confidence_);
  }

 private:
  template <class>
  friend class AttendSeg;

  /// Where the network's first rows come from and its last ones go.
  struct Ends {
    const SegmentationPlan* plan;
    const Picture* picture;
    View<std::uint8_t> mask, confidence;

    void input(View<T> out, Rows rows, std::byte* scratch) const noexcept {
      if (plan->reduced())
        plan->reduce(*picture, out, rows, scratch);
      else
        ops::picture_to_input(*picture, out, rows);
    }
    void classify(View<const T> scores, Rows rows, std::byte* scratch) const noexcept {
      Kernels<T>::classify(scores, plan->factor_, *plan->head_, mask, confidence, rows, scratch);
    }
  };

  /// Rows of the input from a picture that is larger: reduced a row at a time.
  void reduce(const Picture& picture, View<T> out, Rows rows, std::byte* scratch) const noexcept {
    const int channels = bytes_per_pixel(picture.format);
    const View<const std::uint8_t> all(picture.data, {geometry_.height, geometry_.width, channels}, picture.row_bytes);
    auto* const row = reinterpret_cast<std::uint8_t*>(scratch);
    const View<std::uint8_t> small(row, {geometry_.work_height, geometry_.work_width, channels}, 0, 1);
    const Picture source{row, geometry_.work_width, geometry_.work_height, 0, picture.format};
    int held = -1;
    for (int y = rows.begin; y < rows.end; ++y) {
      const int wanted = std::min(y, geometry_.work_height - 1);
      if (wanted != held) ops::resample(all, small, Rows{wanted, wanted + 1}, scratch + row_bytes(geometry_));
      held = wanted;
      ops::picture_to_input(source, out, Rows{y, y + 1});
    }
  }
  static std::size_t row_bytes(const Geometry& g) noexcept {
    return static_cast<std::size_t>(padded_bytes(std::int64_t{g.work_width} * 4 + std::int64_t{slack}));
  }
  /// Scratch that a worker needs beside the operators'.
  static std::size_t scratch_bytes(const Geometry& g, const Shape& scores, int factor) noexcept {
    const Shape all{g.height, g.width, 4}, small{g.work_height, g.work_width, 4};
    const std::size_t reducing = g.reduced() ? row_bytes(g) + ops::resample_scratch_bytes(all, small) : 0;
    return std::max(Kernels<T>::classify_scratch_bytes(scores, factor), reducing);
  }

  /// What the masks of a reduced picture take.
  static std::size_t mask_bytes(const Geometry& g, bool confidence) noexcept {
    const std::size_t one = static_cast<std::size_t>(g.work_height) * static_cast<std::size_t>(g.work_width);
    return g.reduced() ? one * (confidence ? 2 : 1) : 0;
  }

  SegmentationPlan(std::shared_ptr<const void> owner, const typename Kernels<T>::Head& head, Execution<T> execution,
                   const Geometry& geometry, int factor, const PlanOptions& options)
      : owner_(std::move(owner)),
        head_(&head),
        geometry_(geometry),
        factor_(factor),
        workers_(options.workers),
        confidence_(options.confidence),
        execution_(std::move(execution)) {
    if (!reduced()) return;
    small_mask_ = Tensor<std::uint8_t>({geometry_.work_height, geometry_.work_width, 1});
    if (confidence_) small_confidence_ = Tensor<std::uint8_t>({geometry_.work_height, geometry_.work_width, 1});
  }

  std::shared_ptr<const void> owner_;  // of network and head
  const typename Kernels<T>::Head* head_;
  Geometry geometry_;
  int factor_;
  int workers_;
  bool confidence_;
  Execution<T> execution_;
  Tensor<std::uint8_t> small_mask_, small_confidence_;
};

ATTENDSEG_NAMESPACE_END
