"""Short names of a network's tensors and nodes, whose own are often paths."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

_FIRST = re.compile(r"(_output_0|:0)$")
_OTHER = re.compile(r"_output_(?=\d+$)|:(?=\d+$)")


def short_names(ops: Mapping[str, str]) -> dict[str, str]:
    """For each path (and its operator) the shortest end of it that is no other's.

    One that is itself the end of others (``relu`` beside ``layer1/relu``) goes by its whole path.
    """
    ends = {path: ends_of(path, op) for path, op in ops.items()}
    count = Counter(end for some in ends.values() for end in set(some))
    wholes = {path: _whole(path, op) for path, op in ops.items()}
    alone = Counter(wholes.values())
    return {
        path: next((end for end in some if count[end] == 1), wholes[path] if alone[wholes[path]] == 1 else path)
        for path, some in ends.items()
    }


def ends_of(path: str, op: str = "") -> list[str]:
    """Ends of a path, from the shortest on; first those without the operator, where it closes the path."""
    parts = _parts(path)
    whole = [".".join(parts[-n:]) for n in range(1, len(parts) + 1)]
    if op and len(parts) > 1 and parts[-1] == op:
        return [*(".".join(parts[-n:-1]) for n in range(2, len(parts) + 1)), *whole]
    return whole


def _whole(path: str, op: str) -> str:
    parts = _parts(path)
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == op else parts)


def _parts(path: str) -> list[str]:
    return [re.sub(r"[^\w.:-]", "_", part) for part in _OTHER.sub("_", _FIRST.sub("", path)).split("/") if part]
