#!/bin/sh
# Installs cdedge on $device: ./install.sh [FOLDER]. The Python environment goes to FOLDER, by default env beside this script.
# It needs Python $python, the architecture $architecture and a package registry; PYTHON names another interpreter.
set -eu
cd "$$(dirname "$$0")"
folder=$${1:-env}
python=$${PYTHON:-python$python}

[ "$$(uname -m)" = $architecture ] || { echo "this is a bundle for $architecture, this machine is $$(uname -m)" >&2; exit 1; }
"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != tuple(map(int, "$python".split("."))))' ||
  { echo "$$python is not Python $python: install that, or bundle again with --python" >&2; exit 1; }
sha256sum --check --quiet SHA256SUMS

"$$python" -m venv "$$folder"
# Bytecode is made of what a run loads, below, not of all (25 MB); pip goes when it is done (27 MB; python -m ensurepip brings it back).
"$$folder/bin/python" -m pip install --quiet --no-compile --require-hashes --only-binary=:all: -r requirements.txt
"$$folder/bin/python" -m pip install --quiet --no-index --no-deps ./$wheel
"$$folder/bin/python" -m pip uninstall --quiet --yes setuptools pip
"$$folder/bin/cdedge" inspect model.onnx --json >/dev/null
"$$folder/bin/cdedge" track model.onnx --frames 2 --jsonl - >/dev/null
echo "installed; next: $$folder/bin/cdedge bench model.onnx, then CHECKLIST.md"
