# SPDX-License-Identifier: Apache-2.0
# Defines attendseg::float where Eigen and xsimd are found. xsimd is looked up by its header: the target that Debian's
# package exports asks for a library xtl that need not be there.
find_package(Eigen3 3.3 QUIET NO_MODULE)
find_path(XSIMD_INCLUDE_DIR xsimd/xsimd.hpp)
mark_as_advanced(XSIMD_INCLUDE_DIR)
if(TARGET Eigen3::Eigen AND XSIMD_INCLUDE_DIR AND NOT TARGET attendseg::float)
  add_library(attendseg::float INTERFACE IMPORTED GLOBAL)
  target_link_libraries(attendseg::float INTERFACE attendseg::attendseg Eigen3::Eigen)
  target_include_directories(attendseg::float SYSTEM INTERFACE ${XSIMD_INCLUDE_DIR})
endif()
