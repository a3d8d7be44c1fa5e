"""What the command line adds to the library's errors: how a field of theirs is given here."""

from __future__ import annotations

from cdedge_runtime.errors import CdedgeError

SPELLED = {
    "backbone": "--backbone",
    "box": "--box X,Y,W,H; 'cdedge select' draws it",
    "channels": "--channels",
    "convention": "--convention",
    "depth_range": "--depth-range LOW,HIGH",
    "distill": "--no-distill",
    "frame_px": "--frame WIDTHxHEIGHT",
    "grid": "--grid",
    "layers": "--layers; 'cdedge layers' lists a network's",
    "mode": "--mode",
    "model": "'cdedge export' makes one",
    "plan": "--plan",
    "precision": "--precision",
    "profile": "--profile",
    "provider": "--provider; 'cdedge doctor' says which this machine has, and what they lack",
    "rank": "--rank",
    "reconstruct": "--reconstruct",
    "reconnect_s": "--reconnect SECONDS",
    "search": "--search",
    "seed": "--seed",
    "settings": "--set NAME=VALUE",
    "start": "--start, --every",
    "subsample": "--subsample",
    "threads": "--threads",
    "tracker": "--tracker",
    "weights": "--weights",
    "workers": "--workers",
}


def spelled(error: CdedgeError) -> str:
    """The error's text and, where it is about an option that the text does not name, the option.

    An error says what it is about in its ``field``, or begins with it and a colon.
    """
    text = str(error)
    added = SPELLED.get(error.field or text.partition(":")[0])
    if added is None or added.split()[0].rstrip(";") in text:
        return text
    return f"{text} ({added})"
