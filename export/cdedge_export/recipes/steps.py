"""Which steps a network takes into a file: a built-in one those in PyTorch, any other those on an ONNX graph."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from cdedge_export.choose.look import SearchWindow, square_window
from cdedge_export.choose.plan import ChannelPlan
from cdedge_export.network.backbones import BACKBONES
from cdedge_export.options import ExportOptions, filled
from cdedge_export.report import Say
from cdedge_runtime.trackers.deepcd.settings import Settings

from .recipe import OF_NETWORK, Design, Recipe, Scene

_OF_BUILT_IN = {"mode", "reconstruct", "subsample"}


class Steps(Protocol):
    """What `networks` and `any_network` both have; what is seen is their own."""

    def check(self, options: ExportOptions) -> None: ...

    def seen(
        self, scene: Scene, options: ExportOptions, say: Say, *, window: Callable[[int], SearchWindow], judge: Settings
    ) -> Any: ...

    def chosen_plan(self, sight: Any, options: ExportOptions) -> ChannelPlan: ...

    def file_of(
        self, scene: Scene, options: ExportOptions, sight: Any, plan: ChannelPlan, say: Say, settings: Any
    ) -> Design: ...


def is_built_in(options: ExportOptions) -> bool:
    """Whether the backbone is one that is described here."""
    return filled(options, {}).backbone in BACKBONES


def steps_for(options: ExportOptions) -> Steps:
    """The steps for the options' backbone; PyTorch is imported only for a built-in one."""
    steps: Any = import_module(f"{__package__}.{'networks' if is_built_in(options) else 'any_network'}")
    found: Steps = steps
    return found


def network_recipe(
    options: ExportOptions,
    design: Callable[[Scene, ExportOptions, Say], Design],
    *,
    why_not: str,
    more: frozenset[str] = frozenset(),
    **fields: Any,
) -> Recipe:
    """A recipe on a network's taps; an ONNX graph is pruned exactly, and in no other way."""
    if is_built_in(options):
        return Recipe(OF_NETWORK | more, why_not, design, **fields)
    why = "it is for the built-in backbones; another network keeps its features exactly"
    return Recipe((OF_NETWORK - _OF_BUILT_IN) | more, why, design, **fields)


def square_settings_window(scene: Scene, options: ExportOptions, settings: Any) -> Callable[[int], SearchWindow]:
    """The square window of settings that have a padding, a power and a label's sigma."""
    return lambda stride: square_window(
        scene.box,
        padding=settings.padding,
        power=settings.power,
        label_sigma=settings.label_sigma,
        input_px=options.input_px,
        grid=options.grid,
        stride=stride,
    )
