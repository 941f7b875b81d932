"""What a file's first bytes say it is. Light: the daemon uses it on every arrival, without Pillow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HEAD_BYTES = 512

# Container extensions of camera RAW files; most are TIFF inside, so the extension decides.
RAW_EXTENSIONS = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .rwl "
    ".sr2 .srf .srw .x3f".split()
)
PICTURE_EXTENSIONS = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .webp .gif .tif .tiff .bmp .dib .heic .heif .hif .avif".split()
)
VIDEO_EXTENSIONS = frozenset(".mov .mp4 .m4v .avi .mkv .webm .3gp .mts .m2ts .mpg .mpeg .wmv .flv".split())

_PREFIXES: tuple[tuple[bytes, str, str], ...] = (
    (b"\xff\xd8\xff", "picture", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "picture", "PNG"),
    (b"GIF87a", "picture", "GIF"),
    (b"GIF89a", "picture", "GIF"),
    (b"BM", "picture", "BMP"),
    (b"II*\0", "picture", "TIFF"),
    (b"MM\0*", "picture", "TIFF"),
    (b"II+\0", "picture", "TIFF"),
    (b"MM\0+", "picture", "TIFF"),
    (b"FUJIFILMCCD-RAW", "raw", "RAF"),
    (b"FOVb", "raw", "X3F"),
    (b"IIRO", "raw", "ORF"),
    (b"IIRS", "raw", "ORF"),
    (b"IIU\0", "raw", "RW2"),
    (b"%PDF", "other", "a PDF document"),
    (b"PK\x03\x04", "other", "a ZIP archive"),
    (b"\x1f\x8b", "other", "a gzip archive"),
    (b"Rar!", "other", "a RAR archive"),
    (b"7z\xbc\xaf", "other", "a 7-Zip archive"),
    (b"8BPS", "other", "a Photoshop document"),
    (b"gimp xcf", "other", "a GIMP document"),
    (b"\0\0\1\0", "other", "an icon"),
    (b"\x1aE\xdf\xa3", "video", "Matroska"),
    (b"OggS", "other", "an Ogg recording"),
    (b"ID3", "other", "an MP3 recording"),
    (b"\x7fELF", "other", "a program"),
    (b"#!", "other", "a script"),
    (b"\xff\x4f\xff\x51", "other", "a JPEG 2000 picture"),
    (b"\0\0\0\x0cjP  ", "other", "a JPEG 2000 picture"),
    (b"\xff\x0a", "other", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "other", "a JPEG XL picture"),
)
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What the content is: `format` names a picture's format, `description` anything else, for a person."""

    kind: Literal["picture", "raw", "video", "other"]
    format: str | None
    description: str


def sniff(head: bytes, extension: str = "") -> Sniffed:
    """What a file that begins with `head` (HEAD_BYTES of it) is; the extension only tells RAW from TIFF."""
    extension = extension.lower()
    for prefix, kind, name in _PREFIXES:
        if head.startswith(prefix):
            if kind == "picture" and name == "TIFF" and extension in RAW_EXTENSIONS:
                return Sniffed("raw", extension[1:].upper(), "a camera RAW file")
            if kind == "picture":
                return Sniffed("picture", name, f"a {name} picture")
            if kind == "raw":
                return Sniffed("raw", name, "a camera RAW file")
            return Sniffed(
                "video" if kind == "video" else "other", None, f"a {name} video" if kind == "video" else name
            )
    if head[:4] == b"RIFF":
        return _riff(head)
    if head[4:8] == b"ftyp":
        return _iso(head)
    if extension in RAW_EXTENSIONS and head.strip(b"\0"):
        return Sniffed("raw", extension[1:].upper(), "a camera RAW file")
    return Sniffed("other", None, _describe(head))


def _riff(head: bytes) -> Sniffed:
    if head[8:12] == b"WEBP":
        return Sniffed("picture", "WEBP", "a WebP picture")
    if head[8:12] == b"AVI ":
        return Sniffed("video", None, "an AVI video")
    return Sniffed("other", None, "a RIFF file that is no picture")


def _iso(head: bytes) -> Sniffed:
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, length, 4))]
    if head[8:12] == b"crx ":
        return Sniffed("raw", "CR3", "a camera RAW file")
    if any(brand in _AVIF_BRANDS for brand in brands):
        return Sniffed("picture", "AVIF", "an AVIF picture")
    if any(brand in _HEIF_BRANDS for brand in brands):
        return Sniffed("picture", "HEIF", "a HEIF picture")
    return Sniffed("video", None, "a QuickTime or MP4 video")


def _describe(head: bytes) -> str:
    if not head:
        return "an empty file"
    if not head.strip(b"\0"):
        return "only zeros (a download that never finished?)"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "an HTML page"
    if text.startswith((b"<svg", b"<?xml")):
        return "an XML or SVG document"
    if text.startswith((b"{", b"[")):
        return "a JSON document"
    if all(byte in b"\t\n\r\x1b" or 32 <= byte < 127 or byte >= 128 for byte in head):
        return "plain text"
    return "data of an unknown kind"
