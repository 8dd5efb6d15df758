// SPDX-License-Identifier: Apache-2.0
// The shortest way from pixels to labels: minimal [WEIGHTS], from the top of the source tree.
#include <attendseg/attendseg.hpp>

#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  auto model = attendseg::AttendSeg<std::int8_t>::load(argc > 1 ? argv[1] : "weights/person.int8.safetensors");
  if (!model) return std::fprintf(stderr, "minimal: %s\n", model.error().message.c_str()), 1;
  const int width = 320, height = 240;
  std::vector<std::uint8_t> rgb(width * height * 3, 128), labels(width * height);  // your picture goes here
  auto plan = model->plan(height, width);
  if (!plan) return std::fprintf(stderr, "minimal: %s\n", plan.error().message.c_str()), 1;
  plan->run({rgb.data(), width, height, width * 3, attendseg::PixelFormat::rgb}, {labels.data(), {height, width, 1}});
  std::printf("a grey picture: %s\n", model->info().classes[labels[0]].c_str());
}
