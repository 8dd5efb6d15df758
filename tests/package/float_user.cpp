// SPDX-License-Identifier: Apache-2.0
// A user of the float network, who found the package with its component `float`.
#include <attendseg/float.hpp>

#include <cstdio>

int main(int, char** argv) {
  const auto model = attendseg::AttendSeg<float>::load(argv[1]);
  std::puts(model ? model->info().classes[0].c_str() : model.error().message.c_str());
  return model ? 0 : 1;
}
