"""``python -m cdedge_export.training --data DIR -o FILE``: train the bundled weights again."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from cdedge_runtime.errors import CdedgeError

from .footage import Footage, load
from .loop import Recipe, seconds_per_step, train
from .store import write

_CHECKPOINT_S = 180.0


def main() -> int:
    """Parse the command line, train, and answer with an exit code."""
    options = _parser().parse_args()
    try:
        _run(
            options.data,
            options.output,
            options.minutes,
            Recipe(options.steps, options.seed),
            options.leave_out,
        )
    except CdedgeError as error:
        _say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted; the last checkpoint stays")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cdedge_export.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with images/ and videos/")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .safetensors file to write")
    parser.add_argument("--minutes", type=float, default=30.0, help="time to spend on one core (default 30)")
    parser.add_argument("--steps", type=int, default=0, help="exact number of steps, instead of --minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="VIDEO", help="videos not to learn from")
    return parser


def _run(data: Path, output: Path, minutes: float, recipe: Recipe, leave_out: list[str]) -> None:
    footage = load(data, leave_out=tuple(leave_out))
    if recipe.steps < 1:
        recipe = replace(recipe, steps=max(1, round(60 * minutes / seconds_per_step(footage, recipe))))
    trained_on = _describe(footage)
    _say(f"{trained_on}; {recipe}; the same weights again: --steps {recipe.steps} --seed {recipe.seed}")
    start = saved = time.perf_counter()
    loss = 0.0
    for done in train(footage, recipe):
        loss = done.loss if done.step == 1 else 0.98 * loss + 0.02 * done.loss
        now = time.perf_counter()
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done.step}/{recipe.steps}  loss {loss:.4f}  {(now - start) / 60:.1f} min ")
        if done.step == recipe.steps or now - saved > _CHECKPOINT_S:
            write(output, done.state(), recipe=recipe, step=done.step, trained_on=trained_on)
            _say(f"step {done.step}: loss {loss:.4f}, {(now - start) / 60:.1f} min, wrote {output}")
            saved = now
    sys.stdout.write(f"{output}: {recipe.steps} steps, {(time.perf_counter() - start) / 60:.1f} minutes\n")


def _describe(footage: Footage) -> str:
    frames = sum(len(video.frames) for video in footage.videos)
    names = ", ".join(video.name for video in footage.videos)
    videos = f"{frames} frames of {len(footage.videos)} videos ({names})"
    return f"{len(footage.photographs)} photographs and {videos}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
