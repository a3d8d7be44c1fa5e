"""Reads one TOML table field by field; every complaint names the file and the field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn, TypeVar

from .profile import BadProfile, Fact

_V = TypeVar("_V")


class Table:
    """A TOML table that is emptied as it is read, so that what is left is what nobody knows.

    Parameters
    ----------
    data : the parsed table; it is copied.
    where : the file's name.
    path : dotted path of the table inside the file, "" for the top.
    sources : keys that a ``source`` may name.
    """

    def __init__(
        self, data: dict[str, object], where: str, *, path: str = "", sources: frozenset[str] = frozenset()
    ) -> None:
        self._left = dict(data)
        self._where = where
        self._path = path
        self._sources = sources

    def fail(self, key: str, problem: str) -> NoReturn:
        """Raise `BadProfile` about field ``key``."""
        raise BadProfile(f"{self._where}: {self._name(key)}: {problem}")

    def has(self, key: str) -> bool:
        """Whether field ``key`` is there and was not read yet."""
        return key in self._left

    def done(self) -> None:
        """Refuse fields that were not read."""
        for key in self._left:
            self.fail(key, "unknown field; check its spelling")

    def table(self, key: str) -> Table:
        """Return the table under ``key``."""
        data = self._take(key)
        if not isinstance(data, dict):
            self.fail(key, f"expected a table, got {data!r}")
        return Table(data, self._where, path=self._name(key), sources=self._sources)

    def tables(self, key: str) -> Iterator[Table]:
        """Yield the tables of the array under ``key``; none if it is not there."""
        rows = self._left.pop(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self.fail(key, f"expected an array of tables ([[{self._name(key)}]])")
        for i, row in enumerate(rows):
            yield Table(row, self._where, path=f"{self._name(key)}[{i}]", sources=self._sources)

    def text(self, key: str) -> str:
        """Return the non-empty string under ``key``."""
        value = self._take(key)
        if not isinstance(value, str) or not value.strip():
            self.fail(key, f"expected a text that is not empty, got {value!r}")
        return value

    def flag(self, key: str) -> bool:
        """Return the boolean under ``key``."""
        value = self._take(key)
        if not isinstance(value, bool):
            self.fail(key, f"expected true or false, got {value!r}")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """Return the number under ``key``, which must lie in [low, high]."""
        return float(self._checked(key, self._take(key), low, high))

    def count(self, key: str, low: int, high: int) -> int:
        """Return the integer under ``key``, which must lie in [low, high]."""
        return self._whole(key, self._take(key), low, high)

    def counts(self, key: str, low: int, high: int) -> tuple[int, ...]:
        """Return the rising list of integers under ``key``, each in [low, high]."""
        values = self._take(key)
        if not isinstance(values, list) or not values:
            self.fail(key, f"expected a list that is not empty, got {values!r}")
        counts = tuple(self._whole(key, value, low, high) for value in values)
        if list(counts) != sorted(set(counts)):
            self.fail(key, f"expected rising values, got {values!r}")
        return counts

    def source(self) -> str:
        """Return the field ``source``, which must be a key of the file's [sources]."""
        key = self.text("source")
        if key not in self._sources:
            self.fail("source", f"{key!r} is not in [sources], which has {', '.join(sorted(self._sources))}")
        return key

    def optional_text(self, key: str) -> str | None:
        """Return the string under ``key``, or None if it is not there."""
        return self.text(key) if self.has(key) else None

    def optional_number(self, key: str, low: float, high: float) -> float | None:
        """Return the number under ``key``, or None if it is not there."""
        return self.number(key, low, high) if self.has(key) else None

    def text_fact(self, key: str) -> Fact[str]:
        """Return the fact under ``key`` whose value is a text."""
        fact = self.table(key)
        return fact.fact(fact.text("value"))

    def flag_fact(self, key: str) -> Fact[bool]:
        """Return the fact under ``key`` whose value is true or false."""
        fact = self.table(key)
        return fact.fact(fact.flag("value"))

    def number_fact(self, key: str, low: float, high: float) -> Fact[float]:
        """Return the fact under ``key`` whose value lies in [low, high]."""
        fact = self.table(key)
        return fact.fact(fact.number("value", low, high))

    def count_fact(self, key: str, low: int, high: int) -> Fact[int]:
        """Return the fact under ``key`` whose value is a whole number in [low, high]."""
        fact = self.table(key)
        return fact.fact(fact.count("value", low, high))

    def counts_fact(self, key: str, low: int, high: int) -> Fact[tuple[int, ...]]:
        """Return the fact under ``key`` whose value is a rising list of whole numbers in [low, high]."""
        fact = self.table(key)
        return fact.fact(fact.counts("value", low, high))

    def fact(self, value: _V) -> Fact[_V]:
        """Return ``value`` with this table's source and formula; nothing else may be in the table."""
        fact = Fact(value, self.source(), self.optional_text("derived"))
        self.done()
        return fact

    def _checked(self, key: str, value: object, low: float, high: float) -> int | float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.fail(key, f"expected a number, got {value!r}")
        if not low <= value <= high:
            self.fail(key, f"expected {low:g} to {high:g}, got {value!r}")
        return value

    def _whole(self, key: str, value: object, low: int, high: int) -> int:
        number = self._checked(key, value, low, high)
        if not isinstance(number, int):
            self.fail(key, f"expected a whole number, got {value!r}")
        return number

    def _take(self, key: str) -> object:
        if key not in self._left:
            self.fail(key, "is missing")
        return self._left.pop(key)

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key
