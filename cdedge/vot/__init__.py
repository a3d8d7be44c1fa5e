"""cdedge under the official VOT toolkit: entry points for two of its protocols, and its workspace.

``command = cdedge.vot:Tracker`` in a trackers.ini names `Tracker`. No measure is computed here.
"""

from .python_protocol import Tracker

__all__ = ["Tracker"]
