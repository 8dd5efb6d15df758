# SPDX-License-Identifier: Apache-2.0
# To be sourced (sh): need_packages PACKAGE... makes sure that Debian packages, or their like, are there.

# python_with MODULES: the first Python that can import them (`numpy, PIL`). A python3 in front of Debian's own on the
# PATH does not see the packages that apt brings.
python_with() {
  for python in python3 /usr/bin/python3; do
    if "$python" -c "import $1" 2>/dev/null; then
      echo "$python"
      return 0
    fi
  done
  return 1
}

# Whether what a package brings is there already, from whatever source.
has_package() {
  case $1 in
    g++ | cmake | make | clang | python3 | valgrind) command -v "$1" >/dev/null 2>&1; return ;;
    qemu-user-static) command -v qemu-aarch64-static >/dev/null 2>&1; return ;;
    g++-aarch64-linux-gnu) command -v aarch64-linux-gnu-g++ >/dev/null 2>&1; return ;;
    libcli11-dev) header=CLI/CLI.hpp ;;
    libstb-dev) header=stb/stb_image.h ;;
    libeigen3-dev) header=eigen3/Eigen/Core ;;
    libxsimd-dev) header=xsimd/xsimd.hpp ;;
    doctest-dev) header=doctest/doctest.h ;;
    libbenchmark-dev) header=benchmark/benchmark.h ;;
    python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null; return ;;
    python3-matplotlib) python_with matplotlib >/dev/null; return ;;
    python3-numpy | python3-pil) python_with "numpy, PIL" >/dev/null; return ;;
    *) return 1 ;;
  esac
  [ -e "/usr/include/$header" ] || [ -e "/usr/local/include/$header" ]
}

# Installs by apt what is missing, as root or by sudo; else prints the line to run and returns 1.
need_packages() {
  missing=
  for package in "$@"; do
    has_package "$package" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  line="apt-get update && apt-get install -y --no-install-recommends$missing"
  as_root=
  if [ "$(id -u)" != 0 ]; then
    as_root=sudo
    line="sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing"
    if ! sudo -n true >/dev/null 2>&1 && ! { [ -t 0 ] && sudo -v 2>/dev/null; }; then
      echo "Some packages are missing. Please run" >&2
      echo "  $line" >&2
      return 1
    fi
  fi
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "Some packages are missing; on Debian this line brings them:" >&2
    echo "  $line" >&2
    return 1
  fi
  echo "installing$missing"
  log=$(mktemp)
  if $as_root apt-get -o DPkg::Lock::Timeout=120 update -q >"$log" 2>&1 &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y -q \
      --no-install-recommends $missing >>"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  tail -n 20 "$log" >&2
  rm -f "$log"
  echo "The packages could not be installed. Please run" >&2
  echo "  $line" >&2
  return 1
}
