"""A camera of our own that speaks RTSP, over TCP alone: ``python3 rtsp_server.py PORT 'FOLDER/%04d.jpg'``, without end.

It runs in the system's Python: GStreamer's bindings come with the system (Debian: python3-gi,
gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-base and -good), not from PyPI.
"""

from __future__ import annotations

import sys

import gi  # type: ignore[import-not-found, unused-ignore]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # type: ignore[import-not-found, unused-ignore] # noqa: E402

port, pictures = sys.argv[1:]
Gst.init(None)
factory = GstRtspServer.RTSPMediaFactory.new()
factory.set_launch(
    f'( multifilesrc location="{pictures}" loop=true caps="image/jpeg,framerate=30/1" '
    "! jpegdec ! videoconvert ! jpegenc quality=95 ! rtpjpegpay name=pay0 pt=26 )"
)
factory.set_shared(True)
factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service(port)
server.get_mount_points().add_factory("/cam", factory)
if server.attach(None) == 0:
    raise SystemExit(f"port {port} is taken")
print("ready", flush=True)  # noqa: T201 - whoever started it waits for this line
GLib.MainLoop().run()
