# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of weights/recipe beside this file. Last line: "N passed, N failed"; what lacks a package is skipped, visibly."""

import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent


def main() -> int:
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*_test.py"))
    passed = failed = 0
    for name in names:
        result = unittest.TextTestRunner(stream=sys.stderr, verbosity=0, buffer=True).run(
            unittest.defaultTestLoader.discover(str(HERE), f"{name}.py"))
        wrong = len(result.failures) + len(result.errors)
        passed += result.testsRun - wrong - len(result.skipped)
        failed += wrong
        for _, why in result.skipped:
            print(f"SKIP   tests/recipe/{name}.py: {why}")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main())
