// SPDX-License-Identifier: Apache-2.0
#include "common/checksum.hpp"

#include <doctest/doctest.h>

#include <string_view>

TEST_CASE("FNV-1a gives its published values") {
  const auto of = [](std::string_view text) {
    return app::checksum({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  CHECK(of("") == "cbf29ce484222325");
  CHECK(of("a") == "af63dc4c8601ec8c");
  CHECK(of("foobar") == "85944171f73967e8");
}
