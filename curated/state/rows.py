"""Between rows and dataclasses: the only place that knows both."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from curated.domain import Arrival, Box, Findings, Photo, Picture, Reading, Status
from curated.state.database import Value

PHOTO_COLUMNS = (
    "id, sha256, original_path, path, name, status, category, reason, size, mtime_ns, device, inode, companions, "
    "kind, kind_scores, people, people_score, boxes, labels, caption, text, width, height, format, extension, "
    "camera, taken_at, sharpness, pixel_hash, phash, phash_wide, thumbnail, twin_of, twin_kind, twin_distance, "
    "keep_score, verdict, profile, models, arrived_at, filed_at, "
    "confirmed, protected, chosen, category_scores"
)

# What `with_reading` says of a picture.
READING_COLUMNS = (
    "kind", "kind_scores", "people", "people_score", "boxes", "labels", "caption", "text", "profile", "models", "width",
    "height", "format", "extension", "camera", "taken_at", "sharpness", "pixel_hash", "phash", "phash_wide",
    "thumbnail", "category_scores",
)  # fmt: skip


def to_text(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def from_text(text: str | None) -> datetime | None:
    """The moment that `to_text` (or EXIF, without zone) wrote."""
    return datetime.fromisoformat(text) if text else None


def to_path(raw: bytes | None) -> Path | None:
    """A path from its bytes; names that are not UTF-8 keep their bytes as surrogates."""
    return Path(os.fsdecode(raw)) if raw is not None else None


def printable(name: str) -> str:
    """The name with undecodable bytes shown as \\xNN, fit for text columns and terminals."""
    try:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a character, which no file name holds but a text may
        return name.encode("utf-8", "backslashreplace").decode("utf-8")


def photo_from_row(row: sqlite3.Row) -> Photo:
    """The photo of a row that has at least PHOTO_COLUMNS."""
    original, path = to_path(row["original_path"]), to_path(row["path"])
    arrived = from_text(row["arrived_at"])
    if original is None or path is None or arrived is None:
        raise ValueError(f"photo {row['id']} has no path or arrival time")
    companions = tuple(Path(os.fsdecode(bytes.fromhex(name))) for name in json.loads(row["companions"]))
    return Photo(
        id=row["id"],
        sha256=row["sha256"],
        original_path=original,
        path=path,
        name=row["name"],
        status=Status(row["status"]),
        size=row["size"],
        mtime_ns=row["mtime_ns"],
        device=row["device"],
        inode=row["inode"],
        reason=row["reason"],
        arrived_at=arrived,
        filed_at=from_text(row["filed_at"]),
        category=row["category"],
        kind=row["kind"],
        kind_scores=json.loads(row["kind_scores"]),
        people=row["people"],
        people_score=row["people_score"],
        boxes=tuple(Box(**box) for box in json.loads(row["boxes"])),
        labels=tuple((label, score) for label, score in json.loads(row["labels"])),
        caption=row["caption"],
        text=row["text"],
        width=row["width"],
        height=row["height"],
        format=row["format"],
        extension=row["extension"],
        camera=row["camera"],
        taken_at=from_text(row["taken_at"]),
        sharpness=row["sharpness"],
        pixel_hash=row["pixel_hash"],
        phash=row["phash"],
        phash_wide=row["phash_wide"],
        thumbnail=to_path(row["thumbnail"]),
        twin_of=row["twin_of"],
        twin_kind=row["twin_kind"],
        twin_distance=row["twin_distance"],
        keep_score=row["keep_score"],
        verdict=row["verdict"],
        profile=row["profile"],
        models=json.loads(row["models"]),
        companions=companions,
        confirmed=from_text(row["confirmed"]),
        protected=bool(row["protected"]),
        chosen=bool(row["chosen"]),
        category_scores=json.loads(row["category_scores"]),
    )


def photo_to_columns(photo: Photo) -> dict[str, Value]:
    """Every column of the photo but its id."""
    return {
        "sha256": photo.sha256,
        "original_path": os.fsencode(photo.original_path),
        "original_name": printable(photo.original_path.name),
        "path": os.fsencode(photo.path),
        "name": printable(photo.name),
        "status": photo.status.value,
        "category": photo.category,
        "reason": photo.reason,
        "size": photo.size,
        "mtime_ns": photo.mtime_ns,
        "device": photo.device,
        "inode": photo.inode,
        "companions": companions_to_text(photo.companions),
        "kind": photo.kind,
        "kind_scores": _json(photo.kind_scores),
        "people": photo.people,
        "people_score": photo.people_score,
        "boxes": json.dumps([asdict(box) for box in photo.boxes]),
        "labels": json.dumps(photo.labels),
        "caption": photo.caption,
        "text": photo.text,
        "width": photo.width,
        "height": photo.height,
        "format": photo.format,
        "extension": photo.extension,
        "camera": photo.camera,
        "taken_at": photo.taken_at.isoformat() if photo.taken_at else None,
        "sharpness": photo.sharpness,
        "pixel_hash": photo.pixel_hash,
        "phash": photo.phash,
        "phash_wide": photo.phash_wide,
        "thumbnail": os.fsencode(photo.thumbnail) if photo.thumbnail else None,
        "twin_of": photo.twin_of,
        "twin_kind": photo.twin_kind,
        "twin_distance": photo.twin_distance,
        "keep_score": photo.keep_score,
        "verdict": photo.verdict,
        "profile": photo.profile,
        "models": _json(photo.models),
        "arrived_at": to_text(photo.arrived_at),
        "filed_at": to_text(photo.filed_at) if photo.filed_at else None,
        "confirmed": to_text(photo.confirmed) if photo.confirmed else None,
        "protected": int(photo.protected),
        "chosen": int(photo.chosen),
        "category_scores": _json(photo.category_scores),
    }


def companions_to_text(paths: tuple[Path, ...]) -> str:
    """The companions' paths as JSON: hex, because JSON has no bytes."""
    return json.dumps([os.fsencode(path).hex() for path in paths])


