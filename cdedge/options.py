"""Command line options that several commands share, and how their texts become values."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import fields
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin, get_type_hints

import typer

from cdedge.choosing.asked import Asked, find_now
from cdedge.spelling import NEGATED, option_name
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage

if TYPE_CHECKING:  # the doctor reads its options where OpenCV is broken
    from cdedge_runtime.sources.frames import Source

MORE = "More options"  # the panel of those that few people need

SourceArgument = Annotated[
    str | None,
    typer.Argument(
        help="Video, folder of images, benchmark sequence folder (or its box file), camera number or device, csi:N, "
        "picamera:N, address, GStreamer pipeline, - (video on stdin) or raw:WIDTHxHEIGHT (see docs/guides/sources.md). "
        "Without "
        "it: the built-in demo clip.",
        show_default=False,
    ),
]
StartOption = Annotated[
    int,
    typer.Option(metavar="N", min=0, help="Of a recording, the first frame to read (from 0).", rich_help_panel=MORE),
]
EveryOption = Annotated[
    int, typer.Option(metavar="N", min=1, help="Of a recording, read every so-many-th frame.", rich_help_panel=MORE)
]
DepthRangeOption = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Of pictures deeper than 8 bit, the values that become black and white. Default: the range of the first "
        "frame (all but a thousandth at either end).",
        show_default=False,
        rich_help_panel=MORE,
    ),
]
ReconnectOption = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0,
        help="Try so long to get a camera or stream (back) that is not there, ends, stalls or breaks; inf: for ever.",
        rich_help_panel=MORE,
    ),
]
ModelArgument = Annotated[Path, typer.Argument(help="A file made by 'cdedge export'.", show_default=False)]
BoxOption = Annotated[
    str | None,
    typer.Option(
        "--box",
        metavar="X,Y,W,H",
        help="The target in the first frame, in pixels: 0-based, or as the annotation counts in a benchmark sequence. "
        "Shares of the frame, like 40%, are understood too.",
        show_default=False,
    ),
]
SelectOption = Annotated[
    bool,
    typer.Option("--select", help="Draw the target, in a window or in the browser (see 'cdedge select')."),
]
PreviewOption = Annotated[
    Path | None,
    typer.Option(
        help="Write the first frame with the box and a ruler here, as PNG.", show_default=False, rich_help_panel=MORE
    ),
]
FramesOption = Annotated[
    int | None, typer.Option(metavar="N", min=3, help="Stop after this many frames.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout instead of tables.")]
ProviderOption = Annotated[
    str,
    typer.Option(
        help="onnxruntime execution provider: cpu, cuda or tensorrt. Never replaced silently.", rich_help_panel=MORE
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Threads for onnxruntime and OpenCV. Default: the usable processors, or 1 for a small network.",
        show_default=False,
        rich_help_panel=MORE,
    ),
]

Command = Callable[..., None]


def taking(*, but: Collection[str] = ()) -> Callable[[Command], Command]:
    """Give a command the options of `ExportOptions`, but for some, in the place of its parameter ``options``.

    Their names, help, types and limits are the record's; it is handed on as one value.
    """
    from cdedge_export.options import ExportOptions  # commands of the device have none of these

    names = [f.name for f in fields(ExportOptions) if f.name not in but]

    def wrap(command: Command) -> Command:
        @wraps(command)
        def wrapped(**values: Any) -> None:
            given = {name: _value(name, values.pop(name)) for name in names}
            command(options=ExportOptions(**given), **values)

        own = get_type_hints(command, include_extras=True)
        parameters = []
        for parameter in signature(command).parameters.values():
            if parameter.name == "options":
                parameters += [_parameter(name) for name in names]
            else:
                parameters.append(parameter.replace(annotation=own[parameter.name], kind=Parameter.KEYWORD_ONLY))
        wrapped.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {p.name: p.annotation for p in parameters}
        return wrapped

    return wrap


def _parameter(name: str) -> Parameter:
    from cdedge_export.options import ExportOptions, infos

    said = infos()[name]
    hint = get_type_hints(ExportOptions)[name]
    option = typer.Option(
        option_name(name),
        help=said.help,
        metavar=said.metavar or ("N" if said.least is not None else None),  # 'int range' takes its help's place
        min=said.least,
        max=said.most,
        show_default=False,
        rich_help_panel=None if said.common else MORE,
    )
    annotation: Any = Annotated[_as_typer_takes(hint) | None, option]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _as_typer_takes(hint: Any) -> Any:
    return list[str] if get_origin(hint) is tuple else hint


def _value(name: str, given: Any) -> Any:
    if name in NEGATED:
        return False if given else None
    return tuple(given) or None if isinstance(given, list) else given


def check_order(model: Path, source: str | None) -> None:
    """Raise `Usage` where MODEL and SOURCE are the wrong way round."""
    if source is not None and source.lower().endswith(".onnx") and model.suffix.lower() != ".onnx":
        raise Usage(f"{model} {source}: expected the model first, then what it tracks in: {source} {model}")


def parse_box(text: str | None, source: Source, *, select: bool = False, preview: Path | None = None) -> Box | None:
    """The box that was asked for, looked at in a recording's first frame (see `choosing.asked`); raises `Usage`."""
    return find_now(Asked(text, select, preview), source)


def starting_numbers(text: str | None, source: Source) -> tuple[float, float, float, float] | None:
    """`parse_box`, as a measuring process is told it."""
    box = parse_box(text, source)
    return None if box is None else (box.x, box.y, box.width, box.height)


def parse_depth_range(text: str | None) -> tuple[float, float] | None:
    """The two numbers of ``low,high``; raises `Usage`."""
    if text is None:
        return None
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError as error:
        raise Usage(f"--depth-range {text}: expected two numbers, black and white, like 7000,9500") from error
    return low, high


def listed(option: str, text: str) -> tuple[str, ...]:
    """The words of ``a,b,c``; raises `Usage` for an empty one, or one that is there twice.

    >>> listed("--layers", "11, 11+12")
    ('11', '11+12')
    """
    words = [word.strip() for word in text.split(",")]
    if "" in words:
        raise Usage(f"{option} {text!r}: expected words with a comma between each two, but one is empty")
    twice = sorted({word for word in words if words.count(word) > 1})
    if twice:
        raise Usage(f"{option} {text}: {', '.join(twice)} is there more than once; name each once")
    return tuple(words)


def parse_bytes(option: str, text: str) -> int:
    """Bytes of ``24MB``, ``1.5 GB`` or ``800kB`` (decimal units, of which one has to be given); raises `Usage`."""
    found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d*)?)\s*([kMG])B?\s*", text, re.ASCII)
    count = 0 if found is None else round(float(found[1]) * {"k": 1e3, "M": 1e6, "G": 1e9}[found[2]])
    if count <= 0:
        raise Usage(f"{option} {text}: expected a size with its unit, kB, MB or GB, like 24MB")
    return count


def parse_size(text: str) -> tuple[int, int]:
    """(height, width) of ``640x480``; raises `Usage`."""
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text, re.ASCII | re.IGNORECASE)
    if found is None:
        raise Usage(f"--frame {text:.40}: expected WIDTHxHEIGHT in pixels, like 640x480")
    return int(found[2]), int(found[1])
