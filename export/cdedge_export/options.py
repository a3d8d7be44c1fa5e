"""What an export is asked for: one record that commands are made from, sweeps decode and workers are handed whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from functools import cache
from typing import Any, Literal, get_type_hints

from cdedge_export.choose.plan import Search
from cdedge_runtime.errors import Usage
from cdedge_runtime.model.contract import Precision
from cdedge_runtime.record import check

Mode = Literal["exact", "chain"]
DeepPrecision = Literal["auto", "fp32", "fp16", "int8"]

_INFO = "cdedge.option"


@dataclass(frozen=True)
class OptionInfo:
    """What is said of an option wherever it is asked for.

    stands_for: the value that not giving it means, where it is the same for every tracker.
    spelled: its name for people, where that is not the field's. least, most: limits of a number. common: whether most
    people need it. file: whether it is a file, or can be one.
    """

    help: str
    stands_for: Any = None
    spelled: str | None = None
    metavar: str | None = None
    least: int | None = None
    most: int | None = None
    common: bool = False
    file: bool = False


def _option(text: str, **more: Any) -> Any:
    return field(default=None, metadata={_INFO: OptionInfo(text, **more)})


@dataclass(frozen=True)
class ExportOptions:
    """What to export; a field is None where it was not given, and its type is what `filled` makes of it.

    Raises `Usage` for a value that no tracker could take.
    """

    tracker: str = _option(
        "deepcd, cf2 (its baseline), cacf (on HOG, without a network), eco (hog as its layer: ECO-HC) or mdnet (slow; "
        "needs weights of its own).",
        stands_for="deepcd",
        common=True,
    )
    backbone: str = _option(
        "vgg19, squeezenet1_1, squeezenet1_0, vggm or cdedge_deep; the PATH of any .onnx file, or a torchvision "
        "model's name (see docs/guides/backbones.md). Default: vgg19.",
        stands_for="vgg19",
        file=True,
    )
    layers: str = _option(
        "Candidate layers: 11, 11+12+21, fire2+fire3, all, ... ('cdedge layers' lists another network's). Default: 11.",
        stands_for="11",
        common=True,
    )
    weights: str | None = _option(
        "bundled, imagenet (torchvision's, downloaded once) or the PATH of a .pth, .safetensors or .mat file. "
        "Default: bundled where it is deep enough, else imagenet.",
        common=True,
        file=True,
    )
    convention: str | None = _option(
        "How pixels become the network's input, where its file does not say it: bgr, rgb, caffe, torchvision, or one "
        "of these with changes, such as rgb:scale=1/255:mean=0.5:std=0.5."
    )
    mode: Mode = _option(
        "exact: features equal the full network's. chain: each layer keeps only kept channels; faster. Default: exact.",
        stands_for="exact",
        common=True,
    )
    reconstruct: bool = _option(
        "In chain mode, fit each layer to what the full network computes on the first frames.", stands_for=False
    )
    precision: Precision = _option(
        "int8: calibrated on the first frames; pays with several layers, layer 11 alone gets slower. fp16: for GPUs "
        "only. A deep network has it too. See docs/studies/precision.md. Default: fp32.",
        stands_for="fp32",
    )
    generic: bool = _option(
        "A file for targets not yet known: it has every channel, and the device keeps those that suit the target it is "
        "given, so many as channels says. It needs no target here.",
        stands_for=False,
        common=True,
    )
    distill: bool | None = _option("Keep every channel: the baseline.", stands_for=True)
    channels: str | None = _option(
        "auto, a count (28), a share of each layer (0.4), or paper (the paper's shares). In chain mode shares and auto "
        "are rounded to 16 channels of a layer. Default: auto; 0.25 with generic, which takes shares and counts.",
        common=True,
    )
    rank: str | None = _option(
        "Order of choice: diverse, solo, the paper's rel, flip, paper-l2, paper-l1, energy, snr, or random. "
        "Default: diverse."
    )
    search: Search | None = _option(
        "Objective of a swap search: e4 (the paper's Eq. 4), reduced, ncc or none. Default: none; cf2: reduced; cacf, "
        "mdnet: ncc.",
        metavar="RULE",
    )
    seed: int | None = _option("Seed of the random order. Default: 0.", least=0)
    plan: str | None = _option(
        "Keep the channels that another export saved in this file, instead of choosing.",
        spelled="channels_from",
        metavar="PATH",
        file=True,
    )
    profile: str | None = _option(
        "deepcd's settings: fast, accurate, or robust with a deep network beside the layers. Default: fast for one "
        "layer, accurate for several, robust with a deep network."
    )
    deep: str | None = _option(
        "A network trained for tracking, as an .onnx file, or cdedge_deep, our own: its maps are a second look (see "
        "docs/studies/sight.md). Default: cdedge_deep and its head with the profile robust, else none.",
        metavar="PATH",
        file=True,
    )
    deep_head: str | None = _option(
        "A box head trained with the deep network, as an .onnx file, or cdedge_head, our own, beside cdedge_deep: it "
        "says the target's size and shape. Default: cdedge_head where the profile robust is given and deep is not.",
        metavar="PATH",
        file=True,
    )
    deep_layers: str | None = _option("The deep network's layers, see cdedge layers. Default: its last.")
    deep_channels: str | None = _option(
        "How many of the deep network's channels stay, counted as in channels; rank and seed say which, or, in a "
        "generic file, the device. Default: all."
    )
    deep_convention: str = _option("Input convention of the deep network. Default: bgr.", stands_for="bgr")
    deep_precision: DeepPrecision | None = _option(
        "Precision of the deep network alone: fp32, fp16, int8 (for cdedge_deep), or auto: int8 where its features "
        "stay near enough, else fp32. Default: auto for cdedge_deep, else, and beside a given --precision, as that.",
        metavar="NAME",
    )
    deep_input: int = _option(
        "Side of the deep network's input in pixels. Default: 256.", stands_for=256, least=64, most=512
    )
    settings: tuple[str, ...] = _option(
        "Change a setting of the tracker (see docs/explain/tracker.md), e.g. scale=none, or deep.share=0.5. May be "
        "repeated.",
        stands_for=(),
        spelled="set",
        metavar="NAME=VALUE",
    )
    input_px: int | None = _option(
        "Side of the network's input in pixels. Default: 96 to 192, by the layer's stride; cf2: 224.",
        spelled="input",
        least=32,
        most=512,
    )
    grid: int | None = _option(
        "Side of the response grid in cells. Default: 48; cf2: as its window.", least=8, most=256
    )
    subsample: int = _option(
        "Compute the deepest layer at every so-many-th position, per axis. Default: 1.",
        stands_for=1,
        least=1,
        most=4,
    )

    def __post_init__(self) -> None:
        for name, hint in _hints().items():
            value = getattr(self, name)
            if value is None:
                continue
            try:
                check(hint, value, name)
                _check_limits(name, value)
            except ValueError as error:
                raise Usage(str(error)) from error

    @property
    def files(self) -> tuple[str, ...]:
        """What may be a file that is read: paths, or names that stand for something else."""
        asked = (self.weights, self.plan, self.backbone, self.deep, self.deep_head)
        return tuple(path for path in asked if path is not None)

    def given(self) -> dict[str, Any]:
        """The options that were given, by field name."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}


