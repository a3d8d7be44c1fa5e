"""Options exist once: every field through every door arrives, or is refused by its name."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cdedge.evaluation.configuration import resolved
from cdedge.evaluation.job import Job, TrackerOptions
from cdedge.evaluation.sweep import read_sweep
from cdedge.options import option_name, taking
from cdedge_export import recipes
from cdedge_export.options import ExportOptions, filled, infos, spelled
from cdedge_export.pipeline import check, export
from cdedge_export.recipes.recipe import find_recipe, prepared
from cdedge_runtime import trackers
from cdedge_runtime.errors import Usage
from cdedge_runtime.kinds import names
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.record import decode, encode
from cdedge_runtime.sources.frames import Source
from tests.conftest import Done, MovingSquare
from tests.evaluation.running import configure

ALTERED: dict[str, Any] = {
    "tracker": "cf2",
    "backbone": "squeezenet1_1",
    "layers": "11+12",
    "weights": "/weights/own.pth",
    "convention": "caffe",
    "mode": "chain",
    "reconstruct": True,
    "precision": "int8",
    "generic": True,
    "distill": False,
    "channels": "0.5",
    "rank": "random",
    "search": "e4",
    "seed": 7,
    "plan": "/plans/own.json",
    "profile": "accurate",
    "deep": "/networks/deep.onnx",
    "deep_head": "/networks/head.onnx",
    "deep_layers": "a+b",
    "deep_channels": "0.5",
    "deep_convention": "rgb",
    "deep_precision": "fp16",
    "deep_input": 192,
    "settings": ("scale=none",),
    "input_px": 128,
    "grid": 40,
    "subsample": 2,
}


def test_the_law_covers_every_field() -> None:
    assert set(ALTERED) == {f.name for f in fields(ExportOptions)}


def on_the_command_line(field: str, value: Any) -> list[str]:
    option = option_name(field)
    if isinstance(value, bool):
        return [option]
    return [word for item in (value if isinstance(value, tuple) else (value,)) for word in (option, str(item))]


def in_toml(value: Any) -> str:
    return (
        f'"{" ".join(value)}"'
        if isinstance(value, tuple)
        else str(value).lower()
        if isinstance(value, bool)
        else repr(value)
    )


@pytest.mark.parametrize("field", ALTERED)
def test_the_command_line_hands_it_on(field: str) -> None:
    taken: list[ExportOptions] = []
    app = typer.Typer()

    @app.command()
    @taking()
    def command(options: ExportOptions) -> None:
        taken.append(options)

    done = CliRunner().invoke(app, on_the_command_line(field, ALTERED[field]))
    assert done.exit_code == 0, done.output
    assert taken == [replace(ExportOptions(), **{field: ALTERED[field]})]


@pytest.mark.parametrize("field", ALTERED)
def test_a_sweep_hands_it_on_by_either_name(field: str, tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    for name in (field, {field: written for written, field in spelled().items()}[field]):
        file.write_text(f'[[run]]\nname = "one"\n{name} = {in_toml(ALTERED[field])}\n')
        (run,) = read_sweep(file, configure(tmp_path, tracker=TrackerOptions()))
        assert run.configuration.tracker.made == replace(ExportOptions(), **{field: ALTERED[field]})


@pytest.mark.parametrize("field", ALTERED)
def test_a_worker_is_handed_the_same_record(field: str) -> None:
    made = resolved(replace(ExportOptions(), **{field: ALTERED[field]}))
    job = Job("A", (), (0.0, 0.0, 9.0, 9.0), 0, TrackerOptions(made), 1)
    assert decode(Job, encode(job)) == job


def test_what_goes_by_a_name_is_no_path() -> None:
    made = resolved(ExportOptions(weights="bundled", deep="cdedge_deep", plan="p.json"))
    assert (made.weights, made.deep, made.plan) == ("bundled", "cdedge_deep", str(Path("p.json").resolve()))
    assert TrackerOptions(made).files == (made.plan,)
    other = resolved(ExportOptions(weights="w.pth", deep="d.onnx"))
    assert (other.weights, other.deep) == (str(Path("w.pth").resolve()), str(Path("d.onnx").resolve()))
    assert set(TrackerOptions(other).files) == {other.weights, other.deep}


@pytest.mark.parametrize("tracker", names())
@pytest.mark.parametrize("field", sorted(set(ALTERED) - {"tracker"}))
def test_what_a_recipe_does_not_use_it_refuses_by_name(tracker: str, field: str) -> None:
    asked = replace(ExportOptions(tracker=tracker), **{field: ALTERED[field]})
    recipe = find_recipe(asked)
    if field in recipe.uses:
        return
    with pytest.raises(Usage, match=f"^{field}: "):
        prepared(asked)


@pytest.mark.parametrize(
    "together",
    [
        {"distill": False, "channels": "0.4"},
        {"distill": False, "rank": "snr"},
        {"distill": False, "search": "e4"},
        {"plan": "p.json", "channels": "0.4"},
        {"plan": "p.json", "distill": False},
        {"seed": 3},
        {"rank": "snr", "seed": 3},
        {"reconstruct": True},
    ],
)
def test_what_another_option_makes_meaningless_is_refused(together: dict[str, Any]) -> None:
    with pytest.raises(Usage, match=f"^({'|'.join(together)}): "):
        prepared(ExportOptions(**together))


@pytest.mark.parametrize(
    ("field", "value"),
    [("precision", "int4"), ("subsample", 0), ("grid", 0), ("grid", 7), ("input_px", 513), ("seed", -1), ("layers", 11),
     ("settings", "scale=none"), ("mode", "both"), ("reconstruct", 1)],
)  # fmt: skip
def test_a_value_that_no_tracker_could_take_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(Usage, match=f"^{field}"):
        replace(ExportOptions(), **{field: value})


@pytest.mark.parametrize("field", [name for name, value in ALTERED.items() if isinstance(value, (str, tuple))])
def test_an_empty_text_is_not_taken_for_none(field: str) -> None:
    with pytest.raises(Usage, match=f"^{field}"):
        replace(ExportOptions(), **{field: ("",) if field == "settings" else ""})


def test_defaults_stand_for_what_is_not_given() -> None:
    assert filled(ExportOptions(), {}).layers == "11"
    assert filled(ExportOptions(), {"layers": "12"}).layers == "12"
    assert filled(ExportOptions(layers="21"), {"layers": "12"}).layers == "21"


@pytest.mark.parametrize(
    ("field", "arrived"),
    [
        ("layers", lambda spec: spec.layers == "11+12"),
        ("mode", lambda spec: spec.mode == "chain"),
        ("precision", lambda spec: spec.precision == "int8"),
        ("generic", lambda spec: (spec.channels, spec.filter_channels) == (64, 16)),
        ("distill", lambda spec: spec.channels == 64),
        ("channels", lambda spec: spec.channels == 32),
        ("rank", lambda spec: spec.selection.rank == "random"),
        ("search", lambda spec: spec.selection.search == "e4"),
        ("profile", lambda spec: spec.settings.scale == "pyramid"),
        ("settings", lambda spec: spec.settings.scale == "none"),
        ("input_px", lambda spec: spec.input_px == (128, 128)),
        ("grid", lambda spec: spec.grid == (40, 40)),
        ("subsample", lambda spec: spec.subsample == 2),
        ("tracker", lambda spec: spec.tracker == "cf2"),
    ],
)
def test_it_arrives_in_the_file(
    cdedge: Callable[..., Done], square_folder: Path, tmp_path: Path, field: str, arrived: Callable[[Any], bool]
) -> None:
    model = tmp_path / "m.onnx"
    done = cdedge("export", square_folder, *on_the_command_line(field, ALTERED[field]), "-o", model)
    assert done.returncode == 0, done.stderr
    assert arrived(open_tracker(model, threads=1).spec)


TOY_DEVICE = '''
from dataclasses import dataclass
from cdedge_runtime.estimate import Estimate, Sizes, no_lap
from cdedge_runtime.kinds import Kind

@dataclass(frozen=True)
class ToySettings:
    """The toy's only setting."""
    step: float = 1.0

