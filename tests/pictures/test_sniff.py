"""What is left alone is called by its name."""

from __future__ import annotations

import pytest

from curated.pictures.sniff import HEAD_BYTES, sniff
from tests.support.pictures import encoded, scene

FTYP = b"\0\0\0\x1cftyp"


@pytest.mark.parametrize(
    ("head", "extension", "kind", "format_"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", ".png", "picture", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", ".jpg", "picture", "PNG"),
        (b"GIF87a\1\0", ".gif", "picture", "GIF"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "", "picture", "WEBP"),
        (b"II*\0\x08\0\0\0", ".tif", "picture", "TIFF"),
        (b"MM\0*\0\0\0\x08", "", "picture", "TIFF"),
        (b"MM\0+\0\x08\0\0", "", "picture", "TIFF"),
        (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "", "picture", "BMP"),
        (FTYP + b"heic\0\0\0\0mif1heic", ".jpg", "picture", "HEIF"),
        (FTYP + b"mif1\0\0\0\0mif1heic", "", "picture", "HEIF"),
        (FTYP + b"mif1\0\0\0\0mif1avif", ".heif", "picture", "AVIF"),
        (FTYP + b"avif\0\0\0\0avifmif1", "", "picture", "AVIF"),
        (b"II*\0\x08\0\0\0", ".NEF", "raw", "NEF"),
        (b"II*\0\x10\0\0\0CR\2\0", ".tif", "raw", "CR2"),
        (b"FUJIFILMCCD-RAW 0201", ".jpg", "raw", "RAF"),
        (b"IIRO\x08\0\0\0", ".orf", "raw", "ORF"),
        (b"IIU\0\x08\0\0\0", "", "raw", "RW2"),
        (FTYP + b"crx \0\0\0\1crx isom", "", "raw", "CR3"),
        (b"\xff\xd8\xff\xe1", ".nef", "picture", "JPEG"),
        (b"\x80\1\2\3 something of a camera", ".mos", "raw", "MOS"),
    ],
)
def test_content_decides_and_the_extension_only_tells_raw_from_tiff(
    head: bytes, extension: str, kind: str, format_: str
) -> None:
    found = sniff(head.ljust(64, b"\0"), extension)
    assert (found.kind, found.format) == (kind, format_)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"])
def test_what_encoders_write_is_known(form: str) -> None:
    found = sniff(encoded(scene(32, 32), form)[:HEAD_BYTES])
    assert (found.kind, found.format) == ("picture", form)


@pytest.mark.parametrize(
    ("head", "kind", "refusal"),
    [
        (FTYP + b"isom\0\0\2\0isomiso2", "video", "it is an MP4 video, not a picture"),
        (FTYP + b"qt  \0\0\0\0qt  ", "video", "it is a QuickTime video, not a picture"),
        (b"\0\0\0\x08wide\0\0\x10\0mdat", "video", "it is a QuickTime video, not a picture"),
        (b"\x1aE\xdf\xa3\1\0\0\0", "video", "it is a Matroska or WebM video, not a picture"),
        (b"RIFF\0\0\0\0AVI LIST", "video", "it is an AVI video, not a picture"),
        (b"\0\0\1\xba\x44", "video", "it is an MPEG video, not a picture"),
        ((b"\x47" + bytes(187)) * 3, "video", "it is an MPEG video, not a picture"),
        (b"FLV\1\5", "video", "it is a Flash video, not a picture"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video", "it is a Windows Media video, not a picture"),
        (FTYP + b"M4A \0\0\0\0", "other", "it is an MPEG-4 recording, not a picture"),
        (b"RIFF\0\0\0\0WAVEfmt ", "other", "it is a WAV recording, not a picture"),
        (b"ID3\4\0", "other", "it is an MP3 recording, not a picture"),
        (b"%PDF-1.7\n", "other", "it is a PDF document, not a picture"),
        (b"PK\3\4\x14\0", "other", "it is a ZIP archive or an Office document, not a picture"),
        (b"<!DOCTYPE html>\n<html>", "other", "it is a web page, not a picture"),
        (b"\xef\xbb\xbf  <HTML><head>", "other", "it is a web page, not a picture"),
        (b"<?xml version='1.0'?><x:xmpmeta>", "other", "it is an XML document, not a picture"),
        (b'{"title": "IMG_1.jpg"}', "other", "it is a JSON document, not a picture"),
        (b"Dear diary,\r\n", "other", "it is plain text, not a picture"),
        ("Žluťoučký kůň".encode() * 60, "other", "it is plain text, not a picture"),
        ("Grüße aus Köln".encode("latin-1"), "other", "it is plain text, not a picture"),
        (b"BMW and Mercedes: a comparison of two cars\n", "other", "it is plain text, not a picture"),
        (b"#!/bin/sh\n", "other", "it is a script, not a picture"),
        (b"\x7fELF\2", "other", "it is a program, not a picture"),
        (b"8BPS\0\1", "other", "it is a Photoshop picture, a format that is not read here"),
        (b"<?xml version='1.0'?>\n<svg xmlns=", "other", "it is an SVG picture, a format that is not read here"),
        (b"\xff\x0a\xfa\x7f", "other", "it is a JPEG XL picture, a format that is not read here"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "other", "it is a JPEG 2000 picture, a format that is not read here"),
        (b"\0\0\1\0\1\0", "other", "it is a Windows icon, a format that is not read here"),
        (b"P6\n640 480\n255\n", "other", "it is a Netpbm picture, a format that is not read here"),
        (b"", "other", "it is an empty file"),
        (bytes(512), "other", "it begins with nothing but zeros: a download that never finished?"),
        (b"\xfe\1\2\3\x99", "other", "it is data of an unknown kind, not a picture"),
        (b"\xff", "other", "it is data of an unknown kind, not a picture"),
    ],
)
def test_anything_else_is_named_in_words_that_read_well(head: bytes, kind: str, refusal: str) -> None:
    found = sniff(head[:HEAD_BYTES], "")
    assert (found.kind, found.refusal) == (kind, refusal)


def test_a_text_or_a_void_that_calls_itself_raw_is_none() -> None:
    assert sniff(b"just words", ".nef").description == "plain text"
    assert sniff(bytes(512), ".nef").kind == "other"
    assert sniff(b"", ".nef").kind == "other"
