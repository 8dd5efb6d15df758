// SPDX-License-Identifier: Apache-2.0
// One of several translation units that all include the whole library; PART names its function.
#include <string>
#include <vector>

#include "attendseg/attendseg.hpp"
#include "common/checksum.hpp"

/// Backend and checksum of the network's labels for a picture made of a formula.
std::string PART(const char* weights, std::string& backend) {
  backend = ATTENDSEG_BACKEND_NAME;
  const auto model = attendseg::AttendSeg<std::int8_t>::load(weights);
  if (!model) return model.error().message;
  constexpr int height = 70, width = 90;
  std::vector<std::uint8_t> rgb(height * width * 3), mask(height * width);
  for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<std::uint8_t>((i * i / 7) ^ (i >> 3));
  auto plan = model->plan(height, width);
  if (!plan) return plan.error().message;
  const auto failed = plan->run({rgb.data(), width, height, width * 3, attendseg::PixelFormat::rgb},
                                {mask.data(), {height, width, 1}});
  return failed == attendseg::RunError::none ? app::checksum(mask) : attendseg::describe(failed);
}
