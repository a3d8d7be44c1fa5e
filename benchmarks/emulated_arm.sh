#!/bin/sh
# Installs an aarch64 bundle in an emulated Debian 12 with the script that the bundle brings, tracks there and here, and compares the boxes:
#
#   cdedge bundle demo.onnx --for raspberry-pi-5 -o bundle
#   sudo sh benchmarks/emulated_arm.sh bundle ROOT [FRAMES]
#
# ROOT is made when it is not there. It takes root, debootstrap, and qemu-aarch64 10 or newer as the kernel's interpreter for aarch64 (Debian 13's
# qemu-user-binfmt; 7.2 ends with a segmentation fault where onnxruntime is loaded). Emulated times and memory say nothing about a board.
set -eu
bundle=$1 root=$2 frames=${3:-30}

[ -d "$root" ] || debootstrap --arch=arm64 --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root"
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do # as this machine reaches its registry
  [ ! -e "$file" ] || cp -L "$file" "$root$file"
done
rm -rf "$root/root/bundle"
cp -r "$bundle" "$root/root/bundle"
on_the_board() {
  env -u PIP_FIND_LINKS -u PIP_CONSTRAINT HOME=/root QEMU_CPU=cortex-a76 OMP_NUM_THREADS=1 chroot "$root" sh -c "cd /root/bundle && $1"
}
mountpoint -q "$root/proc" || { mount -t proc proc "$root/proc" && trap 'umount "$root/proc"' EXIT; }
on_the_board "./install.sh"
on_the_board "env/bin/cdedge track model.onnx --frames $frames --threads 1 -o emulated.csv"
cdedge track "$bundle/model.onnx" --frames "$frames" --threads 1 -o "$root/root/bundle/here.csv"
python3 - "$root/root/bundle" <<'PYTHON'
import csv
import sys

here, emulated = (list(csv.DictReader(open(f"{sys.argv[1]}/{name}.csv"))) for name in ("here", "emulated"))
apart_px = max(abs(float(a[key]) - float(b[key])) for a, b in zip(here, emulated, strict=True) for key in ("x", "y", "width", "height"))
print(f"{len(here)} frames; boxes here and emulated are at most {apart_px:.3f} px apart")
PYTHON
