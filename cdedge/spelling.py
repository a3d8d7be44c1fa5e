"""What the command line adds to the library's errors: how a field of theirs is given here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from cdedge_runtime.errors import CdedgeError, Usage

NEGATED = {"distill": "--no-distill"}
_MORE = {
    "box": "--box X,Y,W,H; 'cdedge select' draws it",
    "channels": "--channels; --no-distill keeps all",
    "deep_channels": "--deep-channels; leave it out to keep all",
    "depth_range": "--depth-range LOW,HIGH",
    "frame_px": "--frame WIDTHxHEIGHT",
    "layers": "--layers; 'cdedge layers' lists a network's",
    "model": "'cdedge export' makes one",
    "provider": "--provider; 'cdedge doctor' says which this machine has, and what they lack",
    "reconnect_s": "--reconnect SECONDS",
    "settings": "--set NAME=VALUE",
    "start": "--start, --every",
    "threads": "--threads",
    "workers": "--workers",
}


def option_name(field: str) -> str:
    """A field of `ExportOptions` as it is written on the command line."""
    from cdedge_export.options import infos  # only where there is an error, or a command with these options

    return NEGATED.get(field) or f"--{infos()[field].spelled or field}".replace("_", "-")


def option_of(field: str) -> str | None:
    """`option_name`; None where there is no such field."""
    from cdedge_export.options import infos

    return option_name(field) if field in infos() else None


def box_words(box: str | None) -> list[str]:
    """A box as it was given, for the next command."""
    return [] if box is None else ["--box", box]


def as_given(field: str) -> str | None:
    """How a field is given on the command line, and what else helps; None where it is none."""
    return _MORE.get(field) or option_of(field)


def spelled(error: CdedgeError) -> str:
    """The error's text with the option that it is about, where it names none: first, in the place of the field's name.

    An error says what it is about in its ``field``, or begins with it and a colon.
    """
    text = str(error)
    first, colon, rest = text.partition(":")
    added = as_given(error.field or first)
    if added is None or added.split()[0].rstrip(";") in text:
        return text
    option = option_of(first)
    return f"{text} ({added})" if option is None else f"{option}{colon}{rest}"


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)%?,?")


def refuse_loose_numbers(words: Sequence[str]) -> None:
    """Raise `Usage` for a box that is typed as four words: the last three would be taken for files."""
    for at, option in enumerate(words):
        loose = [*takewhile(_NUMBER.fullmatch, words[at + 1 :])][:4]
        if option in ("--box", "--target") and len(loose) == 4:
            joined = ",".join(word.rstrip(",") for word in loose)
            raise Usage(
                f"{option} {' '.join(loose)}: expected one word, the four numbers joined by commas: {option} {joined}"
            )
