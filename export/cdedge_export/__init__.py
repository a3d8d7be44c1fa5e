"""cdedge at the desk: distil, prune and export a backbone (needs the extra export)."""

import cdedge_runtime  # noqa: F401 - before any import of onnxruntime, which it keeps from calling home
