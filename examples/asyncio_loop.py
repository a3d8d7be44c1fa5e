"""Tracking beside other tasks of an event loop: python examples/asyncio_loop.py model.onnx clip.mp4

Reading and tracking run in a thread of their own and let the loop go on; the newest estimate waits in a queue of one.
"""

import asyncio
import sys

from cdedge_runtime import Estimate, open_source, open_tracker


async def estimates(model: str, source: str | None) -> "asyncio.Queue[Estimate | None]":
    """A queue of the newest estimate; None at the end."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue(1)

    def put(estimate: Estimate | None) -> None:
        while queue.full():
            queue.get_nowait()
        queue.put_nowait(estimate)

    def work() -> None:
        tracker, opened = open_tracker(model, threads=1), open_source(source)
        for index, frame in enumerate(opened.frames()):
            estimate = tracker.update(frame) if index else tracker.init(frame, opened.first_box or (10, 10, 40, 40))
            loop.call_soon_threadsafe(put, estimate)
        loop.call_soon_threadsafe(put, None)

    queue.worker = loop.run_in_executor(None, work)  # kept, or the thread could be forgotten
    return queue


async def main() -> None:
    """Print what comes, and count the turns that the loop had meanwhile."""
    queue, turns = await estimates(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None), 0

    async def other_work() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.005)

    other = asyncio.create_task(other_work())
    while (estimate := await queue.get()) is not None:
        print(*(f"{value:.1f}" for value in estimate.box), f"{estimate.score:.2f}")
    other.cancel()
    print(f"the loop turned {turns} times", file=sys.stderr)


if len(sys.argv) < 2:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
asyncio.run(main())
