// SPDX-License-Identifier: Apache-2.0
// evaluate --images DIR --labels DIR: how well a network segments pictures whose labels are known.
#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "common/class_map.hpp"
#include "common/confusion.hpp"
#include "common/json.hpp"
#include "common/program.hpp"
#include "common/segmenter.hpp"

namespace {

using namespace app;

struct Arguments {
  std::string images, labels, weights, map, plot;
  Segmenter::Options network;
  std::size_t limit = 0;
  bool json = false;
};

std::span<const std::uint8_t> pixels(const Image& image) {
  return {image.pixels.get(), static_cast<std::size_t>(image.count())};
}

/// Segments one picture and counts it against its labels, the PNG of the same stem.
Status add_picture(Segmenter& network, const ClassMap& map, const fs::path& path, const fs::path& labels_folder,
                   Confusion& confusion) {
  const auto picture = read_picture(path);
  if (!picture) return picture.error();
  const fs::path labels_path = labels_folder / (path.stem().string() + ".png");
  const auto labels = read_labels(labels_path);
  if (!labels) return labels.error();
  if (labels->width != picture->width || labels->height != picture->height)
    return Error{labels_path.string() + ": " + std::to_string(labels->width) + " x " + std::to_string(labels->height) +
                 " labels, expected " + std::to_string(picture->width) + " x " + std::to_string(picture->height) +
                 " as the picture"};
  for (const std::uint8_t id : pixels(*labels))
    if (id >= confusion.classes() && id != ignored_label)
      return Error{labels_path.string() + ": class id " + std::to_string(id) + ", expected 0 to " +
                   std::to_string(confusion.classes() - 1) + " or 255 (ignored)"};
  auto mask = network.run(*picture);
  if (!mask) return Error{path.string() + ": " + mask.error().message};
  map.apply(*mask);
  confusion.add(pixels(*labels), *mask);
  return {};
}

/// From the network's classes to those of the labels: the same ones, unless a map says otherwise.
Result<ClassMap> classes_of(const Arguments& a, const ClassNames& network) {
  const auto data_set = data_set_classes(a.labels);
  if (!data_set) return data_set.error();
  if (!a.map.empty()) return read_class_map(a.map, network, *data_set);
  if (data_set->empty() || *data_set == network) return same_classes(network);
  return Error{a.labels + ": classes " + listed(*data_set) + ", expected those of the network, " +
               listed(network) + ", or --map"};
}

void print_json(const Confusion& m, const std::vector<std::string>& names, std::size_t images) {
  json::Object iou;
  json::Array rows;
  for (int t = 0; t < m.classes(); ++t) {
    const auto value = m.iou(t);
    iou.push_back(member(names[static_cast<std::size_t>(t)], value ? json::Value(*value) : json::Value()));
    json::Array row;
    for (int p = 0; p < m.classes(); ++p) row.emplace_back(m.at(t, p));
    rows.emplace_back(std::move(row));
  }
  print_line({member("miou", m.mean_iou()), member("pixel_accuracy", m.pixel_accuracy()),
              member("iou", std::move(iou)), member("confusion", std::move(rows)),
              member("images", static_cast<std::int64_t>(images))});
}

void print_text(const Confusion& m, const std::vector<std::string>& names, std::size_t images) {
  std::size_t widest = 14;
  for (const std::string& name : names) widest = std::max(widest, name.size());
  const int w = static_cast<int>(widest);
  std::printf("%-*s  %7s  %12s\n", w, "class", "IoU, %", "true pixels");
  for (int c = 0; c < m.classes(); ++c) {
    const auto value = m.iou(c);
    std::printf("%-*s  %7s  %12lld\n", w, names[static_cast<std::size_t>(c)].c_str(),
                value ? decimals(*value, 2).c_str() : "-", static_cast<long long>(m.true_pixels(c)));
  }
  std::printf("%-*s  %7s\n", w, "mIoU", decimals(m.mean_iou(), 2).c_str());
  std::printf("%-*s  %7s\n", w, "pixel accuracy", decimals(m.pixel_accuracy(), 2).c_str());
  std::printf("%-*s  %7zu\n", w, "images", images);
}

int evaluate(const Arguments& a, const std::string& program) {
  auto network = Segmenter::load(a.weights.empty() ? default_weights(a.network.use_float) : a.weights, a.network);
  if (!network) return complain(program, network.error().message);
  auto paths = pictures_of(a.images);
  if (!paths) return complain(program, paths.error().message);
  if (a.limit > 0 && a.limit < paths->size()) paths->resize(a.limit);
  const fs::path plot_file = a.plot;
  if (!a.plot.empty())
    if (Status s = prepare_folder(plot_file.parent_path()); !s) return complain(program, s.error().message);

  const auto map = classes_of(a, (*network)->info().classes);
  if (!map) return complain(program, map.error().message);
  const ClassNames& names = map->names;
  Confusion confusion(static_cast<int>(names.size()));
  {
    const Progress progress(paths->size());
    for (std::size_t i = 0; i < paths->size(); ++i) {
      progress.show(i);
      if (Status s = add_picture(**network, *map, (*paths)[i], a.labels, confusion); !s) {
        progress.clear();
        return complain(program, s.error().message);
      }
    }
  }
  if (!a.plot.empty()) {
    const Canvas drawn = plot(confusion, names,
                              "mIoU " + decimals(confusion.mean_iou(), 2) + " %, pixel accuracy " +
                                  decimals(confusion.pixel_accuracy(), 2) + " %, " + std::to_string(paths->size()) +
                                  (paths->size() == 1 ? " image" : " images"));
    if (Status s = write_whole(plot_file, to_png(drawn.pixels.data(), drawn.width, drawn.height, 3)); !s)
      return complain(program, s.error().message);
  }
  (a.json ? print_json : print_text)(confusion, names, paths->size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli("Measures a network on pictures whose labels are known (8-bit grey PNG of the same name; 255 is ignored).",
               "evaluate");
  Arguments a;
  cli.add_option("--images", a.images, "folder of JPEG or PNG pictures")->required()->type_name("DIR");
  cli.add_option("--labels", a.labels, "folder of their labels")->required()->type_name("DIR");
  cli.add_option("--map", a.map,
                 "classes of the labels as JSON, {\"road\": [\"lane\", \"kerb\"], ...}: each with those of the network "
                 "that count as it [the same classes]")
      ->type_name("FILE");
  cli.add_option("--weights", a.weights, "weight file [$ATTENDSEG_WEIGHTS, or the person weights]")->type_name("FILE");
  cli.add_flag("--float", a.network.use_float, "run the float network instead of the int8 one");
  cli.add_option("--threads", a.network.threads, "threads [1]")->type_name("N")->check(CLI::Range(1, 256));
  cli.add_option("--limit", a.limit, "only the first N pictures")->type_name("N")->check(CLI::Range(1, 1000000000));
  cli.add_option("--plot", a.plot, "draw the confusion matrix, a PNG")->type_name("FILE");
  cli.add_flag("--json", a.json, "print one JSON object");
  return app::run_program(cli, argc, argv, [&] { return evaluate(a, cli.get_name()); });
}
