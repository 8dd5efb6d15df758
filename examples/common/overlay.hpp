// SPDX-License-Identifier: Apache-2.0
// The picture under its classes' colours, outlined, with a legend below.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "common/canvas.hpp"

namespace app {

/// A share of the picture as people write it: 38.2 %, and below a tenth "< 0.1 %".
inline std::string percent(double share) {
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  char text[16];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

/// Classes that occur, the largest first.
inline std::vector<int> present_classes(std::span<const double> shares) {
  std::vector<int> out;
  for (std::size_t c = 0; c < shares.size(); ++c)
    if (shares[c] > 0) out.push_back(static_cast<int>(c));
  std::stable_sort(out.begin(), out.end(), [&](int a, int b) {
    return shares[static_cast<std::size_t>(a)] > shares[static_cast<std::size_t>(b)];
  });
  return out;
}

/// Half picture, half colour; below it a line or more of swatches with name and share of the classes that occur.
/// The legend's letters grow with the picture and never get too small to read: a tiny picture gets wider paper.
/// @param rgb [height, width, 3]  @param mask [height, width] ids below names.size()
/// @param shares one a class, of the picture's area
inline Canvas overlay(const std::uint8_t* rgb, const std::uint8_t* mask, int width, int height,
                      std::span<const std::string> names, std::span<const Colour> palette,
                      std::span<const double> shares) {
  constexpr Colour paper{250, 250, 250}, ink{34, 36, 42};
  struct Entry {
    int id;
    std::string text;
  };
  const double cap = std::clamp(std::max(width, height) / 52.0, 9.0, 96.0);
  const int pad = static_cast<int>(1.1 * cap), line = static_cast<int>(2.2 * cap);
  const int swatch_width = static_cast<int>(1.9 * cap), swatch_height = static_cast<int>(1.25 * cap);
  const int gap = static_cast<int>(0.6 * cap), between = static_cast<int>(2 * cap);

  // Entries stand in columns, as many as the paper is wide.
  std::vector<Entry> entries;
  int widest = 0;
  for (const int id : present_classes(shares)) {
    entries.push_back({id, names[static_cast<std::size_t>(id)] + " " + percent(shares[static_cast<std::size_t>(id)])});
    widest = std::max(widest, swatch_width + gap + text_width(entries.back().text, cap));
  }
  const int paper_width = std::max(width, widest + 2 * pad);
  const int columns = std::max(1, (paper_width - 2 * pad + between) / (widest + between));
  const int lines = (static_cast<int>(entries.size()) + columns - 1) / columns;

  Canvas out(paper_width, height + 2 * pad + (lines - 1) * line + swatch_height, paper);
  // Where classes meet, their colours are pure: an outline that shows even on a picture of the same colour.
  const int reach = std::max(1, std::max(width, height) / 600);
  const auto id = [&](int i, int j) {
    i = std::clamp(i, 0, width - 1);
    j = std::clamp(j, 0, height - 1);
    return mask[static_cast<std::size_t>(j) * static_cast<std::size_t>(width) + static_cast<std::size_t>(i)];
  };
  const std::uint8_t* from = rgb;
  for (int j = 0; j < height; ++j)
    for (int i = 0; i < width; ++i, from += 3) {
      const int here = id(i, j);
      const bool edge = id(i - reach, j) != here || id(i + reach, j) != here || id(i, j - reach) != here ||
                        id(i, j + reach) != here;
      const Colour& c = palette[static_cast<std::size_t>(here)];
      std::uint8_t* to = &out.pixels[out.at(i, j)];
      for (std::size_t k = 0; k < 3; ++k) to[k] = edge ? c[k] : static_cast<std::uint8_t>((from[k] + c[k] + 1) / 2);
    }
  const int rim = std::max(1, static_cast<int>(cap / 16));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& e = entries[i];
    const Colour& c = palette[static_cast<std::size_t>(e.id)];
    const int x = pad + static_cast<int>(i) % columns * (widest + between);
    const int y = height + pad + static_cast<int>(i) / columns * line;
    out.fill(x, y, swatch_width, swatch_height, mix(c, ink, 0.5));
    out.fill(x + rim, y + rim, swatch_width - 2 * rim, swatch_height - 2 * rim, c);
    draw_text(out, x + swatch_width + gap, y + static_cast<int>((swatch_height - cap) / 2), e.text, cap, ink);
  }
  return out;
}

}  // namespace app
