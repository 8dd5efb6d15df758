# SPDX-License-Identifier: Apache-2.0
# find_package(attendseg): attendseg::attendseg (int8, depends on nothing).
# find_package(attendseg COMPONENTS float): attendseg::float as well, which needs xsimd.
include(${CMAKE_CURRENT_LIST_DIR}/attendseg-targets.cmake)
if("float" IN_LIST attendseg_FIND_COMPONENTS)
  include(${CMAKE_CURRENT_LIST_DIR}/attendseg-float.cmake)
  if(TARGET attendseg::float)
    set(attendseg_float_FOUND TRUE)
  elseif(attendseg_FIND_REQUIRED_float)
    set(attendseg_FOUND FALSE)
    set(attendseg_NOT_FOUND_MESSAGE "the component float needs xsimd (Debian: libxsimd-dev)")
  endif()
endif()
