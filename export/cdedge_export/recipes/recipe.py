"""What a recipe is, and how one is found: every module of this room that has a ``recipe`` is a tracker's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cdedge_export.choose.distill import check_options, check_rule, keep_all
from cdedge_export.choose.plan import KEEP_ALL, ChannelPlan, DistillOptions, replayed
from cdedge_export.graph.compare import Parity
from cdedge_export.graph.cost import LayerCost
from cdedge_export.network.backbones import BACKBONES, find_backbone, parse_layers
from cdedge_export.network.bundled import default_weights
from cdedge_export.options import ExportOptions, filled
from cdedge_export.report import Say
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from cdedge_runtime.image import Frame
from cdedge_runtime.kinds import find_kind
from cdedge_runtime.model.contract import ModelSpec, SourceInfo
from cdedge_runtime.record import assigned

PRODUCER = f"cdedge {version('cdedge')}"

_RULES = ("channels", "rank", "search", "seed")
OF_CHOICE = frozenset({"distill", "plan", *_RULES})
OF_EVERY = OF_CHOICE | {"tracker", "settings"}
OF_NETWORK = OF_EVERY | {
    "backbone", "layers", "weights", "convention", "mode", "reconstruct", "precision", "input_px", "grid", "subsample",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scene:
    """What is exported for: the first two frames, the target in the first, and what the file says of them."""

    frames: list[Frame]
    box: Box
    source: SourceInfo


@dataclass(frozen=True, eq=False)
class Design:
    """A model that is worked out: its contract, its plan, how it is written and checked, what its layers cost."""

    spec: ModelSpec
    plan: ChannelPlan
    convention_reason: str
    write: Callable[[Path], Parity | None]
    costs: Callable[[], tuple[LayerCost, ...]] = lambda: ()


@dataclass(frozen=True)
class Recipe:
    """How files of one tracker are made.

    uses: the options that mean something to it; ``why_not`` is said of others.
    defaults: what options stand for that are not given, where it is the tracker's own.
    design: works a model out; raises `Usage`, `BadInput`, `BadModel` or `BadEnvironment`.
    components: the file's channels are projections, and no layer's own.
    check: raises what `design` would, whatever is looked at; by default for settings that are none of the tracker's.
    """

    uses: frozenset[str]
    why_not: str
    design: Callable[[Scene, ExportOptions, Say], Design]
    defaults: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    components: bool = False
    check: Callable[[ExportOptions], Any] = lambda options: started(options)


def find_recipe(options: ExportOptions) -> Recipe:
    """The recipe of the options' tracker; raises `Usage` where there is no such tracker."""
    tracker = find_kind(filled(options, {}).tracker).name
    recipe: Recipe = import_module(f"{__package__}.{tracker}").recipe(options)
    return recipe


def prepared(options: ExportOptions) -> tuple[Recipe, ExportOptions]:
    """The recipe for the options, and these filled; raises `Usage` for options that it would ignore, or not take."""
    recipe = find_recipe(options)
    unused = sorted(set(options.given()) - recipe.uses)
    if unused:
        raise Usage(f"{unused[0]}: {recipe.why_not}; leave it out")
    chosen = filled(options, recipe.defaults)
    _check_choice(options, chosen)
    if chosen.distill and chosen.plan is None:
        check_options(rules_of(chosen))
    if chosen.deep_channels is not None:
        check_rule(chosen.deep_channels, "deep_channels")
    return recipe, chosen


def meant(options: ExportOptions) -> ExportOptions:
    """The options with what is left open decided, as far as no frame is needed for it; equal for equal exports.

    Raises `Usage` where there is no such tracker.
    """
    recipe = find_recipe(options)
    chosen = filled(options, recipe.defaults)
    if chosen.distill and chosen.plan is None:
        chosen = replace(chosen, **{name: getattr(rules_of(chosen), name) for name in _RULES})
    if chosen.deep is not None and chosen.deep_precision is None:
        chosen = replace(chosen, deep_precision=chosen.precision)
    if chosen.weights is None and {"backbone", "layers", "weights"} <= recipe.uses and chosen.backbone in BACKBONES:
        backbone = find_backbone(chosen.backbone)
        chosen = replace(chosen, weights=default_weights(backbone, parse_layers(chosen.layers, backbone)))
    return chosen


def started(options: ExportOptions, record: Any = None) -> Any:
    """The tracker's settings, from its own defaults or ``record``, changed as asked; raises `Usage`."""
    return assigned(find_kind(options.tracker).settings() if record is None else record, options.settings)


def decided(
    options: ExportOptions,
    backbone: str,
    totals: Mapping[str, int],
    choose: Callable[[DistillOptions], ChannelPlan],
    **more: Any,
) -> ChannelPlan:
    """A saved choice, every channel, or what ``choose`` chooses by the rules that were asked for and ``more``."""
    if options.plan is not None:
        return replayed(Path(options.plan), backbone, totals)
    return chosen_by(options, choose, **more)


def chosen_by(options: ExportOptions, choose: Callable[[DistillOptions], ChannelPlan], **more: Any) -> ChannelPlan:
    """As `decided`, of these layers' channels, whatever choice was saved of others."""
    if not options.distill:
        return keep_all(choose(KEEP_ALL))
    return choose(rules_of(options, **more))


def rules_of(options: ExportOptions, **more: Any) -> DistillOptions:
    """The rules of choice that were asked for, and ``more`` in their place."""
    asked = {name: value for name in _RULES if (value := getattr(options, name)) is not None}
    return DistillOptions(**{**asked, **more})


def _check_choice(options: ExportOptions, chosen: ExportOptions) -> None:
    """Raise `Usage` for an option that another one makes meaningless."""
    given = options.given()
    if chosen.generic:
        _check_generic(given)
    of_rules = next((name for name in _RULES if name in given), None)
    if of_rules and options.plan is not None:
        raise Usage(f"{of_rules}: the saved file says which channels are kept; leave one of the two out")
    if of_rules and not chosen.distill:
        raise Usage(f"{of_rules}: without distillation every channel is kept; leave one of the two out")
    if options.plan is not None and "distill" in given:
        raise Usage("distill: the saved file says which channels are kept; leave one of the two out")
    if "seed" in given and chosen.rank != "random":
        raise Usage("seed: it means something with the rank random only; leave it out, or add rank random")
    if chosen.reconstruct and chosen.mode == "exact":
        raise Usage(
            "reconstruct: it repairs what chain mode loses, exact loses nothing; add mode chain, or leave it out"
        )


def _check_generic(given: Mapping[str, Any]) -> None:
    """Raise `Usage` for an option that says at the desk what the device will find out."""
    said = next((name for name in ("plan", "distill", "rank", "search", "seed") if name in given), None)
    if said:
        raise Usage(
            f"{said}: a generic file has every channel, of which the device chooses in its own order; leave one of the "
            "two out"
        )
    if given.get("mode") == "chain":
        raise Usage("mode: chain leaves channels out of each layer, a generic file leaves out none; take exact")
