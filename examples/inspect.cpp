// SPDX-License-Identifier: Apache-2.0
// inspect: what a weight file holds and what its network costs, layer by layer.
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/json.hpp"
#include "common/program.hpp"
#include "common/segmenter.hpp"

namespace {

using namespace app;

struct Arguments {
  std::string weights;
  std::string size = "512x512";
  bool native = false;
  double memory = 0;  // MiB
  bool json = false;
};

/// "360x480": height, then width.
std::optional<attendseg::Shape> parse_size(const std::string& text) {
  attendseg::Shape s;
  const char* end = text.data() + text.size();
  const auto h = std::from_chars(text.data(), end, s.height);
  if (h.ec != std::errc() || h.ptr == end || *h.ptr != 'x') return std::nullopt;
  const auto w = std::from_chars(h.ptr + 1, end, s.width);
  if (w.ec != std::errc() || w.ptr != end) return std::nullopt;
  return s;
}

const char* kind(const attendseg::Node& n) {
  using attendseg::Op;
  switch (n.op) {
    case Op::input: return "input";
    case Op::conv:
      return n.conv.depthwise() ? "depthwise" : n.conv.groups > 1 ? "grouped" : n.conv.kernel == 1 ? "pointwise" : "conv";
    case Op::max_pool: return "max pool";
    case Op::average_pool: return "average pool";
    case Op::gate: return "gate";
    case Op::upsample: return "upsample";
    case Op::add: return "add";
    case Op::concat: return "concat";
    case Op::classify: return "labels";
  }
  return "";
}

/// 1234567 as "1,234,567": long columns of digits are hard to read.
std::string grouped(std::int64_t n) {
  std::string s = std::to_string(n);
  for (std::size_t i = s.size(); i > 3; i -= 3) s.insert(i - 3, ",");
  return s;
}

/// What is printed about a network, whatever its precision.
struct Report {
  std::string file;
  const attendseg::ModelInfo& info;
  const attendseg::Graph& graph;
  const char* precision;
  std::int64_t file_bytes;
  int element_bytes;
  attendseg::Shape network;  // the picture as the network sees it, reduced and padded
  attendseg::Shape picture;
  std::size_t plan_bytes;
  const attendseg::Schedule& schedule;

