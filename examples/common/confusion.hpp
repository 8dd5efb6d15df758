// SPDX-License-Identifier: Apache-2.0
// Confusion matrix of predicted against true classes, the measures read from it, and its picture.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/canvas.hpp"

namespace app {

inline constexpr int ignored_label = 255;

/// Counts of pixels by true class (row) and predicted class (column).
class Confusion {
 public:
  explicit Confusion(int classes)
      : classes_(classes), counts_(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes)) {}

  int classes() const { return classes_; }
  std::int64_t at(int truth, int predicted) const { return counts_[index(truth, predicted)]; }

  /// Counts pixels, all but those whose label is ignored. @pre other labels, and predictions, are below classes()
  void add(std::span<const std::uint8_t> truth, std::span<const std::uint8_t> predicted) {
    for (std::size_t i = 0; i < truth.size(); ++i)
      if (truth[i] != ignored_label) ++counts_[index(truth[i], predicted[i])];
  }

  std::int64_t true_pixels(int c) const {
    std::int64_t sum = 0;
    for (int p = 0; p < classes_; ++p) sum += at(c, p);
    return sum;
  }
  std::int64_t predicted_pixels(int c) const {
    std::int64_t sum = 0;
    for (int t = 0; t < classes_; ++t) sum += at(t, c);
    return sum;
  }
  /// Intersection over union in percent; nothing for a class that neither labels nor predictions hold.
  std::optional<double> iou(int c) const {
    const std::int64_t both = at(c, c), either = true_pixels(c) + predicted_pixels(c) - both;
    if (either == 0) return std::nullopt;
    return 100.0 * static_cast<double>(both) / static_cast<double>(either);
  }
  /// Mean of the classes' IoU in percent, over those that have one; 0 when none has.
  double mean_iou() const {
    double sum = 0;
    int n = 0;
    for (int c = 0; c < classes_; ++c)
      if (const auto v = iou(c)) {
        sum += *v;
        ++n;
      }
    return n > 0 ? sum / n : 0;
  }
  /// Pixels that are right, in percent.
  double pixel_accuracy() const {
    std::int64_t right = 0, all = 0;
    for (int c = 0; c < classes_; ++c) {
      right += at(c, c);
      all += true_pixels(c);
    }
    return all > 0 ? 100.0 * static_cast<double>(right) / static_cast<double>(all) : 0;
  }

 private:
  std::size_t index(int truth, int predicted) const {
    return static_cast<std::size_t>(truth) * static_cast<std::size_t>(classes_) + static_cast<std::size_t>(predicted);
  }
  int classes_;
  std::vector<std::int64_t> counts_;
};

/// A number with one or more digits behind the point.
inline std::string decimals(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

/// The matrix as a picture: every row shares a true class's pixels out over predictions, in percent; IoU at its end.
inline Canvas plot(const Confusion& m, std::span<const std::string> names, const std::string& title) {
  constexpr Colour paper{255, 255, 255}, ink{34, 36, 42}, faint{120, 124, 132}, deep{16, 72, 135}, line{226, 229, 234};
  constexpr double cap = 11;
  constexpr int pad = 24, cell_height = 38;
  const int n = m.classes();
  int widest = text_width("100.0", cap);
  for (const std::string& name : names) widest = std::max(widest, text_width(name, cap));
  const int cell = widest + 20, left = pad + widest + 16, top = 112;
  const int iou_width = text_width("100.0", cap) + 32;
  Canvas out(std::max(left + n * cell + iou_width + pad, text_width(title, 14) + 2 * pad), top + n * cell_height + pad,
             paper);
  const auto centred = [&](int x, int width, int y, const std::string& text, const Colour& c) {
    draw_text(out, x + (width - text_width(text, cap)) / 2, y, text, cap, c);
  };
  draw_text(out, pad, pad, title, 14, ink);
  draw_text(out, pad, pad + 28, "rows: true class, columns: predicted class; % of the true class's pixels", 10, faint);
  centred(left + n * cell, iou_width, top - 22, "IoU", ink);
  for (int t = 0; t < n; ++t) {
    const std::string& name = names[static_cast<std::size_t>(t)];
    const int y = top + t * cell_height, text_y = y + static_cast<int>((cell_height - cap) / 2);
    centred(left + t * cell, cell, top - 22, name, ink);
    draw_text(out, left - 12 - text_width(name, cap), text_y, name, cap, ink);
    const std::int64_t all = m.true_pixels(t);
    for (int p = 0; p < n; ++p) {
      const double share = all > 0 ? static_cast<double>(m.at(t, p)) / static_cast<double>(all) : 0;
      const Colour c = mix(paper, deep, share);
      const int x = left + p * cell;
      out.fill(x, y, cell, cell_height, line);
      out.fill(x + 1, y + 1, cell - 1, cell_height - 1, c);
      const Colour text = luminance(c) < 140 ? paper : share >= 0.0005 ? ink : mix(paper, faint, 0.6);
      if (all > 0) centred(x, cell, text_y, m.at(t, p) == 0 ? "0" : decimals(100 * share, 1), text);
    }
    const auto iou = m.iou(t);
    centred(left + n * cell, iou_width, text_y, iou ? decimals(*iou, 1) : "-", ink);
  }
  out.fill(left, top + n * cell_height, n * cell + 1, 1, line);
  out.fill(left + n * cell, top, 1, n * cell_height, line);
  return out;
}

}  // namespace app
