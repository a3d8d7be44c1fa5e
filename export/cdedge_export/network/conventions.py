"""Input conventions by name or by their values: what ``--convention`` says of a network that does not say it itself."""

from __future__ import annotations

import math
from dataclasses import replace
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
SYNTAX = (
    f"{', '.join(CONVENTIONS)}, or one of them with changes, each behind a colon: "
    "scale=1/255, mean=0.485,0.456,0.406, std=0.229,0.224,0.225, in the order of its channels"
)


def parse_convention(text: str) -> InputConvention:
    """The convention of ``NAME`` or ``NAME:scale=S:mean=A,B,C:std=A,B,C``; raises `Usage`.

    The network's input is (channel * scale - mean) / std; mean and std are in the convention's own order of channels,
    one number is for all three, and a number may be a fraction.
    """
    name, *changes = text.strip().split(":")
    if name not in CONVENTIONS:
        raise _wrong(text)
    return replace(CONVENTIONS[name], **dict(_change(change, text) for change in changes))


def _change(change: str, text: str) -> tuple[str, Any]:
    field, _, values = change.partition("=")
    numbers = [_number(value, text) for value in values.split(",")]
    if field == "scale" and len(numbers) == 1 and numbers[0] > 0:
        return field, numbers[0]
    three = tuple(numbers * 3 if len(numbers) == 1 else numbers)
    if field not in ("mean", "std") or len(three) != 3 or (field == "std" and min(three) <= 0):
        raise _wrong(text)
    return field, three


def _number(value: str, text: str) -> float:
    above, slash, below = value.partition("/")
    try:
        number = float(above) / (float(below) if slash else 1)
    except (ValueError, ZeroDivisionError) as error:
        raise _wrong(text) from error
    if not math.isfinite(number):
        raise _wrong(text)
    return number


def _wrong(text: str) -> Usage:
    return Usage(f"no input convention {text!r}: use {SYNTAX}")
