"""cdedge on the device: an exported file, onnxruntime, numpy and OpenCV; no PyTorch."""
