// SPDX-License-Identifier: Apache-2.0
// Which tensors a network's weight file must hold, and the proof that a file holds them and nothing else.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attendseg/core/result.hpp"
#include "attendseg/io/model_info.hpp"
#include "attendseg/io/safetensors.hpp"
#include "attendseg/io/stored_values.hpp"
#include "attendseg/io/weight_values.hpp"
#include "attendseg/nn/graph.hpp"

ATTENDSEG_NAMESPACE_BEGIN

/// The largest side of a stored test picture.
inline constexpr int max_test_size = 512;

/// A tensor that a file must hold. Kinds of values: what check_weights() holds them to.
struct ExpectedTensor {
  std::string name;
  std::vector<DType> dtypes;         ///< any of these
  std::vector<std::int64_t> shape;   ///< -1: any size from 1 to max_test_size
  ValueRule rule = ValueRule::any;
};

/// The tensors of a graph in running order.
/// int8: X.weight, X.bias, X.multiplier, X.zero_point of convolutions, X.multiplier, X.shift, X.zero_point of sums,
/// X.table of gates; float: X.weight and X.bias of convolutions, X.scale of gates. @pre g.valid()
inline std::vector<ExpectedTensor> graph_tensors(const Graph& g, Precision precision) {
  const bool int8 = precision == Precision::int8;
  const std::vector<DType> real =
      int8 ? std::vector<DType>{DType::f32} : std::vector<DType>{DType::f16, DType::f32};
  std::vector<ExpectedTensor> out;
  for (const Node& n : g) {
    const std::string name(n.name.view());
    if (n.op == Op::conv) {
      const ConvSpec& c = n.conv;
      const std::vector<std::int64_t> shape{c.out_channels, c.kernel, c.kernel, c.group_inputs()};
      if (int8) {
        out.push_back({name + ".weight", {DType::i8}, shape, ValueRule::weight});
        out.push_back({name + ".bias", {DType::i32}, {c.out_channels}});
        out.push_back({name + ".multiplier", {DType::f32}, {c.out_channels}, ValueRule::positive});
        out.push_back({name + ".zero_point", {DType::i8}, {1}});
      } else {
        out.push_back({name + ".weight", real, shape, ValueRule::finite});
        out.push_back({name + ".bias", real, {c.out_channels}, ValueRule::finite});
      }
    } else if (n.op == Op::add && int8) {
      out.push_back({name + ".multiplier", {DType::i16}, {2}, ValueRule::not_negative});
      out.push_back({name + ".shift", {DType::i8}, {1}, ValueRule::shift});
      out.push_back({name + ".zero_point", {DType::i8}, {1}});
    } else if (n.op == Op::gate && int8) {
      out.push_back({name + ".table", {DType::i16}, {256}, ValueRule::not_negative});
    } else if (n.op == Op::gate) {
      out.push_back({name + ".scale", real, {n.scales}, ValueRule::finite});
    }
  }
  return out;
}

/// The tensors of a graph's weight file: the graph's own, head.confidence (int8), then those of the test vector.
inline std::vector<ExpectedTensor> expected_tensors(const Graph& g, Precision precision) {
  const bool int8 = precision == Precision::int8;
  std::vector<ExpectedTensor> out = graph_tensors(g, precision);
  if (int8) out.push_back({"head.confidence", {DType::u8}, {256}});
  out.push_back({"test.image", {DType::u8}, {-1, -1, 3}});
  out.push_back({"test.mask", {DType::u8}, {-1, -1}});
  if (!int8) out.push_back({"test.scores", {DType::f32}, {-1, -1, g.result().channels}, ValueRule::finite});
  return out;
}