  /// Rows of a layer's output that are held at a time.
  int rows_held(int layer) const {
    return std::min(schedule.ring[static_cast<std::size_t>(layer)], graph[layer].shape(network.height, 1).height);
  }
};

std::string shape_text(const attendseg::Shape& s) {
  return std::to_string(s.height) + " x " + std::to_string(s.width) + " x " + std::to_string(s.channels);
}

void print_text(const Report& r) {
  const auto table = attendseg::layer_table(r.graph, r.network.height, r.network.width);
  const auto total = attendseg::totals(r.graph, r.network.height, r.network.width);
  std::printf("%-34s %-12s %18s %10s %14s %12s %12s\n", "layer", "kind", "output", "parameters", "MACs", "bytes",
              "rows held");
  for (int i = 0; i < r.graph.size(); ++i) {
    const auto& c = table[static_cast<std::size_t>(i)];
    std::printf("%-34.*s %-12s %18s %10s %14s %12s %12s\n", static_cast<int>(c.name.size()), c.name.data(),
                kind(r.graph[i]), shape_text(c.shape).c_str(), grouped(c.parameters).c_str(), grouped(c.macs).c_str(),
                grouped(c.shape.size() * r.element_bytes).c_str(),
                grouped(r.rows_held(i)).c_str());
  }
  std::printf("(bytes: the layer's output; rows held: at a time, all or a ring of them; layers share memory)\n\n");
  const auto line = [](const char* what, const std::string& value) {
    if (!value.empty()) std::printf("%-20s %s\n", what, value.c_str());
  };
  line("weights", r.file);
  line("precision", r.precision);
  line("parameters", grouped(total.parameters));
  line("weight file", grouped(r.file_bytes) + " bytes");
  line("picture", std::to_string(r.picture.height) + " x " + std::to_string(r.picture.width) + ", seen as " +
                      std::to_string(r.network.height) + " x " + std::to_string(r.network.width));
  line("MACs", grouped(total.macs));
  line("peak activations", grouped(r.schedule.bytes()) + " bytes");
  line("whole plan", grouped(static_cast<std::int64_t>(r.plan_bytes)) + " bytes with scratch");
  line("working size", std::to_string(r.info.working_size) + " pixels, the longest side");
  std::string classes;
  for (const std::string& name : r.info.classes) classes += (classes.empty() ? "" : ", ") + name;
  line("classes", classes);
  line("accuracy", r.info.accuracy);
  line("licence", r.info.license);
  line("terms", r.info.terms);
  line("source", r.info.source);
}

void print_json(const Report& r) {
  const auto table = attendseg::layer_table(r.graph, r.network.height, r.network.width);
  const auto total = attendseg::totals(r.graph, r.network.height, r.network.width);
  json::Array layers, classes;
  for (int i = 0; i < r.graph.size(); ++i) {
    const auto& c = table[static_cast<std::size_t>(i)];
    layers.emplace_back(json::Object{
        member("name", std::string(c.name)), member("kind", kind(r.graph[i])),
        member("shape", json::Array{json::Value(c.shape.height), json::Value(c.shape.width), json::Value(c.shape.channels)}),
        member("parameters", c.parameters), member("macs", c.macs), member("bytes", c.shape.size() * r.element_bytes),
        member("rows_held", r.rows_held(i))});
  }
  for (const std::string& name : r.info.classes) classes.emplace_back(name);
  print_line({member("weights", r.file), member("precision", r.precision), member("parameters", total.parameters),
              member("macs", total.macs), member("weight_bytes", r.file_bytes),
              member("peak_activation_bytes", r.schedule.bytes()),
              member("plan_bytes", static_cast<std::int64_t>(r.plan_bytes)), member("height", r.network.height),
              member("width", r.network.width), member("working_size", r.info.working_size),
              member("classes", std::move(classes)), member("accuracy", r.info.accuracy),
              member("license", r.info.license), member("terms", r.info.terms), member("source", r.info.source),
              member("layers", std::move(layers))});
}

/// The precision that a weight file says it holds.
Result<attendseg::Precision> stored_precision(std::span<const std::byte> bytes) {
  const auto file = attendseg::parse_safetensors(bytes);
  if (!file) return file.error();
  const auto info = attendseg::read_model_info(file->metadata());
  if (!info) return info.error();
  return info->precision;
}

template <class T>
int inspect_as(const Arguments& a, const std::string& program, std::span<const std::byte> bytes) {
  const auto model = attendseg::AttendSeg<T>::parse(bytes);
  if (!model) return complain(program, a.weights + ": " + model.error().message);
  const auto size = parse_size(a.size);
  if (!size) return complain(program, "--size: " + a.size + ", expected HEIGHTxWIDTH as in 360x480");
  const auto plan =
      model->plan(size->height, size->width,
                  {.native = a.native, .memory_budget = static_cast<std::size_t>(a.memory * 1048576.0)});
  if (!plan) {
    const std::string& message = plan.error().message;
    return complain(program, (message.starts_with("picture") ? "--size: " : "--memory: ") + message);
  }
  (a.json ? print_json : print_text)({a.weights, model->info(), model->graph(), sizeof(T) == 1 ? "int8" : "float",
                                      static_cast<std::int64_t>(bytes.size()), sizeof(T),
                                      {plan->network_height(), plan->network_width(), 3}, *size, plan->bytes(), plan->schedule()});
  return 0;
}

int inspect(Arguments a, const std::string& program) {
  if (a.weights.empty()) a.weights = default_weights(false);
  const auto bytes = attendseg::read_file(a.weights);
  if (!bytes) return complain(program, bytes.error().message);
  const auto precision = stored_precision(*bytes);
  if (!precision) return complain(program, a.weights + ": " + precision.error().message);
  return *precision == attendseg::Precision::int8 ? inspect_as<std::int8_t>(a, program, *bytes)
                                                  : inspect_as<float>(a, program, *bytes);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli("Tells what a weight file holds and what its network costs, layer by layer.", "inspect");
  Arguments a;
  cli.add_option("--weights", a.weights, "weight file [$ATTENDSEG_WEIGHTS, or the person weights]")->type_name("FILE");
  cli.add_option("--size", a.size, "size of the picture [512x512]")->type_name("HxW");
  cli.add_flag("--native", a.native, "do not reduce pictures larger than the network's working size");
  cli.add_option("--memory", a.memory, "memory beside the weights [no bound]")->type_name("MIB");
  cli.add_flag("--json", a.json, "print one JSON object");
  return app::run_program(cli, argc, argv, [&] { return inspect(a, cli.get_name()); });
}
