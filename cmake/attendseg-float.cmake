# SPDX-License-Identifier: Apache-2.0
# Defines attendseg::float where xsimd is found. It is looked up by its header: the target that Debian's package exports
# asks for a library xtl that need not be there. Eigen is added where it is found: who defines ATTENDSEG_FLOAT_EIGEN
# needs it.
find_package(Eigen3 3.3 QUIET NO_MODULE)
find_path(XSIMD_INCLUDE_DIR xsimd/xsimd.hpp)
mark_as_advanced(XSIMD_INCLUDE_DIR)
if(XSIMD_INCLUDE_DIR AND NOT TARGET attendseg::float)
  add_library(attendseg::float INTERFACE IMPORTED GLOBAL)
  target_link_libraries(attendseg::float INTERFACE attendseg::attendseg)
  if(TARGET Eigen3::Eigen)
    target_link_libraries(attendseg::float INTERFACE Eigen3::Eigen)
  endif()
  target_include_directories(attendseg::float SYSTEM INTERFACE ${XSIMD_INCLUDE_DIR})
endif()