namespace detail {

/// Type and shape of one tensor.
inline Status check_form(const ExpectedTensor& wanted, const StoredTensor& t) {
  bool typed = false;
  std::string types;
  for (const DType d : wanted.dtypes) {
    typed = typed || t.dtype == d;
    types += (types.empty() ? "" : " or ") + std::string(dtype_name(d));
  }
  if (!typed) return Error{t.name + ": dtype " + std::string(dtype_name(t.dtype)) + ", expected " + types};
  bool shaped = t.shape.size() == wanted.shape.size();
  bool free = false;
  std::string shape = "[";
  for (std::size_t i = 0; i < wanted.shape.size(); ++i) {
    const std::int64_t n = wanted.shape[i];
    free = free || n < 0;
    shaped = shaped && (n < 0 ? t.shape[i] >= 1 && t.shape[i] <= max_test_size : t.shape[i] == n);
    if (i > 0) shape += ',';
    shape += n < 0 ? "n" : std::to_string(n);
  }
  if (shaped) return {};
  return Error{t.name + ": shape " + shape_text(t.shape) + ", expected " + shape + "]" +
               (free ? ", each n from 1 to " + std::to_string(max_test_size) : "")};
}

/// That a file holds a tensor, with its type, shape and range of values.
inline Status check_stored(const ExpectedTensor& wanted, const SafeTensors& file) {
  const StoredTensor* t = file.find(wanted.name);
  if (t == nullptr) return Error{wanted.name + ": missing"};
  if (Status s = check_form(wanted, *t); !s) return s;
  return check_values(*t, wanted.rule);
}

/// That the tensors of the test vector fit each other and the network. @pre they have passed check_form
inline Status check_test_vector(const Graph& g, const SafeTensors& file) {
  const std::vector<std::int64_t>& image = file.find("test.image")->shape;
  const StoredTensor& mask = *file.find("test.mask");
  if (mask.shape[0] != image[0] || mask.shape[1] != image[1])
    return Error{"test.mask: shape " + shape_text(mask.shape) + ", expected " +
                 shape_text(std::span(image).first(2)) + " as test.image has"};
  const int classes = g.result().channels;
  for (std::size_t i = 0; i < mask.bytes.size(); ++i)
    if (std::to_integer<int>(mask.bytes[i]) >= classes)
      return Error{"test.mask: value " + std::to_string(std::to_integer<int>(mask.bytes[i])) + " at " +
                   std::to_string(i) + ", expected 0 to " + std::to_string(classes - 1)};
  const StoredTensor* scores = file.find("test.scores");
  if (scores == nullptr) return {};
  // The network sees the picture padded to multiples of its total stride.
  int total = 0;
  for (const Node& n : g) total = n.log2_stride > total ? n.log2_stride : total;
  const auto side = [&](std::int64_t n) { return (n + (std::int64_t{1} << total) - 1) >> total << total; };
  const std::vector<std::int64_t> wanted{side(image[0]) >> g.result().log2_stride,
                                         side(image[1]) >> g.result().log2_stride, classes};
  if (scores->shape != wanted)
    return Error{"test.scores: shape " + shape_text(scores->shape) + ", expected " + shape_text(wanted)};
  return {};
}

}  // namespace detail

/// Proves that a file holds a graph's own tensors with their types, shapes and ranges of values; it may hold others.
/// @pre g.valid() @throws std::bad_alloc
inline Status check_graph_weights(const Graph& g, Precision precision, const SafeTensors& file) {
  for (const ExpectedTensor& e : graph_tensors(g, precision))
    if (Status s = detail::check_stored(e, file); !s) return s;
  return {};
}

/// Proves that a file holds exactly the tensors of a graph, with their types, shapes and ranges of values, and a test
/// vector that fits. Errors name the tensor: `stage2.block1.expand.weight: shape [96,1,1,32], expected [128,1,1,32]`.
/// Bounds of accumulators are the convolutions' own to check. @pre g.valid() @throws std::bad_alloc
inline Status check_weights(const Graph& g, Precision precision, const SafeTensors& file) {
  const std::vector<ExpectedTensor> expected = expected_tensors(g, precision);
  std::set<std::string_view> names;
  for (const ExpectedTensor& e : expected) {
    names.insert(e.name);
    if (Status s = detail::check_stored(e, file); !s) return s;
  }
  for (const StoredTensor& t : file.tensors())
    if (!names.contains(t.name)) return Error{json::shown(t.name) + ": a tensor the network does not have"};
  return detail::check_test_vector(g, file);
}

/// The zero point of every node's activation in an int8 network: convolutions and sums have their own, the picture's
/// is `input_zero_point`, others keep that of their (first) input. Fails where the inputs of a concatenation differ.
/// @pre check_weights(g, Precision::int8, file)
inline Result<std::vector<int>> zero_points(const Graph& g, const SafeTensors& file, int input_zero_point = 0) {
  std::vector<int> out;
  for (const Node& n : g) {
    const auto input = [&](std::size_t i) { return out[static_cast<std::size_t>(n.inputs[i])]; };
    if (n.op == Op::conv || n.op == Op::add) {
      const auto stored = int8s(file, std::string(n.name.view()) + ".zero_point");
      if (!stored) return stored.error();
      out.push_back((*stored)[0]);
      continue;
    }
    if (n.op == Op::concat && input(0) != input(1))
      return Error{std::string(n.name.view()) + ": zero points of its inputs are " + std::to_string(input(0)) +
                   " and " + std::to_string(input(1)) + ", expected equal ones"};
    out.push_back(n.op == Op::input ? input_zero_point : input(0));
  }
  return out;
}

ATTENDSEG_NAMESPACE_END