def info(option: Field[Any]) -> OptionInfo:
    """What is said of a field of `ExportOptions`."""
    said: OptionInfo = option.metadata[_INFO]
    return said


def filled(options: ExportOptions, defaults: Mapping[str, Any]) -> ExportOptions:
    """The options with what they stand for in the place of those not given; ``defaults`` are the tracker's own."""
    stands = {f.name: info(f).stands_for for f in fields(options)}
    wanted = {**stands, **defaults, **options.given()}
    return replace(options, **wanted)


def spelled() -> dict[str, str]:
    """Field names by the names that people write."""
    return {info(f).spelled or f.name: f.name for f in fields(ExportOptions)}


@cache
def _hints() -> dict[str, Any]:
    return get_type_hints(ExportOptions)


@cache
def infos() -> dict[str, OptionInfo]:
    """What is said of every field, by its name."""
    return {f.name: info(f) for f in fields(ExportOptions)}


def _check_limits(name: str, value: Any) -> None:
    said = infos()[name]
    if "" in (value if isinstance(value, tuple) else (value,)):  # a script's variable that was never set
        raise ValueError(f"{name}: expected a value, got an empty text; leave it out for what it is by default")
    if said.least is not None and value < said.least:
        raise ValueError(f"{name}: expected at least {said.least}, got {value}")
    if said.most is not None and value > said.most:
        raise ValueError(f"{name}: expected at most {said.most}, got {value}")
