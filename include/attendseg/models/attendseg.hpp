// SPDX-License-Identifier: Apache-2.0
// AttendSeg<T>: from a weight file to a network that turns pictures into masks; T = std::int8_t or float.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "attendseg/core/result.hpp"
#include "attendseg/io/file.hpp"
#include "attendseg/io/model_info.hpp"
#include "attendseg/io/safetensors.hpp"
#include "attendseg/io/weights.hpp"
#include "attendseg/models/choose_schedule.hpp"
#include "attendseg/models/geometry.hpp"
#include "attendseg/models/lower.hpp"
#include "attendseg/models/segmentation_plan.hpp"
#include "attendseg/models/segmentation_stream.hpp"
#include "attendseg/nn/layer_table.hpp"
#include "attendseg/runtime/network.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// A trained AttendSeg. Immutable once loaded and cheap to copy (copies and plans share one set of weights); share it
/// between threads, and give each thread a plan of its own.
///
///   auto model = attendseg::AttendSeg<std::int8_t>::load("person.int8.safetensors");
///   auto plan = model->plan(height, width);
///   plan->run({pixels, width, height, width * 3, attendseg::PixelFormat::rgb}, {mask, {height, width, 1}});
template <class T>
class AttendSeg {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, std::int8_t>, "AttendSeg is built for float and int8");

 public:
  using Plan = SegmentationPlan<T>;
  using Stream = SegmentationStream<T>;

  /// Reads and checks a weight file. @return an error that names the file, the field, the value met and wanted
  static Result<AttendSeg> load(const std::string& path) {
    auto file = read_file(path);
    if (!file) return file.error();
    auto model = parse(*file);
    if (!model) return Error{path + ": " + model.error().message};
    return model;
  }

  /// The same from bytes in memory; nothing of them is referred to afterwards.
  static Result<AttendSeg> parse(std::span<const std::byte> bytes) {
    return guard_allocation<AttendSeg>("weights", [&]() -> Result<AttendSeg> {
      auto file = parse_safetensors(bytes);
      if (!file) return file.error();
      auto info = read_model_info(file->metadata());
      if (!info) return info.error();
      if (info->precision != precision)
        return Error{std::string("precision: ") + precision_name(info->precision) + ", expected " +
                     precision_name(precision)};
      const Graph graph = lower(info->description);
      if (!graph.valid()) return Error{"description: does not hold together, expected layers whose widths agree"};
      if (Status s = check_weights(graph, precision, *file); !s) return s.error();
      auto network = Network<T>::create(graph, *file);
      if (!network) return network.error();
      auto state = std::make_shared<State>(
          State{std::move(*info), std::move(*network), Kernels<T>::load_head(*file),
                stored_tensor<std::uint8_t>(*file->find("test.image")),
                stored_tensor<std::uint8_t>(*file->find("test.mask")), {}});
      if constexpr (std::is_same_v<T, float>) state->test_scores = stored_tensor<float>(*file->find("test.scores"));
      return AttendSeg(std::move(state));
    });
  }

  const ModelInfo& info() const noexcept { return state_->info; }
  const Graph& graph() const noexcept { return state_->network.graph(); }
  /// Weights, biases and condenser scales, batch norm folded.
  std::int64_t parameters() const noexcept { return totals(graph(), 32, 32).parameters; }

  /// Allocates everything that masks of [height, width] pictures need.
  /// @param height,width 1 to 8192; larger than the working size: reduced to it, unless options.native
  /// @return an error for a size out of range or too large for the machine
  Result<Plan> plan(int height, int width, const PlanOptions& options = {}) const {
    if (Status checked = check_request(height, width, options.workers); !checked) return checked.error();
    return guard_allocation<Plan>("plan", [&]() -> Result<Plan> {
      const Description& d = state_->info.description;
      const Geometry geometry =
          Geometry::of(height, width, state_->info.working_size, d.total_stride(), options.native);
      auto execution = make_execution<T>(state_->network, d, geometry,
                                         {.memory_budget = options.memory_budget,
                                          .cache_bytes = options.cache_bytes,
                                          .workers = options.workers,
                                          .keep_all = options.keep_activations,
                                          .scratch_bytes = Plan::scratch_bytes(geometry, scores(geometry),
                                                                               d.output_stride()),
                                          .other_bytes = Plan::mask_bytes(geometry, options.confidence)});
      if (!execution) return Error{"options." + execution.error().message};
      return Plan(state_, state_->head, *std::move(execution), geometry, d.output_stride(), options);
    });
  }

  /// Allocates everything that masks of [height, width] pictures need whose rows come one after the other, at native
  /// size. @param height,width 1 to 8192. @return an error for a size or a budget out of range
  Result<Stream> stream(int height, int width, const StreamOptions& options = {}) const {
    if (Status checked = check_request(height, width, options.workers); !checked) return checked.error();
    return guard_allocation<Stream>("stream", [&]() -> Result<Stream> {
      const Description& d = state_->info.description;
      const Geometry geometry = Geometry::of(height, width, 0, d.total_stride(), true);
      auto execution = make_execution<T>(state_->network, d, geometry,
                                         {.memory_budget = options.memory_budget,
                                          .workers = options.workers,
                                          .rows_only = true,
                                          .scratch_bytes = Plan::scratch_bytes(geometry, scores(geometry),
                                                                               d.output_stride()),
                                          .other_bytes = Stream::state_bytes,
                                          .strip_row_bytes = static_cast<std::size_t>(width)});
      if (!execution) return Error{"options." + execution.error().message};
      return Stream(state_, state_->head, *std::move(execution), geometry, d.output_stride());
    });
  }

  /// Replays the test vector stored in the weight file: every label for int8, scores within 1 % of their range for
  /// float. @return an error that tells how many differ
  Status verify() const {
    const Shape shape = state_->test_image.shape();
    auto p = plan(shape.height, shape.width, {.native = true});
    if (!p) return p.error();
    Tensor<std::uint8_t> mask({shape.height, shape.width, 1});
    const Picture picture{state_->test_image.data(), shape.width, shape.height, std::ptrdiff_t{shape.width} * 3,
                          PixelFormat::rgb};
    if (const RunError e = p->run(picture, mask.view()); e != RunError::none) return Error{describe(e)};
    if constexpr (std::is_same_v<T, float>) {
      const View<const float> scores = p->scores();
      float range = 0, worst = 0;
      for (int y = 0; y < state_->test_scores.shape().height; ++y)
        for (int x = 0; x < state_->test_scores.shape().width; ++x)
          for (int c = 0; c < state_->test_scores.shape().channels; ++c) {
            const float want = state_->test_scores(y, x, c), met = scores(y, x, c);
            range = std::max(range, std::abs(want));
            if (!(std::abs(met - want) <= worst)) worst = std::abs(met - want);
          }
      if (!(worst <= 0.01F * range))
        return Error{"test.scores: off by " + std::to_string(worst) + ", expected at most " +
                     std::to_string(0.01F * range)};
    } else {
      std::int64_t wrong = 0;
      for (std::int64_t i = 0; i < shape.pixels(); ++i) wrong += mask.data()[i] != state_->test_mask.data()[i];
      if (wrong != 0)
        return Error{"test.mask: " + std::to_string(wrong) + " of " + std::to_string(shape.pixels()) +
                     " labels differ, expected 0"};
    }
    return {};
  }

 private:
  static constexpr Precision precision = std::is_same_v<T, float> ? Precision::float32 : Precision::int8;

  struct State {
    ModelInfo info;
    Network<T> network;
    typename Kernels<T>::Head head;
    Tensor<std::uint8_t> test_image, test_mask;
    Tensor<float> test_scores;
  };

  explicit AttendSeg(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  /// Of the class scores.
  Shape scores(const Geometry& g) const noexcept { return graph().result().shape(g.network_height, g.network_width); }

  static Status check_request(int height, int width, int workers) {
    if (height < 1 || height > 8192) return out_of_range("picture height", height, 8192);
    if (width < 1 || width > 8192) return out_of_range("picture width", width, 8192);
    if (workers < 1 || workers > 1024) return out_of_range("options.workers", workers, 1024);
    return {};
  }
  static Error out_of_range(const char* what, int value, int limit) {
    return {std::string(what) + ": " + std::to_string(value) + ", expected 1 to " + std::to_string(limit)};
  }

  /// Running out of memory is an error value as well, where exceptions are on.
  template <class R, class F>
  static Result<R> guard_allocation(const char* what, const F& make) {
#if defined(__cpp_exceptions)
    try {
      return make();
    } catch (const std::bad_alloc&) {
      return Error{std::string(what) + ": not enough memory"};
    }
#else
    static_cast<void>(what);
    return make();
#endif
  }

  std::shared_ptr<const State> state_;
};

ATTENDSEG_NAMESPACE_END
