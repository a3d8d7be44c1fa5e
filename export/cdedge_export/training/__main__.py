"""``python -m cdedge_export.training {front,deep,head}``: train the bundled weights again."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

from cdedge_runtime.errors import CdedgeError

from .box_loop import BoxRecipe, train_boxes
from .deep_loop import DeepRecipe, train_deep
from .footage import Footage, join, load
from .loop import Recipe, seconds_per_step, train
from .seen import TeachingTracker, digest_of, gathered
from .store import box_notes, deep_notes, front_notes, read_checkpoint, write, write_checkpoint
from .teacher import load_teacher

_CHECKPOINT_S = 180.0


def main() -> int:
    """Parse the command line, train, and answer with an exit code."""
    options = _parser().parse_args()
    try:
        footage = join([load(folder, leave_out=tuple(options.leave_out)) for folder in options.data])
        options.train(footage, options)
    except CdedgeError as error:
        _say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted; the last checkpoint stays")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cdedge_export.training", description=__doc__)
    networks = parser.add_subparsers(required=True, metavar="{front,deep,head}")
    front = networks.add_parser("front", help="VGG-19's first three convolutions")
    front.set_defaults(train=_front)
    front.add_argument("--minutes", type=float, default=30.0, help="time to spend on one core (default 30)")
    front.add_argument("--steps", type=int, default=0, help="exact number of steps, instead of --minutes")
    deep = networks.add_parser("deep", help="cdedge_deep, from a teacher's maps")
    deep.set_defaults(train=_deep)
    deep.add_argument("--teacher", type=Path, required=True, help="ONNX file: BGR pixels in, maps at stride 16 out")
    deep.add_argument("--steps", type=int, default=DeepRecipe.steps, help=f"default {DeepRecipe.steps}")
    head = networks.add_parser("head", help="cdedge_head, on the maps of the bundled cdedge_deep")
    head.set_defaults(train=_head)
    head.add_argument("--teacher", type=Path, required=True, nargs=2, metavar=("BACKBONE", "HEAD"), help="ONNX files")
    head.add_argument("--seen", type=Path, required=True, metavar="DIR", help="keeps maps there: 170 kB a target")
    head.add_argument("--targets", type=int, default=BoxRecipe.targets, help=f"default {BoxRecipe.targets}")
    head.add_argument("--steps", type=int, default=BoxRecipe.steps, help=f"default {BoxRecipe.steps}")
    for network in (front, deep, head):
        network.add_argument(
            "--data", type=Path, required=True, nargs="+", metavar="DIR", help="folders with images/ and videos/"
        )
        network.add_argument("-o", "--output", type=Path, required=True, help="the .safetensors file to write")
        network.add_argument("--seed", type=int, default=0)
        network.add_argument("--leave-out", nargs="*", default=[], metavar="VIDEO", help="videos not to learn from")
    return parser


def _front(footage: Footage, options: argparse.Namespace) -> None:
    recipe = Recipe(options.steps, options.seed)
    if recipe.steps < 1:
        recipe = replace(recipe, steps=max(1, round(60 * options.minutes / seconds_per_step(footage, recipe))))
    trained_on = _describe(footage)
    _say(f"{trained_on}; {recipe}; the same weights again: --steps {recipe.steps} --seed {recipe.seed}")
    clock = _Clock(recipe.steps, options.output)
    for done in train(footage, recipe):
        if clock.due(done.step, f"loss {clock.smooth(done.loss):.4f}"):
            write(options.output, done.state(), front_notes(recipe, done.step, trained_on))
    clock.end()


def _deep(footage: Footage, options: argparse.Namespace) -> None:
    """Train; a run that was stopped goes on from the checkpoint beside its output, which goes when it ends."""
    recipe, teacher = DeepRecipe(options.steps, options.seed), load_teacher(options.teacher)
    kept = options.output.with_suffix(".checkpoint")
    checkpoint = read_checkpoint(kept, recipe) if kept.exists() else None
    trained_on = _describe(footage)
    _say(f"{trained_on}; {recipe}; from step {checkpoint['step'] if checkpoint else 0}")
    clock = _Clock(recipe.steps, options.output)
    for done in train_deep(footage, teacher, recipe, checkpoint):
        if clock.due(done.step, f"error to the teacher {clock.smooth(done.error):.4f}"):
            notes = deep_notes(recipe, done.step, trained_on, options.teacher)
            write(options.output, done.average.state(), notes)
            write_checkpoint(kept, {**done.checkpoint, "recipe": json.dumps(asdict(recipe))})
    kept.unlink(missing_ok=True)
    clock.end()


def _head(footage: Footage, options: argparse.Namespace) -> None:
    """See every target once, then train on what was seen; a run that was stopped does not see again."""
    recipe, trained_on = BoxRecipe(options.targets, options.steps, seed=options.seed), _describe(footage)
    _say(f"{trained_on}; {recipe}")
    folder = options.seen / digest_of(trained_on, *options.teacher)
    folder.mkdir(parents=True, exist_ok=True)
    seen = gathered(footage, TeachingTracker(*options.teacher), recipe.targets, recipe.seed, folder)
    clock = _Clock(recipe.steps, options.output)
    for done in train_boxes(seen, recipe):
        if clock.due(done.step, f"loss {clock.smooth(sum(done.losses.values())):.4f}"):
            write(options.output, done.average.state(), box_notes(recipe, done.step, trained_on, options.teacher))
    clock.end()


class _Clock:
    """Says how far a training is, and when to write."""

    def __init__(self, steps: int, output: Path) -> None:
        self.steps, self.output = steps, output
        self.start = self.saved = time.perf_counter()
        self.mean: float | None = None

    def smooth(self, value: float) -> float:
        """Give the running mean of the values seen."""
        self.mean = value if self.mean is None else 0.98 * self.mean + 0.02 * value
        return self.mean

    def due(self, step: int, state: str) -> bool:
        """Report ``step``; true when the weights are to be written."""
        now = time.perf_counter()
        text = f"{step}/{self.steps}  {state}  {(now - self.start) / 60:.1f} min"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{text} ")
        if step < self.steps and now - self.saved <= _CHECKPOINT_S:
            return False
        _say(f"step {text}, writing {self.output}")
        self.saved = now
        return True

    def end(self) -> None:
        """Give the result on stdout."""
        minutes = (time.perf_counter() - self.start) / 60
        sys.stdout.write(f"{self.output}: {self.steps} steps, {minutes:.1f} minutes\n")


def _describe(footage: Footage) -> str:
    frames = sum(len(video.frames) for video in footage.videos)
    names = ", ".join(video.name for video in footage.videos)
    videos = f"{frames} frames of {len(footage.videos)} videos ({names})"
    return f"{len(footage.photographs)} photographs and {videos}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
