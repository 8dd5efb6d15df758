// SPDX-License-Identifier: Apache-2.0
// same_bits LIST [--print]: runs the int8 networks and compares their masks with recorded checksums.
// LIST has a line "weights image checksum" for each, paths relative to the top of the source tree.
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "attendseg/attendseg.hpp"
#include "common/checksum.hpp"
#include "common/image.hpp"

namespace {

/// The checksum of a picture's mask, from `threads` threads.
attendseg::Result<std::string> run(const std::string& weights, const std::string& image, int threads) {
  auto model = attendseg::AttendSeg<std::int8_t>::load(weights);
  if (!model) return model.error();
  if (const auto s = model->verify(); !s) return attendseg::Error{weights + ": " + s.error().message};
  const auto picture = app::read_picture(image);
  if (!picture) return picture.error();
  auto plan = model->plan(picture->height, picture->width, {.workers = threads});
  if (!plan) return plan.error();
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(picture->count()));
  attendseg::ThreadPool pool(threads);
  const auto failed = plan->run({picture->pixels.get(), picture->width, picture->height,
                                 std::ptrdiff_t{picture->width} * 3, attendseg::PixelFormat::rgb},
                                {mask.data(), {picture->height, picture->width, 1}}, {}, pool.executor());
  if (failed != attendseg::RunError::none) return attendseg::Error{attendseg::describe(failed)};
  return app::checksum(mask);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("usage: same_bits LIST [--print]\n", stderr), 2;
  const bool print = argc > 2 && std::string(argv[2]) == "--print";
  std::ifstream list(argv[1]);
  int passed = 0, failed = 0;
  for (std::string line; std::getline(list, line);) {
    if (line.empty() || line[0] == '#') {
      if (print) std::puts(line.c_str());
      continue;
    }
    std::istringstream fields(line);
    std::string weights, image, wanted;
    fields >> weights >> image >> wanted;
    const auto once = run(weights, image, 1);
    if (print) {
      std::printf("%s %s %s\n", weights.c_str(), image.c_str(), once ? once->c_str() : once.error().message.c_str());
      continue;
    }
    const auto shared = run(weights, image, 3);
    const bool same = once && shared && *once == wanted && *shared == wanted;
    ++(same ? passed : failed);
    if (!same)
      std::printf("%s %s: %s, %s by three threads, expected %s\n", weights.c_str(), image.c_str(),
                  once ? once->c_str() : once.error().message.c_str(),
                  shared ? shared->c_str() : shared.error().message.c_str(), wanted.c_str());
  }
  if (print) return 0;
  if (passed + failed == 0) std::printf("%s: holds no line to check\n", argv[1]);
  std::printf("%s: %d passed, %d failed\n", ATTENDSEG_BACKEND_NAME, passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
