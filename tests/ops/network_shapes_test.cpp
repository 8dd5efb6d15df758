// SPDX-License-Identifier: Apache-2.0
// Every int8 operator at every shape that the released network runs it at, against its law.
#include <utility>

#include <doctest/doctest.h>

#include "attendseg/io/model_info.hpp"
#include "attendseg/models/lower.hpp"
#include "attendseg/nn/operator_shapes.hpp"
#include "tests/support/files.hpp"
#include "tests/support/operator_case.hpp"

using namespace attendseg;
using namespace test;

namespace {

/// In three bands, the last one first.
template <class Backend>
std::string run(const OperatorShape& s, View<const std::int8_t> wanted) {
  OperatorCase<Backend> operation(s);
  const int height = s.out.height, third = height / 3;
  operation.run({height - third, height});
  operation.run({0, third});
  operation.run({third, height - third});
  if (!operation.intact()) return "wrote outside its rows";
  return difference(operation.out(), wanted);
}

}  // namespace

TEST_CASE("every operator of the released network equals its reference at the network's own shapes") {
  const auto file = test::open("weights/person.int8.safetensors");
  REQUIRE(file.ok());
  const auto info = read_model_info(file->tensors.metadata());
  REQUIRE(info.ok());
  const auto shapes = operator_shapes(lower(info->description), 96, 128);
  CHECK(shapes.size() > 30);
  for (const OperatorShape& s : shapes) {
    CAPTURE(describe(s));
    Tensor<std::int8_t> wanted(s.out);
    OperatorCase<simd::native>(s).reference(wanted.view());
    const auto view = std::as_const(wanted).view();
    CHECK(run<simd::native>(s, view) == "");
    CHECK(run<simd::Scalar>(s, view) == "");
  }
}
