"""Spellings of a sequence's name: Jogging.1 (got10k), Jogging-1 (OTB, pysot), Jogging_1 (pytracking)."""

from __future__ import annotations

import re

_PYTRACKING_PREFIX = re.compile(r"^(uav|nfs|tpl)_(?=\D)", re.IGNORECASE)
_HUMAN4 = "human4"  # OTB evaluates its second target only, so the number is often left out


def name_key(name: str) -> str:
    """Make a key that is the same for every known spelling of one sequence's name.

    >>> {name_key(n) for n in ("Jogging.1", "Jogging-1", "jogging_1")}
    {'jogging-1'}
    """
    key = _PYTRACKING_PREFIX.sub("", name).lower()
    key = re.sub(r"[._\s]", "-", key)
    return f"{_HUMAN4}-2" if key == _HUMAN4 else key
