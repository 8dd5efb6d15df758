// SPDX-License-Identifier: Apache-2.0
// Rows of consecutive nodes, made strip by strip: each node runs as far as the rows above it allow and those below ask.
#pragma once

#include <array>

#include "attendseg/core/spec.hpp"
#include "attendseg/nn/graph.hpp"
#include "attendseg/nn/rows_needed.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// Nodes [first, last] that run together, `strip` rows of the last one at a time. Only `last` is read by others.
struct Segment {
  int first = 0;
  int last = 0;
  int strip = 0;
  friend constexpr bool operator==(const Segment&, const Segment&) = default;
};

/// How far each node of a segment has come. No row is made twice, none that is not needed.
///
///   Stream stream(graph, segment, height, band.begin);
///   for (int y = stream.start(); y < band.end;) stream.advance(y = min(y + segment.strip, band.end), visit);
class Stream {
 public:
  /// @param height of the picture; the graph must outlive the stream  @param row of the last node: the first to be made
  constexpr Stream(const Graph& g, const Segment& s, int height, int row) noexcept
      : graph_(&g), segment_(s), height_(height), start_(row) {
    for (int i = s.first; i < s.last; ++i) done(i) = height_of(i);
    done(s.last) = row;
    for (int i = s.last; i >= s.first; --i)
      if (done(i) < height_of(i))
        each_input(i, [&](int which, int j) {
          const int begin = rows_needed(g[i], which, {done(i), done(i) + 1}, height_of(j)).begin;
          if (begin < done(j)) done(j) = begin;
        });
    // Deep segments need many rows before the first of the last node can be made. Beginning above it, where nothing
    // is needed yet, lets these come strip by strip as well.
    while (anything_needed(start_)) start_ -= s.strip;
  }

  /// Where to begin to advance from: at or above the first row to be made.
  constexpr int start() const noexcept { return start_; }
  /// Makes the rows of the last node up to `end`, and what they need: calls visit(node, rows) in running order.
  template <class Visit>
  constexpr void advance(int end, Visit&& visit) noexcept {
    look_ahead(end);
    for (int i = segment_.first; i <= segment_.last; ++i) produce(i, end_[at(i)], visit);
  }
  /// Rows of the first node that must have been made after advance(end).
  constexpr int needed(int end) noexcept {
    look_ahead(end);
    return end_[at(segment_.first)];
  }
  /// Makes rows of one node alone, up to `end`. @pre its inputs are there
  template <class Visit>
  constexpr void produce(int node, int end, Visit&& visit) noexcept {
    if (end <= done(node)) return;
    if (!(*graph_)[node].absorbed) visit(node, Rows{done(node), end});
    done(node) = end;
  }
  /// The rows of a node above this one have been made.
  constexpr int made(int node) const noexcept { return done_[at(node)]; }

 private:
  static constexpr std::size_t at(int node) noexcept { return static_cast<std::size_t>(node); }
  constexpr int& done(int node) noexcept { return done_[at(node)]; }
  constexpr int height_of(int node) const noexcept { return height_ >> (*graph_)[node].log2_stride; }

  /// f(which, node) for the inputs of node i that lie in the segment.
  template <class F>
  constexpr void each_input(int i, F&& f) const noexcept {
    for (int which = 0; which < 2; ++which)
      if (const int j = (*graph_)[i].inputs[at(which)]; j >= segment_.first) f(which, j);
  }

  /// Whether advance(end) would make rows of a node before the last one.
  constexpr bool anything_needed(int end) noexcept {
    look_ahead(end);
    for (int i = segment_.first; i < segment_.last; ++i)
      if (end_[at(i)] > done(i)) return true;
    return false;
  }

  constexpr void look_ahead(int end) noexcept {
    for (int i = segment_.first; i < segment_.last; ++i) end_[at(i)] = nothing;
    end_[at(segment_.last)] = end;
    for (int i = segment_.last; i >= segment_.first; --i)
      each_input(i, [&](int which, int j) {
        const int reach = rows_needed((*graph_)[i], which, {end_[at(i)] - 1, end_[at(i)]}, height_of(j)).end;
        if (reach > end_[at(j)]) end_[at(j)] = reach;
      });
  }

  static constexpr int nothing = -(1 << 20);  // far above every picture

  const Graph* graph_;
  Segment segment_;
  int height_;
  int start_;
  std::array<int, max_nodes> done_{}, end_{};
};

ATTENDSEG_NAMESPACE_END
