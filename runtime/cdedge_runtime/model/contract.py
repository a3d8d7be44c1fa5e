"""The contract of an exported file: what is in it, and how a tracker has to use it.

An exported ``.onnx`` holds one network with one input and one output:

* input ``patch``: (1, H, W, 3) uint8, BGR, the search window as OpenCV delivers it; preprocessing is in the graph.
* output ``features``: (1, C, Gh, Gw) float32, the kept channels of every tap, in tap order, on the common grid.

A file with a deep part (`DeepPart`) holds a second network on a coarser grid of its own, inside an ONNX ``If``, so that
a window that only the fine grid looks at costs nothing more:

* inputs ``deep_patch``: (1, H, W, 3) uint8, its own search window; ``look_deep``: a bool, whether to look at it.
* output ``deep_features``: (1, C, Gh, Gw) float32, of both signs; zeros where ``look_deep`` is false.

A deep part may have a box head (`HeadPart`), the second half of a Siamese tracker, which finds a template in the maps:

* inputs ``template_patch``: (1, H, W, 3) uint8, the target with some context; ``look_template``: a bool;
  ``template``: (1, C, Th, Tw) float32, what that look delivered.
* outputs ``template_features``: (1, C, Th, Tw) float32; ``deep_boxes``: (1, 6, Gh, Gw) float32, of each cell the logits
  of background and target, then the distances from it to the target's left, top, right and bottom in pixels of the
  deep window. Zeros where nobody looks.

MDNet's graph takes any number N of crops in the place of the 1, and has constants as further outputs: the first
weights of the layers that are trained on the device, ``NAME.weight`` (out, in) and ``NAME.bias`` (out,).

Everything else, `ModelSpec`, stands in the file's metadata (see `model.metadata`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from cdedge_runtime.errors import BadModel
from cdedge_runtime.filter.shapes import HOG_CHANNELS, MOST_KEPT, kept_count
from cdedge_runtime.record import later

from .deep_settings import DeepSettings, HeadSettings

Precision = Literal["fp32", "fp16", "int8"]

FORMAT_VERSION = 1
INPUT_NAME = "patch"
OUTPUT_NAME = "features"
DEEP_INPUT_NAME, DEEP_SWITCH_NAME, DEEP_OUTPUT_NAME = "deep_patch", "look_deep", "deep_features"
TEMPLATE_INPUT_NAME, TEMPLATE_SWITCH_NAME, TEMPLATE_OUTPUT_NAME = "template_patch", "look_template", "template_features"
TEMPLATE_NAME, BOXES_NAME = "template", "deep_boxes"
BOX_CHANNELS = 6
LARGEST_INPUT_PX = 2048  # per side
MOST_VALUES = 1 << 26  # of the feature maps: 256 MiB
MOST_WORK = 5_000_000_000  # values that one training of the filter goes through: some ten seconds
HOG_BACKBONE = "fhog"  # whose graph hands the window on: HOG is computed by this package
HOG_TAP, HOG_CELL_PX = "hog", 4
CROPS = "crops"  # the name of the open first axis


@dataclass(frozen=True)
class Tap:
    """One layer whose output is used: its name, the kept channels (sorted), and how many the layer has."""

    name: str
    kept: tuple[int, ...]
    total: int


@dataclass(frozen=True)
class InputConvention:
    """How 8-bit pixels become the network's input: ``(channel * scale - mean) / std``, in ``order``."""

    order: Literal["RGB", "BGR"]
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class WeightsInfo:
    """Where the weights came from."""

    name: str
    sha256: str
    licence: str


@dataclass(frozen=True)
class Selection:
    """How the channels were chosen, and the energy of Eq. 4 before and after the swap search (None: no search)."""

    rank: str
    search: str
    rule: str
    seed: int
    energy_before: float | None
    energy_after: float | None


@dataclass(frozen=True)
class SourceInfo:
    """The video the channels were distilled from: name, SHA-256 of its first frame's pixels, the first box."""

    name: str
    sha256: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class HeadPart:
    """A trained head that finds a template in the deep maps and says the target's box.

    template_px: (height, width) of the template's patch. template: (rows, columns) of its maps.
    """

    template_px: tuple[int, int]
    template: tuple[int, int]
    settings: HeadSettings
    weights: WeightsInfo


@dataclass(frozen=True)
class DeepPart:
    """A second network in the file, trained to tell targets apart: what it is, and the filter on its maps.

    ``precision``: of its weights and its arithmetic, and of a box head's. ``weight_bytes``: of both, in the file; None
    where it does not say.
    """

    backbone: str
    taps: tuple[Tap, ...]
    input_px: tuple[int, int]
    grid: tuple[int, int]
    convention: InputConvention
    settings: DeepSettings
    weights: WeightsInfo
    head: HeadPart | None = None
    precision: Precision = later("fp32")
    weight_bytes: int | None = later(None)

    @property
    def channels(self) -> int:
        """Number of feature channels it delivers."""
        return sum(len(tap.kept) for tap in self.taps)

    @property
    def filter_channels(self) -> int:
        """Number of those that the filter works on."""
        return _filter_channels(self)


