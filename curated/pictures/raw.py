"""Camera RAW files are read through the preview that the camera embedded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from curated.errors import PictureError, PictureTooLarge, PictureUnreadable

# LibRaw's flip (0, 3, 5, 6) as EXIF orientation.
_ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}


@dataclass(frozen=True, slots=True)
class RawPreview:
    """`stream` holds a JPEG, or a BMP where the camera stored plain pixels; width and height are the sensor's.

    `orientation` (EXIF, 1 to 8) is for a preview that does not say it itself.
    """

    stream: io.BytesIO
    width: int
    height: int
    orientation: int


def open_raw_preview(path: Path, data: bytes) -> RawPreview:
    """The preview embedded in a RAW file's bytes.

    Raises PictureUnreadable where there is none, or where rawpy (the extra `raw`) is not installed.
    """
    try:
        import rawpy
    except ImportError:
        raise PictureUnreadable(path, "reading RAW needs the extra: pip install 'curated[raw]'") from None
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            sizes, preview = raw.sizes, raw.extract_thumb()
    except (rawpy.LibRawError, rawpy.NotSupportedError, OSError) as error:
        raise _explained(path, error, type(error).__name__) from error
    orientation = _ORIENTATIONS.get(sizes.flip, 1)
    if preview.format == rawpy.ThumbFormat.JPEG:
        return RawPreview(io.BytesIO(preview.data), sizes.width, sizes.height, orientation)
    stream = io.BytesIO()
    Image.fromarray(preview.data).save(stream, "BMP")
    stream.seek(0)
    return RawPreview(stream, sizes.width, sizes.height, orientation)


def _explained(path: Path, error: Exception, name: str) -> PictureError:
    if isinstance(error, OSError) or "IOError" in name or "DataError" in name:
        return PictureUnreadable(path, "the RAW data are damaged")
    if "Memory" in name or "TooBig" in name or "MemPool" in name:
        return PictureTooLarge(path, "it needs more memory than there is")
    if "Thumbnail" in name or "NotSupported" in name or "Nonexistent" in name:
        return PictureUnreadable(path, "this RAW file holds no preview that can be read")
    return PictureUnreadable(path, "the RAW data are damaged, or of a camera that LibRaw does not know")
