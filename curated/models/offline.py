"""No model library may open a socket, install a package or run code from a weights file."""

from __future__ import annotations

import importlib
import os
import socket
import tempfile
from pathlib import Path

_ENVIRONMENT = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "true",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "OPENCV_LOG_LEVEL": "ERROR",
}


def go_offline(cache: Path | None = None) -> None:
    """Set what the libraries read at import; must come before the first of them is imported.

    ultralytics writes a settings file when it is imported: into `cache`, else into a temporary folder, never
    among the user's own settings.
    """
    os.environ.update(_ENVIRONMENT)
    os.environ["YOLO_CONFIG_DIR"] = os.fspath(cache or Path(tempfile.gettempdir()) / f"curated-{os.getuid()}")
    # urllib3, which some of them import, tries out an IPv6 socket at import unless told that there is none.
    socket.has_ipv6 = False


def import_ultralytics() -> None:
    """Import ultralytics with what it does to Pillow taken back; call it before any import of its parts.

    At its import it puts a PIL.Image.open of its own in place, which wants to install a package for every picture
    that Pillow does not know, and so raises what our decoding does not expect.
    """
    from PIL import Image

    opener = Image.open
    importlib.import_module("ultralytics")
    Image.open = opener
