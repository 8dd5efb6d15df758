// SPDX-License-Identifier: Apache-2.0
// Links translation units built with different instruction sets: each must keep its own code, and all agree.
#include <cstdio>
#include <string>

std::string part_plain(const char* weights, std::string& backend);
std::string part_twin(const char* weights, std::string& backend);
std::string part_vector(const char* weights, std::string& backend);

int main(int, char** argv) {
  std::string backends[3];
  const std::string a = part_plain(argv[1], backends[0]), b = part_twin(argv[1], backends[1]),
                    c = part_vector(argv[1], backends[2]);
  std::printf("%s %s, %s %s, %s %s\n", backends[0].c_str(), a.c_str(), backends[1].c_str(), b.c_str(),
              backends[2].c_str(), c.c_str());
  return a.size() == 16 && a == b && a == c && backends[0] == backends[1] && backends[0] != backends[2] ? 0 : 1;
}
