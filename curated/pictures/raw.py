"""Camera RAW files are read through the preview that the camera embedded."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from curated.errors import PictureUnreadable


def open_raw_preview(path: Path, data: bytes) -> io.BytesIO:
    """The embedded preview as the bytes of a JPEG (or of a BMP where the camera stored plain pixels).

    Raises PictureUnreadable where there is none, or where rawpy (the extra `raw`) is not installed.
    """
    try:
        import rawpy
    except ImportError:
        raise PictureUnreadable(path, "reading RAW needs the extra: pip install 'curated[raw]'") from None
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            preview = raw.extract_thumb()
    except rawpy.LibRawError as error:
        raise PictureUnreadable(path, f"the RAW data are damaged or hold no preview: {error}") from error
    if preview.format == rawpy.ThumbFormat.JPEG:
        return io.BytesIO(preview.data)
    stream = io.BytesIO()
    Image.fromarray(preview.data).save(stream, "BMP")
    stream.seek(0)
    return stream
