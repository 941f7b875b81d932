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

Kind = Literal["picture", "raw", "video", "other"]

_PREFIXES: tuple[tuple[bytes, Kind, str], ...] = (
    (b"\xff\xd8\xff", "picture", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "picture", "PNG"),
    (b"GIF87a", "picture", "GIF"),
    (b"GIF89a", "picture", "GIF"),
    (b"II*\0", "picture", "TIFF"),
    (b"MM\0*", "picture", "TIFF"),
    (b"II+\0", "picture", "TIFF"),
    (b"MM\0+", "picture", "TIFF"),
    (b"FUJIFILMCCD-RAW", "raw", "RAF"),
    (b"FOVb", "raw", "X3F"),
    (b"IIRO", "raw", "ORF"),
    (b"IIRS", "raw", "ORF"),
    (b"MMOR", "raw", "ORF"),
    (b"IIU\0", "raw", "RW2"),
    (b"\0MRM", "raw", "MRW"),
    (b"II\x1a\0\0\0HEAPCCDR", "raw", "CRW"),
    (b"\x1aE\xdf\xa3", "video", "a Matroska or WebM video"),
    (b"FLV\1", "video", "a Flash video"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video", "a Windows Media video"),
    (b"\0\0\1\xba", "video", "an MPEG video"),
    (b"\0\0\1\xb3", "video", "an MPEG video"),
    (b"\xff\x4f\xff\x51", "other", "a JPEG 2000 picture"),
    (b"\0\0\0\x0cjP  ", "other", "a JPEG 2000 picture"),
    (b"\xff\x0a", "other", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "other", "a JPEG XL picture"),
    (b"II\xbc\1", "other", "a JPEG XR picture"),
    (b"8BPS", "other", "a Photoshop picture"),
    (b"gimp xcf", "other", "a GIMP picture"),
    (b"\0\0\1\0", "other", "a Windows icon"),
    (b"\0\0\2\0", "other", "a Windows cursor"),
    (b"icns", "other", "a macOS icon"),
    (b"DDS ", "other", "a DirectDraw picture"),
    (b"v/1\1", "other", "an OpenEXR picture"),
    (b"#?RADIANCE", "other", "a Radiance HDR picture"),
    (b"qoif", "other", "a QOI picture"),
    (b"BPG\xfb", "other", "a BPG picture"),
    (b"SIMPLE  =", "other", "a FITS picture"),
    (b"\1\xda", "other", "an SGI picture"),
    (b"\x0a\5\1\1", "other", "a PCX picture"),
    (b"\x0a\5\1\x08", "other", "a PCX picture"),
    (b"%!PS", "other", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "other", "a PostScript document"),
    (b"%PDF", "other", "a PDF document"),
    (b"{\\rtf", "other", "a rich-text document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "other", "an old Microsoft Office document"),
    (b"PK\3\4", "other", "a ZIP archive or an Office document"),
    (b"PK\5\6", "other", "an empty ZIP archive"),
    (b"\x1f\x8b", "other", "a gzip archive"),
    (b"BZh", "other", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "other", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "other", "a Zstandard archive"),
    (b"Rar!", "other", "a RAR archive"),
    (b"7z\xbc\xaf", "other", "a 7-Zip archive"),
    (b"SQLite format 3\0", "other", "a SQLite database"),
    (b"\0\5\x16\7", "other", "the metadata of another file (AppleDouble)"),
    (b"OggS", "other", "an Ogg recording"),
    (b"ID3", "other", "an MP3 recording"),
    (b"fLaC", "other", "a FLAC recording"),
    (b"\x7fELF", "other", "a program"),
    (b"#!", "other", "a script"),
)
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_AUDIO_BRANDS = frozenset((b"M4A ", b"M4B ", b"M4P "))
_QUICKTIME_ATOMS = frozenset((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))
_EMPTY, _ZEROS = "an empty file", "zeros"
_MARKUP = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<!--")


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What the content is: `format` names a picture's format; `description` says it to a person ("a PNG picture")."""

    kind: Kind
    format: str | None
    description: str

    @property
    def refusal(self) -> str:
        """Why it is not read as a picture, as a clause."""
        if self.description == _EMPTY:
            return "it is an empty file"
        if self.description == _ZEROS:
            return "it begins with nothing but zeros: a download that never finished?"
        if self.description.endswith((" picture", " icon", " cursor")):
            return f"it is {self.description}, a format that is not read here"
        return f"it is {self.description}, not a picture"


def sniff(head: bytes, extension: str = "") -> Sniffed:
    """What a file that begins with `head` (HEAD_BYTES of it) is; the extension only tells RAW from TIFF."""
    extension = extension.lower()
    for prefix, kind, name in _PREFIXES:
        if head.startswith(prefix):
            if kind == "picture" and name == "TIFF":
                return _tiff(head, extension)
            if kind == "picture":
                return _picture(name)
            return _raw(name) if kind == "raw" else Sniffed(kind, None, name)
    # Two letters are little to go by: a text may begin with them, but not with the numbers that follow.
    if head[:2] == b"BM" and any(byte < 9 for byte in head[2:26]):
        return _picture("BMP")
    if head[:4] == b"RIFF":
        return _riff(head)
    if head[4:8] == b"ftyp":
        return _iso(head)
    if head[4:8] in _QUICKTIME_ATOMS:
        return Sniffed("video", None, "a QuickTime video")
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return Sniffed("video", None, "an MPEG video")
    if extension in RAW_EXTENSIONS and not _is_text(head) and head.strip(b"\0"):
        return _raw(extension[1:].upper())
    return Sniffed("other", None, _describe(head))


def _picture(name: str) -> Sniffed:
    article = "an" if name == "AVIF" else "a"
    return Sniffed("picture", name, f"{article} {'WebP' if name == 'WEBP' else name} picture")


def _raw(name: str) -> Sniffed:
    return Sniffed("raw", name, "a camera RAW file")


def _tiff(head: bytes, extension: str) -> Sniffed:
    if extension in RAW_EXTENSIONS:
        return _raw(extension[1:].upper())
    return _raw("CR2") if head[8:10] == b"CR" else _picture("TIFF")


def _riff(head: bytes) -> Sniffed:
    match head[8:12]:
        case b"WEBP":
            return _picture("WEBP")
        case b"AVI ":
            return Sniffed("video", None, "an AVI video")
        case b"WAVE":
            return Sniffed("other", None, "a WAV recording")
    return Sniffed("other", None, "a RIFF file of another kind")


def _iso(head: bytes) -> Sniffed:
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, length, 4))]
    if head[8:12] == b"crx ":
        return _raw("CR3")
    if any(brand in _AVIF_BRANDS for brand in brands):
        return _picture("AVIF")
    if any(brand in _HEIF_BRANDS for brand in brands):
        return _picture("HEIF")
    if head[8:12] in _AUDIO_BRANDS:
        return Sniffed("other", None, "an MPEG-4 recording")
    return Sniffed("video", None, "a QuickTime video" if head[8:12] == b"qt  " else "an MP4 video")


def _describe(head: bytes) -> str:
    if not head:
        return _EMPTY
    if not head.strip(b"\0"):
        return _ZEROS
    if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace():
        return "a Netpbm picture"
    if head[257:262] == b"ustar":
        return "a tar archive"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_MARKUP):
        return "a web page"
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return "an SVG picture"
    if text.startswith(b"<?xml"):
        return "an XML document"
    if not _is_text(head):
        return "data of an unknown kind"
    return "a JSON document" if text.startswith((b"{", b"[")) else "plain text"


def _is_text(head: bytes) -> bool:
    """Whether it reads as text: UTF-8 (a cut last character aside), or another coding of mostly ASCII."""
    if not head or any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return False
    try:
        # At most three bytes of a character may be missing at the end.
        head[: -3 if len(head) >= HEAD_BYTES else None].decode("utf-8")
    except UnicodeDecodeError as error:
        at_the_end = len(head) >= HEAD_BYTES and error.start >= len(head) - 6
        return at_the_end or sum(byte < 128 for byte in head) > 0.7 * len(head)
    return True
