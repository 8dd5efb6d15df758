// SPDX-License-Identifier: Apache-2.0
// A network of either precision behind one face, and where its weights are found.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attendseg/float.hpp"
#include "common/image.hpp"

namespace app {

/// The file that is used when none is named: ATTENDSEG_WEIGHTS (a file, or a folder that holds the person weights),
/// or the source tree's.
inline std::string default_weights(bool use_float) {
  const char* place = std::getenv("ATTENDSEG_WEIGHTS");
  if (place == nullptr || *place == '\0') place = ATTENDSEG_WEIGHTS_FOLDER;
  std::error_code ignored;
  if (!fs::is_directory(place, ignored)) return place;
  return (fs::path(place) / (use_float ? "person.float.safetensors" : "person.int8.safetensors")).string();
}

/// A loaded network and, per picture size, its plan.
class Segmenter {
 public:
  struct Options {
    bool use_float = false;
    bool native = false;
    int threads = 1;
    double memory = 0;  ///< MiB that a plan may take; 0: as it likes
  };

  /// Reads weights of the precision that options ask for. @return an error that says what to do about the other one
  static Result<std::unique_ptr<Segmenter>> load(const std::string& path, const Options& options);

  virtual ~Segmenter() = default;
  virtual const attendseg::ModelInfo& info() const = 0;
  std::vector<std::string> classes() const { return info().classes; }

  /// Labels of a picture, at its size.
  Result<std::vector<std::uint8_t>> run(const Image& picture) {
    if (picture.width != width_ || picture.height != height_) {
      width_ = height_ = 0;
      if (Status s = plan(picture.height, picture.width); !s) return s.error();
      width_ = picture.width;
      height_ = picture.height;
    }
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(picture.count()));
    const auto start = std::chrono::steady_clock::now();
    const attendseg::RunError failed =
        run({picture.pixels.get(), picture.width, picture.height, std::ptrdiff_t{picture.width} * 3,
             attendseg::PixelFormat::rgb},
            {mask.data(), {picture.height, picture.width, 1}});
    milliseconds_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    if (failed != attendseg::RunError::none) return Error{attendseg::describe(failed)};
    return mask;
  }

  /// What the last run took, without reading, planning and writing.
  double milliseconds() const { return milliseconds_; }

 protected:
  virtual Status plan(int height, int width) = 0;
  virtual attendseg::RunError run(const attendseg::Picture& picture, attendseg::View<std::uint8_t> mask) = 0;

 private:
  int width_ = 0, height_ = 0;
  double milliseconds_ = 0;
};

namespace detail {

template <class T>
class SegmenterOf final : public Segmenter {
 public:
  SegmenterOf(attendseg::AttendSeg<T> model, const Options& options)
      : model_(std::move(model)), options_(options), pool_(options.threads) {}
  const attendseg::ModelInfo& info() const override { return model_.info(); }

 protected:
  Status plan(int height, int width) override {
    plan_.reset();  // the old one's memory first
    auto made = model_.plan(height, width,
                            {.native = options_.native,
                             .workers = options_.threads,
                             .memory_budget = static_cast<std::size_t>(options_.memory * 1048576.0)});
    if (!made) return made.error();
    plan_.emplace(std::move(*made));
    return {};
  }
  attendseg::RunError run(const attendseg::Picture& picture, attendseg::View<std::uint8_t> mask) override {
    return plan_->run(picture, mask, {}, pool_.executor());
  }

 private:
  attendseg::AttendSeg<T> model_;
  std::optional<typename attendseg::AttendSeg<T>::Plan> plan_;
  Options options_;
  attendseg::ThreadPool pool_;
};

}  // namespace detail

inline Result<std::unique_ptr<Segmenter>> Segmenter::load(const std::string& path, const Options& options) {
  const auto as = [&]<class T>(T) -> Result<std::unique_ptr<Segmenter>> {
    auto model = attendseg::AttendSeg<T>::load(path);
    if (!model) return model.error();
    return std::unique_ptr<Segmenter>(std::make_unique<detail::SegmenterOf<T>>(std::move(*model), options));
  };
  return options.use_float ? as(float{}) : as(std::int8_t{});
}

/// What share of a mask each class covers.
inline std::vector<double> shares(std::span<const std::uint8_t> mask, std::size_t classes) {
  std::array<std::int64_t, 256> count{};
  for (const std::uint8_t id : mask) ++count[id];
  std::vector<double> out(classes);
  for (std::size_t c = 0; c < classes; ++c) out[c] = static_cast<double>(count[c]) / static_cast<double>(mask.size());
  return out;
}

}  // namespace app
