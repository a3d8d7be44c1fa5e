"""Publish estimates as JSON lines on a UNIX socket: python examples/unix_socket.py model.onnx clip.mp4 boxes.sock

Whoever connects gets every line from then on (try: socat - UNIX-CONNECT:boxes.sock). A reader that is slow or goes away
is dropped; the tracker never waits for one.
"""

import json
import socket
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

from cdedge_runtime import open_source, open_tracker


def is_told(reader: socket.socket, line: bytes) -> bool:
    """Whether the line fitted into the reader's buffer; one whose buffer is full, or who is gone, is closed."""
    try:
        reader.send(line)
    except OSError:
        reader.close()
        return False
    return True


def main(model: str, source: str, address: str) -> None:
    """Track, and tell whoever listens."""
    tracker, opened, readers = open_tracker(model, threads=1), open_source(source), set[socket.socket]()
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(address)
        server.listen()
        server.setblocking(False)
        try:
            for index, frame in enumerate(opened.frames()):
                estimate = tracker.update(frame) if index else tracker.init(frame, opened.first_box or (10, 10, 40, 40))
                told = {"frame": index, "time": time.time(), "box": estimate.box.xywh, "score": estimate.score}
                with suppress(BlockingIOError):
                    reader, _ = server.accept()
                    reader.setblocking(False)
                    readers.add(reader)
                line = json.dumps({**told, "lost": estimate.lost}).encode() + b"\n"
                readers -= {reader for reader in readers if not is_told(reader, line)}
        finally:
            Path(address).unlink()


if __name__ == "__main__":
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:4])
