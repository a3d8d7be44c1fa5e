"""``python -m cdedge.schemas FOLDER`` writes the published files."""

import sys
from pathlib import Path

from cdedge_runtime.files import write_whole

from .answers import answers
from .schema import file_name, file_text

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in answers():
        write_whole(folder / file_name(name), file_text(name).encode())
