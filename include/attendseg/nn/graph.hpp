// SPDX-License-Identifier: Apache-2.0
// A network as data: a constexpr list of operators in the order they run. Counts, plans, weight checks and both
// networks (float, int8) are read from it; layers in nn/ write it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "attendseg/core/spec.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// A short name that can live in a constant expression; what does not fit is cut, and Graph::valid() turns false.
struct Name {
  std::array<char, 48> text{};
  std::uint8_t length = 0;
  bool cut = false;

  constexpr Name() = default;
  constexpr Name(std::string_view s) noexcept { append(s); }  // NOLINT: implicit by design
  constexpr Name(const char* s) noexcept { append(s); }       // NOLINT: implicit by design
  constexpr void append(std::string_view s) noexcept {
    for (const char c : s) {
      if (length == text.size()) {
        cut = true;
        return;
      }
      text[length++] = c;
    }
  }
  constexpr Name operator+(std::string_view s) const noexcept {
    Name n = *this;
    n.append(s);
    return n;
  }
  /// The name with a decimal number behind it: Name("block") + 3 is "block3".
  constexpr Name operator+(int n) const noexcept {
    Name r = *this;
    if (n >= 10) r = r + n / 10;
    const char digit = static_cast<char>('0' + n % 10);
    r.append(std::string_view(&digit, 1));
    return r;
  }
  constexpr std::string_view view() const noexcept { return {text.data(), length}; }
};

enum class Op : std::uint8_t {
  input,         ///< the picture, [H, W, 3]
  conv,          ///< convolution, bias (batch norm folded in), activation
  max_pool,      ///< factor x factor windows, stride factor
  average_pool,  ///< the same, the mean
  gate,          ///< inputs[0] * sigmoid(expand(inputs[1])) * scale: selective attention
  upsample,      ///< by factor, bilinear with half-pixel centres or nearest
  add,           ///< inputs[0] + inputs[1]
  concat,        ///< channels of inputs[0], then those of inputs[1]
  classify,      ///< class ids: scores enlarged by factor (bilinear), then the largest; only ever the last node
};

/// One operator. Heights and widths are the picture's (padded) divided by 2^log2_stride.
struct Node {
  Op op = Op::input;
  Name name;
  std::array<std::int16_t, 2> inputs{-1, -1};
  int channels = 0;
  int log2_stride = 0;
  ConvSpec conv{};                                       ///< op == conv
  int factor = 1;                                        ///< pools, gate, upsample
  Interpolation interpolation = Interpolation::bilinear; ///< gate, upsample
  int scales = 0;                                        ///< gate: 1 or channels learned scales (float network only)
  int block = 0;                                         ///< nodes of one block can run together, in strips
  bool absorbed = false;                                 ///< computed by its only reader (nn/fusion.hpp)

  constexpr Shape shape(int height, int width) const noexcept {
    return {height >> log2_stride, width >> log2_stride, channels};
  }
};

/// Capacity: the largest description (4 stages of 12 blocks of 11 operators, 4 decoder steps of 5) needs 551 nodes.
inline constexpr int max_nodes = 560;

/// Nodes in running order; node 0 is the picture, the last one the result.
class Graph {
 public:
  constexpr Graph() = default;

  constexpr int size() const noexcept { return size_; }
  constexpr const Node& operator[](int i) const noexcept { return nodes_[static_cast<std::size_t>(i)]; }
  constexpr const Node& result() const noexcept { return nodes_[static_cast<std::size_t>(size_ - 1)]; }
  constexpr const Node* begin() const noexcept { return nodes_.data(); }
  constexpr const Node* end() const noexcept { return nodes_.data() + size_; }
  /// False when a node, a name or an input did not fit; nothing else of the graph may be used then.
  constexpr bool valid() const noexcept { return valid_; }

  /// The nodes that follow belong to a new block: a residual block, a decoder step.
  constexpr void begin_block() noexcept { ++block_; }
  /// Node i will be computed by the one node that reads it.
  constexpr void absorb(int i) noexcept { nodes_[static_cast<std::size_t>(i)].absorbed = true; }

