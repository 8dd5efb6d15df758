// SPDX-License-Identifier: Apache-2.0
// segment IMAGE|FOLDER...: a photograph in, its class map and a coloured overlay out.
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/checksum.hpp"
#include "common/overlay.hpp"
#include "common/json.hpp"
#include "common/program.hpp"
#include "common/segmenter.hpp"

namespace {

using namespace app;

struct Arguments {
  std::vector<std::string> inputs;
  std::string folder = ".";
  std::string weights;
  Segmenter::Options network;
  bool json = false;
};

/// One picture's results.
struct Outcome {
  int width, height;
  std::vector<double> shares;
  std::string checksum;
  double milliseconds;
  fs::path classes_file, overlay_file;
};

bool is_result(std::string_view name) { return name.ends_with(".classes.png") || name.ends_with(".overlay.png"); }

/// The pictures that the arguments name: files as they are, folders by their content.
Result<std::vector<fs::path>> pictures(const std::vector<std::string>& inputs) {
  std::vector<fs::path> out;
  for (const std::string& input : inputs) {
    std::error_code failed;
    if (!fs::is_directory(input, failed)) {
      out.emplace_back(input);
      continue;
    }
    auto found = pictures_of(input, is_result);
    if (!found) return found.error();
    out.insert(out.end(), found->begin(), found->end());
  }
  return out;
}

/// Segments and writes one picture. Both results appear together, once all that can fail has been done.
Result<Outcome> segment(Segmenter& network, const Image& picture, const fs::path& path, const fs::path& folder) {
  auto mask = network.run(picture);
  if (!mask) return Error{path.string() + ": " + mask.error().message};

  const auto& info = network.info();
  const fs::path base = folder / path.stem();
  Outcome out{picture.width, picture.height, shares(*mask, info.classes.size()), checksum(*mask),
              network.milliseconds(), base.string() + ".classes.png", base.string() + ".overlay.png"};
  const Canvas drawn = overlay(picture.pixels.get(), mask->data(), out.width, out.height, info.classes, info.palette,
                               out.shares);
  const auto classes_png = to_png(mask->data(), out.width, out.height, 1);
  const auto overlay_png = to_png(drawn.pixels.data(), drawn.width, drawn.height, 3);
  if (classes_png.empty() || overlay_png.empty()) return Error{path.string() + ": not enough memory for the results"};
  auto classes_file = StagedFile::create(out.classes_file, classes_png);
  if (!classes_file) return classes_file.error();
  auto overlay_file = StagedFile::create(out.overlay_file, overlay_png);
  if (!overlay_file) return overlay_file.error();
  if (Status s = classes_file->commit(); !s) return s.error();
  if (Status s = overlay_file->commit(); !s) return s.error();
  return out;
}

void print_json(const fs::path& path, const Outcome& o, const std::vector<std::string>& names) {
  json::Object classes;
  for (std::size_t c = 0; c < names.size(); ++c) classes.push_back(member(names[c], o.shares[c]));
  print_line({member("image", path.string()), member("width", o.width), member("height", o.height),
              member("classes", std::move(classes)), member("checksum", o.checksum),
              member("milliseconds", o.milliseconds)});
}

void print_text(const fs::path& path, const Outcome& o, const std::vector<std::string>& names) {
  std::printf("%s  %d x %d, %.1f ms\n", path.c_str(), o.width, o.height, o.milliseconds);
  for (const int c : present_classes(o.shares))
    std::printf("  %-14s %8s\n", names[static_cast<std::size_t>(c)].c_str(),
                percent(o.shares[static_cast<std::size_t>(c)]).c_str());
  std::printf("  -> %s\n  -> %s\n", o.classes_file.c_str(), o.overlay_file.c_str());
}

int segment_all(const Arguments& a, const std::string& program) {
  auto network = Segmenter::load(a.weights.empty() ? default_weights(a.network.use_float) : a.weights, a.network);
  if (!network) return complain(program, network.error().message);
  const auto paths = pictures(a.inputs);
  if (!paths) return complain(program, paths.error().message);

  const Progress progress(paths->size());
  std::map<fs::path, fs::path> written;  // stem to the picture it came from
  std::vector<std::string> failed;
  bool folder_ready = false;
  for (std::size_t i = 0; i < paths->size(); ++i) {
    const fs::path& path = (*paths)[i];
    progress.show(i);
    const auto outcome = [&]() -> Result<Outcome> {
      if (const auto twin = written.find(path.stem()); twin != written.end())
        return Error{path.string() + ": its results would replace those of " + twin->second.string()};
      const auto picture = read_picture(path);
      if (!picture) return picture.error();
      if (Status s = folder_ready ? Status() : prepare_folder(a.folder); !s) return s.error();
      folder_ready = true;
      return segment(**network, *picture, path, a.folder);
    }();
    progress.clear();
    if (!outcome) {
      complain(program, outcome.error().message);
      failed.push_back(path.string());
      continue;
    }
    written.emplace(path.stem(), path);
    (a.json ? print_json : print_text)(path, *outcome, (*network)->info().classes);
  }
  if (failed.empty()) return 0;
  if (paths->size() > 1) {
    std::string names;
    for (const std::string& f : failed) names += (names.empty() ? " " : ", ") + f;
    complain(program, std::to_string(failed.size()) + " of " + std::to_string(paths->size()) + " pictures failed:" + names);
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli("Segments photographs: writes NAME.classes.png (8-bit class ids) and NAME.overlay.png.", "segment");
  Arguments a;
  cli.add_option("inputs", a.inputs, "JPEG or PNG pictures, or folders of them")->required()->type_name("IMAGE|FOLDER");
  cli.add_option("-o,--output", a.folder, "folder for the results, made if there is none [.]")->type_name("DIR");
  cli.add_option("--weights", a.weights, "weight file [$ATTENDSEG_WEIGHTS, or the person weights]")->type_name("FILE");
  cli.add_flag("--float", a.network.use_float, "run the float network instead of the int8 one");
  cli.add_flag("--native", a.network.native, "do not reduce pictures larger than the network's working size");
  cli.add_option("--threads", a.network.threads, "threads [1]")->type_name("N")->check(CLI::Range(1, 256));
  cli.add_option("--memory", a.network.memory, "memory beside the weights; little of it makes it slower [no bound]")
      ->type_name("MIB")
      ->check(CLI::Range(0.01, 1e6));
  cli.add_flag("--json", a.json, "print one JSON object a picture");
  return app::run_program(cli, argc, argv, [&] { return segment_all(a, cli.get_name()); });
}