@dataclass(frozen=True)
class ModelSpec:
    """Everything a runtime has to know about an exported file.

    ``settings``: the record that belongs to ``tracker``.
    ``reconstructed``: in chain mode, the weights were fitted to what the full network computes.
    ``precision``: of weights and convolutions; input and output are the same in each. A deep part has its own.
    ``subsample``: the deepest layer is computed at every so-many-th position, per axis.
    ``deep``: the second network, where there is one; ``macs`` and the bytes hold both.
    """

    tracker: str
    backbone: str
    taps: tuple[Tap, ...]
    mode: Literal["exact", "chain"]
    subsample: int
    input_px: tuple[int, int]
    grid: tuple[int, int]
    convention: InputConvention
    settings: Any
    weights: WeightsInfo
    selection: Selection
    source: SourceInfo
    macs: int
    weight_bytes: int
    activation_bytes: int
    producer: str
    reconstructed: bool = False
    precision: Precision = "fp32"
    deep: DeepPart | None = later(None)
    format_version: int = FORMAT_VERSION

    @property
    def channels(self) -> int:
        """Number of feature channels the graph delivers."""
        return sum(len(tap.kept) for tap in self.taps)

    @property
    def filter_channels(self) -> int:
        """Number of those that the filter works on: in a generic file, as many as the first frame leaves."""
        return _filter_channels(self)

    @property
    def generic(self) -> bool:
        """Whether the first frame chooses among the channels."""
        return self.filter_channels < self.channels

    @property
    def layers(self) -> str:
        """The taps in the command line's form, e.g. ``11+12+21``."""
        return "+".join(tap.name for tap in self.taps)


def _filter_channels(part: ModelSpec | DeepPart) -> int:
    return kept_count(getattr(part.settings, "keep", 1.0), [len(tap.kept) for tap in part.taps])


def check_spec(spec: ModelSpec) -> None:
    """Raise `BadModel` for sizes, channels or settings that no exported file has, or that nobody would wait for."""
    parts = (spec,) if spec.deep is None else (spec, spec.deep)
    for tap in (tap for part in parts for tap in part.taps):
        if sorted(set(tap.kept)) != list(tap.kept) or not tap.kept or not 0 <= tap.kept[0] <= tap.kept[-1] < tap.total:
            raise BadModel(f"the model's contract is damaged: tap {tap.name} keeps channels it does not have")
    if min(spec.macs, spec.weight_bytes, spec.activation_bytes) < 0:
        raise BadModel("the model's contract is damaged: a number of operations or bytes is below 0")
    if spec.deep is not None and not 0 <= (spec.deep.weight_bytes or 0) <= spec.weight_bytes:
        raise BadModel(
            "the model's contract is damaged: the deep part has more weights than the file, or less than none"
        )
    if spec.deep is not None and spec.deep.head is not None and spec.deep.settings.every > 1:
        raise BadModel(f"a box head looks at every frame: deep.every is 1 beside it, not {spec.deep.settings.every}")
    for part in parts:
        _check_sizes(part)
        _check_keep(part)
        _check_training(part)
    if spec.backbone == HOG_BACKBONE:
        _check_hog(spec)


def _check_sizes(part: ModelSpec | DeepPart) -> None:
    if not part.taps or min(*part.input_px, *part.grid) < 1:
        raise BadModel(
            f"the model's contract is damaged: {len(part.taps)} taps, input {part.input_px}, grid {part.grid}"
        )
    if max(part.input_px) > LARGEST_INPUT_PX or part.channels * math.prod(part.grid) > MOST_VALUES:
        raise BadModel(
            f"an input of {part.input_px} px (at most {LARGEST_INPUT_PX} per side) and {part.channels} channels on a "
            f"grid of {part.grid} (together at most {MOST_VALUES} values) are more than a tracker is made for"
        )


def _check_keep(part: ModelSpec | DeepPart) -> None:
    """A choice compares every channel with every other."""
    left, channels = part.filter_channels, part.channels
    if left < channels and channels > MOST_KEPT:
        raise BadModel(f"keep {left}: the first frame can choose of {MOST_KEPT} channels at most, not of {channels}")


def _check_training(part: ModelSpec | DeepPart) -> None:
    """A filter's samples and the steps of its training, where it has such."""
    said = part.settings
    passes = said.memory * max(said.first_iterations, said.iterations) if hasattr(said, "memory") else 1
    work = part.filter_channels * math.prod(part.grid) * passes
    if work > MOST_WORK:
        raise BadModel(
            f"{part.filter_channels} channels on a grid of {part.grid}, gone through {passes} times in one training "
            f"(memory times iterations), are {work} values, at most {MOST_WORK} are worth waiting for"
        )


def _check_hog(spec: ModelSpec) -> None:
    """HOG has one layer, and a cell per so many pixels."""
    named, cell_px = [(tap.name, tap.total) for tap in spec.taps], HOG_CELL_PX
    if named != [(HOG_TAP, HOG_CHANNELS)] or spec.input_px != (cell_px * spec.grid[0], cell_px * spec.grid[1]):
        raise BadModel(
            f"the model's contract is damaged: HOG has the tap {HOG_TAP!r} of {HOG_CHANNELS} channels and cells of "
            f"{cell_px} px, not {named} on a grid of {spec.grid} for {spec.input_px} px"
        )