  /// The input, [H, W, channels] at stride 1. @return its index
  constexpr int input(int channels) noexcept {
    Node n;
    n.name = "input";
    n.channels = channels;
    return push(n);
  }
  /// Convolution of node `from` ('same' padding; stride 1 or 2). @return its index
  constexpr int conv(const Name& name, int from, ConvSpec spec) noexcept {
    Node n = after(Op::conv, name, from);
    spec.in_channels = channels(from);
    n.conv = spec.same();
    n.channels = spec.out_channels;
    n.log2_stride += spec.stride == 2 ? 1 : 0;
    if (spec.in_channels % spec.groups != 0 || spec.out_channels % spec.groups != 0) valid_ = false;
    return push(n);
  }
  /// Max or average pooling by `factor` (2 or 4). @return its index
  constexpr int pool(const Name& name, int from, Op op, int factor) noexcept {
    Node n = after(op, name, from);
    n.factor = factor;
    n.log2_stride += log2(factor);
    return push(n);
  }
  /// V' = V * sigmoid(expand(A)) * S. @param scales 1 or the channels of V. @return its index
  constexpr int gate(const Name& name, int v, int a, int factor, Interpolation how, int scales) noexcept {
    Node n = after(Op::gate, name, v, a);
    n.factor = factor;
    n.interpolation = how;
    n.scales = scales;
    if (channels(v) != channels(a)) valid_ = false;
    return push(n);
  }
  /// Enlargement by `factor` (2, 4 or 8). @return its index
  constexpr int upsample(const Name& name, int from, int factor, Interpolation how) noexcept {
    Node n = after(Op::upsample, name, from);
    n.factor = factor;
    n.interpolation = how;
    n.log2_stride -= log2(factor);
    return push(n);
  }
  /// Sum of two nodes of one shape. @return its index
  constexpr int add(const Name& name, int a, int b) noexcept {
    if (channels(a) != channels(b)) valid_ = false;
    return push(after(Op::add, name, a, b));
  }
  /// Channels of a, then of b. @return its index
  constexpr int concat(const Name& name, int a, int b) noexcept {
    Node n = after(Op::concat, name, a, b);
    n.channels = channels(a) + channels(b);
    return push(n);
  }
  /// Class ids of node `scores`, enlarged by `factor` (1, 2, 4 or 8). @return its index
  constexpr int classify(const Name& name, int scores, int factor) noexcept {
    Node n = after(Op::classify, name, scores);
    n.channels = 1;
    n.factor = factor;
    n.log2_stride -= log2(factor);
    return push(n);
  }
  constexpr int channels(int i) const noexcept { return i >= 0 && i < size_ ? (*this)[i].channels : 0; }

 private:
  static constexpr int log2(int factor) noexcept { return factor == 8 ? 3 : factor == 4 ? 2 : factor == 2 ? 1 : 0; }

  constexpr Node after(Op op, const Name& name, int a, int b = -1) noexcept {
    Node n;
    n.op = op;
    n.name = name;
    n.inputs = {static_cast<std::int16_t>(a), static_cast<std::int16_t>(b)};
    if (a < 0 || a >= size_ || b >= size_) {
      valid_ = false;
      return n;
    }
    n.channels = channels(a);
    n.log2_stride = (*this)[a].log2_stride;
    return n;
  }
  constexpr int push(const Node& n) noexcept {
    if (size_ == max_nodes || n.name.cut) {
      valid_ = false;
      return size_ - 1;
    }
    nodes_[static_cast<std::size_t>(size_)] = n;
    nodes_[static_cast<std::size_t>(size_)].block = block_;
    return size_++;
  }

  std::array<Node, max_nodes> nodes_{};
  int size_ = 0;
  int block_ = 0;
  bool valid_ = true;
};

ATTENDSEG_NAMESPACE_END
