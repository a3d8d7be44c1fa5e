"""DeepCD's recipe: the compact filter on a network's distilled channels."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from cdedge_export.choose.distill import is_count, number
from cdedge_export.network.backbones import CDEDGE_DEEP
from cdedge_export.network.own_head import CDEDGE_HEAD
from cdedge_export.options import DeepPrecision, ExportOptions, filled
from cdedge_export.report import Say
from cdedge_runtime.errors import Usage
from cdedge_runtime.filter.shapes import LEAST_KEPT, MOST_KEPT
from cdedge_runtime.model.contract import DeepPart, ModelSpec
from cdedge_runtime.model.deep_settings import DeepSettings, HeadSettings
from cdedge_runtime.record import assigned
from cdedge_runtime.trackers.deepcd.settings import PROFILES, Settings

from .deep_part import DeepNetwork, DeepOptions, fewer_channels, open_deep, with_deep_part
from .recipe import Design, Recipe, Scene, rules_of, started
from .steps import network_recipe, square_settings_window, steps_for

_DEEP = frozenset(
    {"deep", "deep_head", "deep_layers", "deep_channels", "deep_convention", "deep_input", "deep_precision"}
)
GENERIC_SHARE = "0.25"
_WHY_NOT = "deepcd without a deep network has no use for it"
_OF_DEEP, _OF_HEAD = "deep.", "head."  # settings of the deep part and its box head go by these prefixes
# Our own head tells a size better than a place: the filters say where. Its size is no better where it follows faster.
_OWN_HEAD = HeadSettings(share=0.25, size_rate=0.1, center_rate=0)
_LEARNED = {"deep_layers": None, "deep_convention": "bgr", "deep_input": 256}  # how it was shown the maps


def recipe(options: ExportOptions) -> Recipe:
    """Everything means something to it; how the deep network looks, only where there is one.

    The profile robust has our own with its box head where none is named, in int8 where that does:
    docs/studies/sight.md, docs/studies/precision.md.
    """
    share = {"channels": GENERIC_SHARE} if options.generic else {}
    if options.generic:
        _check_generic(filled(options, share))
    own = _own_pair(options)
    with_own = filled(options, own)
    is_ours = with_own.deep == CDEDGE_DEEP.name and with_own.deep_head in (None, CDEDGE_HEAD.name)
    precision: dict[str, str] = {"deep_precision": "auto"} if is_ours and options.precision is None else {}
    defaults = {**own, **share, **precision, "profile": _profile_name(with_own)}
    more = frozenset({"profile", "generic"}) | (_DEEP if own or options.deep is not None else {"deep"})
    return network_recipe(options, _design, why_not=_WHY_NOT, more=more, defaults=defaults, check=_check)


def _own_pair(options: ExportOptions) -> dict[str, str]:
    """What the profile robust looks by where nothing is named: our own network, and its head if nothing forbids it."""
    if options.profile != "robust" or options.deep is not None:
        return {}
    seldom = any(text.startswith(f"{_OF_DEEP}every=") for text in options.settings or ())
    with_head = options.deep_channels is None and not seldom and _as_learned(options)
    return {"deep": CDEDGE_DEEP.name} | ({"deep_head": CDEDGE_HEAD.name} if with_head else {})


def _check(options: ExportOptions) -> None:
    """Raise for settings that are none, and for a deep network that is not as it is said to be."""
    _settings(options)
    _deep_network(options)


def _design(scene: Scene, options: ExportOptions, say: Say) -> Design:
    deep = _deep_network(options)
    settings = _settings(options)
    if options.generic:
        settings = replace(settings, keep=_keep("channels", options.channels or ""))
        options = replace(options, distill=False, channels=None)
    window = square_settings_window(scene, options, settings)
    steps = steps_for(options)
    sight = steps.seen(scene, options, say, window=window, judge=settings)
    fine = steps.file_of(scene, options, sight, steps.chosen_plan(sight, options), say, settings)
    _check_count("channels", fine.spec)
    if deep is None:
        return fine
    _check_count("deep_channels", deep.part)
    if options.deep_channels is not None and not options.generic:
        deep = fewer_channels(deep, scene, rules_of(options, channels=options.deep_channels), say)
    return with_deep_part(fine, deep, scene, say)


def _settings(options: ExportOptions) -> Settings:
    own = replace(options, settings=tuple(t for t in options.settings if not t.startswith((_OF_DEEP, _OF_HEAD))))
    profile = PROFILES[_profile_name(options)]
    if options.deep_head not in (None, CDEDGE_HEAD.name):  # it leads the size by itself: docs/explain/tracker.md#growth
        profile = replace(profile, flow_share=0.0)
    settings: Settings = started(own, profile)
    return settings


def _keep(field: str, rule: str) -> float:
    """What a generic file's device is to keep of a part's channels, by one of two options; raises `Usage`."""
    if rule in ("auto", "paper"):
        raise Usage(
            f"{field}: {rule} is settled by a target at the desk; a generic file takes a share (0.4) or a count (28)"
        )
    keep = math.inf if rule == "all" else number(rule, field)
    if (not is_count(rule) and keep >= 1) or keep == 1:
        raise Usage(f"{field}: {rule} leaves nothing to choose; expected a share below 1, or a count of 2 or more")
    if not LEAST_KEPT <= keep <= MOST_KEPT:
        raise Usage(f"{field}: expected a share from {LEAST_KEPT:g}, or a count up to {MOST_KEPT}, got {rule}")
    return keep


def _check_count(field: str, part: ModelSpec | DeepPart) -> None:
    if part.settings.keep > part.channels:
        raise Usage(f"{field}: {part.settings.keep:.0f}, but the chosen layers have {part.channels} channels")


def _check_generic(options: ExportOptions) -> None:
    """Raise `Usage` for rules that a generic file has not, and for settings that say what its options do."""
    _keep("channels", options.channels or "")
    if options.deep_channels is not None:
        _keep("deep_channels", options.deep_channels)
    for name, field in (("keep", "channels"), (f"{_OF_DEEP}keep", "deep_channels")):
        if any(text.partition("=")[0] == name for text in options.settings):
            raise Usage(f"settings: {name} is what {field} says of a generic file; leave it out")


def _profile_name(options: ExportOptions) -> str:
    """The profile that is asked for: where none is, robust with a deep network, else by layers; raises `Usage`."""
    several = "+" in options.layers or options.layers == "all"
    name = options.profile or ("robust" if options.deep is not None else "accurate" if several else "fast")
    if name not in PROFILES:
        raise Usage(f"profile: expected one of {', '.join(PROFILES)}, got {name!r}")
    if name != "robust" and options.deep is not None:
        raise Usage(f"profile: {name} has no deep network, and {options.deep} is given; leave one of the two out")
    return name


def _deep_network(options: ExportOptions) -> DeepNetwork | None:
    """The deep part that is asked for; raises `Usage` or `BadModel`."""
    settings, of_head = (_of_part(options, prefix) for prefix in (_OF_DEEP, _OF_HEAD))
    for prefix, texts, path in ((_OF_DEEP, settings, options.deep), (_OF_HEAD, of_head, options.deep_head)):
        if texts and path is None:
            raise Usage(f"settings: {prefix}{texts[0]} is for a part that the file does not have; leave it out")
    if options.deep is None:
        return None
    _check_own_head(options)
    of_deep = assigned(DeepSettings(), settings)
    if of_deep.every != 1 and options.deep_head is not None:
        raise Usage("settings: deep.every is 1 beside a box head, which looks at every frame; leave one of the two out")
    if options.deep_channels is not None and options.generic:
        of_deep = replace(of_deep, keep=_keep("deep_channels", options.deep_channels))
    elif options.deep_channels is not None and options.deep_head is not None:
        raise Usage("deep_channels: a box head reads all channels of its network; leave one of the two out")
    return open_deep(
        DeepOptions(
            Path(options.deep),
            options.deep_layers,
            options.deep_convention,
            options.deep_input,
            of_deep,
            None if options.deep_head is None else Path(options.deep_head),
            assigned(_OWN_HEAD if options.deep_head == CDEDGE_HEAD.name else HeadSettings(), of_head),
            _deep_precision(options),
        )
    )


def _check_own_head(options: ExportOptions) -> None:
    """Raise `Usage` for our own head beside maps that it has not learned."""
    if options.deep_head == CDEDGE_HEAD.name and not (options.deep == CDEDGE_DEEP.name and _as_learned(options)):
        raise Usage(
            f"deep_head: {CDEDGE_HEAD.name} reads the last layer of {CDEDGE_DEEP.name} as it is: deep is that, or left "
            f"out with the profile robust, and {', '.join(_LEARNED)} are left out"
        )


def _as_learned(options: ExportOptions) -> bool:
    """Whether our own network's maps are those that our own head has learned; several layers have their shape."""
    return all(getattr(options, name) in (None, value) for name, value in _LEARNED.items())


def _deep_precision(options: ExportOptions) -> DeepPrecision:
    """As the layers' where nothing else is said; raises `Usage` for what a box head from a file does not bear."""
    wanted = options.deep_precision or options.precision
    if wanted in ("int8", "auto") and options.deep_head not in (None, CDEDGE_HEAD.name):
        raise Usage(
            "deep_precision: a box head from a file and its network have fp32 and fp16, not int8, which the layers may "
            "have: add deep_precision fp32, or leave the head out"
        )
    return wanted


def _of_part(options: ExportOptions, prefix: str) -> list[str]:
    return [text.removeprefix(prefix) for text in options.settings if text.startswith(prefix)]
