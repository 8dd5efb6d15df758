// SPDX-License-Identifier: Apache-2.0
// An RGB picture to draw on: rectangles and text.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/font.hpp"

namespace app {

using Colour = std::array<std::uint8_t, 3>;

/// How light a colour looks, 0 to 255.
inline double luminance(const Colour& c) { return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]; }

/// a where share is 0, b where it is 1.
inline Colour mix(const Colour& a, const Colour& b, double share) {
  Colour out;
  for (std::size_t i = 0; i < 3; ++i)
    out[i] = static_cast<std::uint8_t>(std::lround(a[i] + (b[i] - a[i]) * std::clamp(share, 0.0, 1.0)));
  return out;
}

/// Rows of RGB pixels, top first.
struct Canvas {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;

  Canvas(int w, int h, const Colour& paper) : width(w), height(h) {
    pixels.resize(static_cast<std::size_t>(w) * static_cast<std::size_t>(h) * 3);
    fill(0, 0, w, h, paper);
  }
  /// Where pixel (x, y) begins.
  std::size_t at(int x, int y) const {
    return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) * 3;
  }
  Colour colour(int x, int y) const {
    const std::uint8_t* p = &pixels[at(x, y)];
    return {p[0], p[1], p[2]};
  }
  void set(int x, int y, const Colour& c) { std::copy(c.begin(), c.end(), &pixels[at(x, y)]); }
  /// Pixels [x, x + w) x [y, y + h), cut at the edges.
  void fill(int x, int y, int w, int h, const Colour& c) {
    for (int j = std::max(0, y); j < std::min(height, y + h); ++j)
      for (int i = std::max(0, x); i < std::min(width, x + w); ++i) set(i, j, c);
  }
};

namespace detail {

struct Point {
  double x, y;
};

/// The strokes of a character as runs of points on the font's grid, curves broken into short lines.
inline std::vector<std::vector<Point>> strokes(char c) {
  constexpr const char* box = "00 60 6c 0c 00";
  const char* text = glyph(c) != nullptr ? glyph(c) : box;
  const auto hex = [](char h) { return h <= '9' ? h - '0' : h - 'a' + 10; };
  std::vector<std::vector<Point>> out;
  bool curved = false;
  std::vector<Point> run;
  const auto close = [&] {
    if (curved && run.size() > 2) {
      const auto middle = [](Point a, Point b) { return Point{(a.x + b.x) / 2, (a.y + b.y) / 2}; };
      const bool closed = run.front().x == run.back().x && run.front().y == run.back().y;
      if (closed) run.push_back(run[1]);
      std::vector<Point> line;
      const std::size_t n = run.size();
      for (std::size_t i = 1; i + 1 < n; ++i) {
        const Point from = i > 1 || closed ? middle(run[i - 1], run[i]) : run[0];
        const Point to = i + 2 < n || closed ? middle(run[i], run[i + 1]) : run[n - 1];
        for (int k = line.empty() ? 0 : 1; k <= 8; ++k) {
          const double t = k / 8.0, u = 1 - t;
          line.push_back({u * u * from.x + 2 * u * t * run[i].x + t * t * to.x,
                          u * u * from.y + 2 * u * t * run[i].y + t * t * to.y});
        }
      }
      run = line;
    }
    if (!run.empty()) out.push_back(run);
    run.clear();
    curved = false;
  };
  for (const char* p = text; *p != '\0'; ++p) {
    if (*p == '|') close();
    else if (*p == '~') curved = true;
    else if (*p != ' ') {
      run.push_back({static_cast<double>(hex(p[0])), static_cast<double>(hex(p[1]))});
      ++p;
    }
  }
  close();
  return out;
}

inline double extent(char c) {
  if (c == ' ') return 3;
  double width = 0;
  for (const auto& run : strokes(c))
    for (const Point& p : run) width = std::max(width, p.x);
  return width;
}

inline double distance(Point p, Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  const double t = length > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0.0, 1.0) : 0.0;
  return std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

inline constexpr double letter_gap = 3.2;  // between letters, in units of the font's grid (capitals are 12 high)

}  // namespace detail

/// Pixels that a text takes from its left to its right, capitals being `cap` pixels high.
inline int text_width(std::string_view text, double cap) {
  double units = 0;
  for (const char c : text) units += detail::extent(c) + detail::letter_gap;
  return static_cast<int>(std::ceil((units - (text.empty() ? 0 : detail::letter_gap)) * cap / 12 + 0.125 * cap));
}

/// Writes a text whose capitals stand on the line y + cap and begin at x; smooth edges.
inline void draw_text(Canvas& canvas, int x, int y, std::string_view text, double cap, const Colour& ink) {
  const double scale = cap / 12, radius = std::max(0.55, 0.066 * cap);
  double left = x + radius;
  for (const char c : text) {
    const auto runs = detail::strokes(c);
    const double width = detail::extent(c) * scale;
    const int x0 = static_cast<int>(left - radius - 1), x1 = static_cast<int>(left + width + radius + 2);
    const int y0 = static_cast<int>(y - radius - 1), y1 = static_cast<int>(y + 15 * scale + radius + 2);
    for (int py = std::max(0, y0); py < std::min(canvas.height, y1); ++py)
      for (int px = std::max(0, x0); px < std::min(canvas.width, x1); ++px) {
        double nearest = radius + 1;
        for (const auto& run : runs)
          for (std::size_t i = 0; i < run.size(); ++i) {
            const detail::Point a = run[i], b = run[std::min(i + 1, run.size() - 1)];
            nearest = std::min(nearest, detail::distance({px + 0.5 - left, py - y + 0.0}, {a.x * scale, a.y * scale},
                                                         {b.x * scale, b.y * scale}));
          }
        const double cover = std::clamp(radius + 0.5 - nearest, 0.0, 1.0);
        if (cover > 0) canvas.set(px, py, mix(canvas.colour(px, py), ink, cover));
      }
    left += width + detail::letter_gap * scale;
  }
}

}  // namespace app