class Toy:
    def __init__(self, features):
        self.spec = features.spec
    def init(self, frame, box, lap=no_lap):
        self.box = box
        return Estimate(box, 1.0, lost=False)
    def update(self, frame, lap=no_lap):
        x, y, w, h = self.box.x, self.box.y, self.box.width, self.box.height
        self.box = type(self.box)(x + self.spec.settings.step, y, w, h)
        return Estimate(self.box, 1.0, lost=False)
    def sizes(self):
        return Sizes(0, 0, 0, 0)

KIND = Kind("toy", ToySettings, Toy, lambda spec, size, shape: (size[1], size[0]))
'''
TOY_DESK = """
from cdedge_export.choose.plan import ChannelPlan, PlannedTap
from cdedge_export.recipes import hog
from cdedge_export.recipes.recipe import OF_EVERY, Recipe, started
from cdedge_runtime.model.contract import Selection

KEPT = ChannelPlan(
    "fhog", (PlannedTap("hog", tuple(range(31)), 31, (0.0,) * 31),), Selection("none", "none", "1.0", 0, None, None), 0
)

def recipe(options):
    return Recipe(OF_EVERY, "the toy has no use for it", _design)

def _design(scene, options, say):
    whole = hog.whole_spec((8, 8), scene, "toy", started(options))
    return hog.design(whole, options, lambda rules: KEPT, say)
"""


def test_a_tracker_is_one_folder_and_one_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A toy that moves its box by a setting is exported and tracked, and nothing else of the project is touched."""
    (tmp_path / "device" / "toy").mkdir(parents=True)
    (tmp_path / "device" / "toy" / "__init__.py").write_text(TOY_DEVICE)
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "toy.py").write_text(TOY_DESK)
    monkeypatch.setattr(trackers, "__path__", [*trackers.__path__, str(tmp_path / "device")])
    monkeypatch.setattr(recipes, "__path__", [*recipes.__path__, str(tmp_path / "desk")])
    try:
        assert "toy" in names()
        clip, model = MovingSquare(4), tmp_path / "toy.onnx"
        source = Source("square", lambda: iter(clip.frame(i) for i in range(4)))
        options = ExportOptions(tracker="toy", settings=("step=2.5",))
        export(source, clip.box(0), model, options=options)
        tracker = open_tracker(model, threads=1)
        tracker.init(clip.frame(0), clip.box(0))
        assert tracker.update(clip.frame(1)).box.x == clip.box(0).x + 2.5
        with pytest.raises(Usage, match="the toy has no use for it"):
            prepared(ExportOptions(tracker="toy", layers="11"))
    finally:
        for name in [name for name in sys.modules if name.endswith(".toy")]:
            del sys.modules[name]


def test_every_file_that_an_option_names_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {name: f"{name}.onnx" for name, said in infos().items() if said.file}
    assert {"backbone", "weights", "plan", "deep", "deep_head"} <= set(files)
    made = resolved(replace(ExportOptions(), **files))
    assert {name: getattr(made, name) for name in files} == {n: str(tmp_path / f) for n, f in files.items()}
    assert set(TrackerOptions(made).files) == {str(tmp_path / file) for file in files.values()}
    named = ExportOptions(weights="bundled", deep="cdedge_deep", backbone="vgg19")
    assert resolved(named) == named
    assert TrackerOptions(named).files == ()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"channels": "some"}, "expected auto, paper, a count"),
        ({"channels": "2.5"}, "a share lies in 0..1"),
        ({"rank": "best"}, "unknown rank"),
        ({"convention": "purple"}, "no 'purple'"),
        ({"settings": ("nope=1",)}, "setting 'nope=1'"),
        ({"tracker": "cf2", "settings": ("nope=1",)}, "setting 'nope=1'"),
        ({"tracker": "cacf", "settings": ("nope=1",)}, "setting 'nope=1'"),
        ({"tracker": "eco", "layers": "hog", "settings": ("nope=1",)}, "setting 'nope=1'"),
        ({"backbone": "vggm", "layers": "11"}, "no layer '11'"),
        ({"profile": "robust", "deep_channels": "some"}, "deep_channels some: expected"),
        ({"profile": "robust", "deep_channels": "2.5"}, "deep_channels 2.5: a share"),
        ({"profile": "robust", "deep_layers": "conv99"}, "no map 'conv99'"),
        ({"profile": "robust", "deep_convention": "purple"}, "no 'purple'"),
        ({"profile": "robust", "settings": ("deep.nope=1",)}, "setting 'nope=1'"),
        ({"profile": "robust", "settings": ("deep.every=3",)}, "divides update_every"),
        ({"generic": True, "settings": ("nope=1",)}, "setting 'nope=1'"),
        ({"tracker": "mdnet", "weights": "random", "settings": ("nope=1",)}, "setting 'nope=1'"),
        ({"tracker": "mdnet"}, "needs the PATH"),
        ({"tracker": "mdnet", "weights": "random", "convention": "bgr"}, "random ones are none"),
        ({"tracker": "mdnet", "weights": "random", "search": "reduced"}, "no form without a correlation filter"),
        ({"tracker": "cacf", "search": "reduced"}, "no form for context patches"),
        ({"convention": "caffe"}, "that of 'bundled' is known"),
        ({"weights": "imagenet", "convention": "caffe"}, "that of 'imagenet' is known"),
    ],
)
def test_what_no_video_could_change_is_refused_before_one_is_read(given: dict[str, Any], text: str) -> None:
    with pytest.raises(Usage, match=text):
        check(ExportOptions(**given))


@pytest.mark.parametrize("given", [{}, {"profile": "robust", "deep_channels": "0.5"}, {"generic": True}])
def test_what_can_be_exported_is_let_through(given: dict[str, Any]) -> None:
    check(ExportOptions(**given))


def test_channels_that_come_through_a_pipe_are_left_for_the_export_to_read() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"[]")
        os.close(writing)
        check(ExportOptions(plan=f"/dev/fd/{reading}"))
        assert os.read(reading, 9) == b"[]"
    finally:
        os.close(reading)
