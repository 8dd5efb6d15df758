# SPDX-License-Identifier: Apache-2.0
"""Reading of a TOML table in which every wrong value is an error that names field, value met and value wanted."""

from __future__ import annotations

from typing import Any


class RequirementsError(ValueError):
    """A wrong value in a requirements file."""


def wrong(where: str, met: Any, wanted: str) -> RequirementsError:
    return RequirementsError(f"{where}: {met!r}, expected {wanted}")


class Table:
    """One table of the file; `done` at the end complains of names that nobody asked for."""

    def __init__(self, value: Any, where: str):
        if not isinstance(value, dict):
            raise wrong(where, value, "a table")
        self.value, self.where, self.asked = value, where, set()

    def name(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def raw(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return self.value.get(key, default)

    def table(self, key: str) -> "Table":
        return Table(self.raw(key, {}), self.name(key))

    def number(self, key: str, default: float | None, low: float, high: float, kind: type = int) -> Any:
        """An int (or, with kind float, any number) within [low, high]."""
        value = self.raw(key, default)
        if value is default and key not in self.value:
            return default
        allowed = (int,) if kind is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, allowed) or not low <= value <= high:
            raise wrong(
                self.name(key), value, f"{'a whole number' if kind is int else 'a number'} from {low} to {high}"
            )
        return kind(value)

    def text(self, key: str, default: str | None, choices: tuple[str, ...] = ()) -> str:
        value = self.raw(key, default)
        if value is None:
            raise RequirementsError(f"{self.name(key)}: missing, expected a text")
        if not isinstance(value, str) or not value or (choices and value not in choices):
            raise wrong(self.name(key), value, " or ".join(map(repr, choices)) or "a text")
        return value

    def texts(self, key: str, default: list[str]) -> list[str]:
        value = self.raw(key, default)
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
            raise wrong(self.name(key), value, 'a list of texts as ["train"]')
        return value

    def size(self, key: str, default: tuple[int, int] | None) -> tuple[int, int] | None:
        """[height, width] in pixels."""
        value = self.raw(key)
        if value is None:
            return default
        if (
            not isinstance(value, list)
            or len(value) != 2
            or not all(type(v) is int and 32 <= v <= 4096 and v % 32 == 0 for v in value)
        ):
            raise wrong(self.name(key), value, "[height, width], multiples of 32 from 32 to 4096")
        return value[0], value[1]

    def pair(self, key: str, default: tuple[float, float], low: float, high: float) -> tuple[float, float]:
        value = self.raw(key, list(default))
        good = (
            isinstance(value, list)
            and len(value) == 2
            and all(type(v) in (int, float) and low <= v <= high for v in value)
        )
        if not good or value[0] > value[1]:
            raise wrong(self.name(key), value, f"[low, high] within {low} to {high}")
        return float(value[0]), float(value[1])

    def done(self) -> None:
        unknown = sorted(set(self.value) - self.asked)
        if unknown:
            raise RequirementsError(
                f"{self.name(unknown[0])}: an unknown name, expected {', '.join(sorted(self.asked))}"
            )