def marks(values: Iterable[object]) -> str:
    """A question mark for each value, for `IN (…)` and `VALUES (…)`."""
    return ", ".join("?" for _ in values)


def yield_path(connection: sqlite3.Connection, path: Path, to: int = 0) -> None:
    """Mark missing every row that claims the path but that of the photo `to`; in the caller's transaction.

    No two rows may claim one path, and the disk has just shown whose it is.
    """
    connection.execute(
        "UPDATE photo SET status = 'missing' WHERE path = ? AND id <> ? AND status <> 'missing'",
        (os.fsencode(path), to),
    )


def photo_from_arrival(arrival: Arrival, sha256: str, at: datetime) -> Photo:
    """A photo of which nothing is known yet but the file itself."""
    return Photo(
        id=0,
        sha256=sha256,
        original_path=arrival.path,
        path=arrival.path,
        name=arrival.path.stem,
        status=Status.ARRIVING,
        size=arrival.size,
        mtime_ns=arrival.mtime_ns,
        device=arrival.device,
        inode=arrival.inode,
        reason="",
        arrived_at=at,
    )


def with_reading(photo: Photo, reading: Reading) -> Photo:
    """The photo with all that its picture and the models say."""
    picture, findings = reading.picture, reading.findings
    return replace(
        photo,
        kind=findings.kind,
        kind_scores=dict(findings.kind_scores),
        category_scores=dict(findings.category_scores),
        people=findings.people,
        people_score=findings.people_score,
        boxes=findings.boxes,
        # What models say and cameras note is text of any kind; the database takes only UTF-8.
        labels=tuple((printable(label), score) for label, score in findings.labels),
        caption=printable(findings.caption),
        text=printable(findings.text),
        profile=findings.profile,
        models=dict(findings.models),
        width=picture.width,
        height=picture.height,
        format=picture.format,
        extension=picture.extension,
        camera=printable(picture.camera) if picture.camera is not None else None,
        taken_at=picture.taken_at,
        sharpness=picture.sharpness,
        pixel_hash=picture.pixel_hash,
        phash=picture.phash,
        phash_wide=picture.phash_wide,
        thumbnail=picture.thumbnail,
    )


def reading_from_photo(photo: Photo) -> Reading | None:
    """What `with_reading` put into the row, without the embedding (b""); None where it was never judged."""
    if photo.kind is None or photo.pixel_hash is None or photo.phash is None or photo.phash_wide is None:
        return None
    picture = Picture(
        sha256=photo.sha256,
        pixel_hash=photo.pixel_hash,
        phash=photo.phash,
        phash_wide=photo.phash_wide,
        width=photo.width or 0,
        height=photo.height or 0,
        format=photo.format or "",
        extension=photo.extension or "",
        sharpness=photo.sharpness or 0.0,
        taken_at=photo.taken_at,
        camera=photo.camera,
        thumbnail=photo.thumbnail,
    )
    findings = Findings(
        sha256=photo.sha256,
        profile=photo.profile or "",
        models=photo.models,
        kind_scores=photo.kind_scores,
        category_scores=photo.category_scores,
        people=photo.people,
        people_score=photo.people_score,
        boxes=photo.boxes,
        labels=photo.labels,
        caption=photo.caption or "",
        text=photo.text or "",
        embedding=b"",
    )
    return Reading(picture, findings)


def _json(mapping: Mapping[str, object]) -> str:
    return json.dumps(dict(mapping))
