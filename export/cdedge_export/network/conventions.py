"""Input conventions by name or by their values: what ``--convention`` says of a network that does not say it itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from cdedge_runtime.errors import Usage
from cdedge_runtime.model.contract import InputConvention

from .backbones import VGG19

_NONE, _UNIT = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
CONVENTIONS = {
    **dict(VGG19.conventions),
    "bgr": InputConvention("BGR", 1.0, _NONE, _UNIT),
    "rgb": InputConvention("RGB", 1.0, _NONE, _UNIT),
}
_NO_OTHERS: Mapping[str, InputConvention] = MappingProxyType({})


def parse_convention(text: str, own: Mapping[str, InputConvention] = _NO_OTHERS) -> InputConvention:
    """The convention of ``NAME`` or ``NAME:scale=S:mean=A,B,C:std=A,B,C``; raises `Usage`.

    The network's input is (channel * scale - mean) / std; mean and std are in the convention's own order of channels,
    one number is for all three, and a number may be a fraction. ``own``: the network's conventions by name.
    """
    known = {**CONVENTIONS, **own}
    name, *changes = text.strip().split(":")
    fields = [_change(change) for change in changes]
    if name not in known or None in fields:
        raise Usage(
            f"convention: no {text!r}; use one of {', '.join(known)}, alone or with changes behind colons, in the "
            "order of its channels, such as rgb:scale=1/255:mean=0.485,0.456,0.406:std=0.229,0.224,0.225"
        )
    return replace(known[name], **dict(field for field in fields if field))


def _change(change: str) -> tuple[str, Any] | None:
    """A field and its value; None for what is none."""
    field, _, values = change.partition("=")
    numbers = [_number(value) for value in values.split(",")]
    if not all(math.isfinite(number) for number in numbers):
        return None
    if field == "scale":
        return (field, numbers[0]) if len(numbers) == 1 and numbers[0] > 0 else None
    three = tuple(numbers * 3 if len(numbers) == 1 else numbers)
    fits = field in ("mean", "std") and len(three) == 3 and (field == "mean" or min(three) > 0)
    return (field, three) if fits else None


def _number(value: str) -> float:
    """A decimal number or a fraction of two; NaN for neither."""
    above, slash, below = value.partition("/")
    try:
        return float(above) / (float(below) if slash else 1)
    except (ValueError, ZeroDivisionError):
        return math.nan
