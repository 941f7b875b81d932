"""The library at a glance: counts, what was filed last, what failed, what lies in the trash; reads only."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from curated.domain import Purpose, Status
from curated.state.database import Database
from curated.state.journal import Journal
from curated.state.rows import from_text, marks, to_text

_AT_ONCE = 500
_DONE = "EXISTS (SELECT 1 FROM move_file WHERE move_id = move.id AND state = 'done')"


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture in a list: its file, where it was filed, when, and why (what failed: why not)."""

    photo_id: int
    file: Path
    category: str
    status: Status
    at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """How many pictures have been judged by a person, and how many have a keep score."""

    kept: int
    trashed: int
    confirmed: int
    scored: int


@dataclass(frozen=True, slots=True)
class InTrash:
    """A picture in the trash by what the database says: since when (None: put there by hand), files and bytes."""

    photo_id: int
    file: Path
    category: str
    since: datetime | None
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class ToConfirm:
    """Pictures whose category can be confirmed, how many lie in the review folder without one, which have another."""

    ids: tuple[int, ...]
    without_category: int
    changed: tuple[int, ...] = ()


class Overview:
    """Every method is one statement, or one for each so many ids."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def filed_per_minute(self, now: datetime, minutes: int = 60) -> tuple[int, ...]:
        """How many pictures were filed in each of the last minutes, the oldest first, the present one last."""
        present = now.astimezone(UTC).replace(second=0, microsecond=0)
        start = present - timedelta(minutes=minutes - 1)
        rows = self.database.execute(
            "SELECT substr(filed_at, 1, 16) AS minute, count(*) AS number FROM photo INDEXED BY photo_filed "
            "WHERE filed_at >= ? GROUP BY minute",
            (to_text(start),),
        )
        found = {row["minute"]: int(row["number"]) for row in rows.fetchall()}
        return tuple(found.get(to_text(start + timedelta(minutes=each))[:16], 0) for each in range(minutes))

    def last_filed(self, limit: int) -> list[Entry]:
        """What was filed last, the newest first."""
        return self._entries(
            "SELECT id FROM photo INDEXED BY photo_filed WHERE filed_at IS NOT NULL "
            "AND status IN ('filed', 'review', 'duplicate') ORDER BY filed_at DESC, id DESC LIMIT ?",
            limit,
        )

    def failed(self, limit: int) -> list[Entry]:
        """What could not be filed, the newest first, with the reason."""
        return self._entries(
            "SELECT id FROM photo INDEXED BY photo_status WHERE status = 'failed' ORDER BY id DESC LIMIT ?", limit
        )

    def _entries(self, ids: str, limit: int) -> list[Entry]:
        # The ids first: read from the table itself, each step of a long search would cost a page.
        found = [row["id"] for row in self.database.execute(ids, (limit,)).fetchall()]
        rows = self.database.execute(
            f"SELECT id, path, category, status, filed_at, reason FROM photo WHERE id IN ({marks(found)})", found
        )
        by_id = {
            row["id"]: Entry(
                row["id"],
                Path(os.fsdecode(row["path"])),
                row["category"] or "",
                Status(row["status"]),
                from_text(row["filed_at"]),
                row["reason"],
            )
            for row in rows.fetchall()
        }
        return [by_id[photo_id] for photo_id in found if photo_id in by_id]

    def file_of(self, photo_id: int) -> Path | None:
        """The file of that picture."""
        row = self.database.execute("SELECT path FROM photo WHERE id = ?", (photo_id,)).fetchone()
        return Path(os.fsdecode(row["path"])) if row else None

    def categories(self) -> Mapping[str, Mapping[Status, int]]:
        """How many pictures of each status each category has, by name; "" has those without one."""
        rows = self.database.execute(
            "SELECT category, status, count(*) AS number FROM photo INDEXED BY photo_category GROUP BY category, status"
        )
        found: dict[str, dict[Status, int]] = {}
        for row in rows.fetchall():
            if row["status"] != Status.ARRIVING:
                found.setdefault(row["category"] or "", {})[Status(row["status"])] = int(row["number"])
        return found

    def judged(self) -> Judged:
        """What a person and the taste have said of the pictures so far."""
        row = self.database.execute(
            "SELECT count(*) FILTER (WHERE verdict = 'keep') AS kept, "
            "count(*) FILTER (WHERE verdict = 'trash') AS trashed, "
            "count(confirmed) AS confirmed, count(keep_score) AS scored "
            "FROM photo INDEXED BY photo_uncertain"
        ).fetchone()
        return Judged(row["kept"], row["trashed"], row["confirmed"], row["scored"])

    def trashed(self) -> list[InTrash]:
        """What is in the trash, the newest first; those that nobody knows the time of last."""
        rows = self.database.execute(
            "WITH newest AS (SELECT photo.id AS id, path, category, photo.size AS size, "
            f"(SELECT max(move.id) FROM move WHERE photo_id = photo.id AND NOT open AND {_DONE}) AS move_id, "
            "EXISTS (SELECT 1 FROM move WHERE photo_id = photo.id AND purpose = ? AND NOT open "
            f"AND {_DONE}) AS ours FROM photo INDEXED BY photo_status WHERE status = 'trashed') "
            "SELECT newest.id AS id, path, category, newest.size AS alone, "
            "iif(ours, (SELECT created_at FROM move WHERE move.id = newest.move_id), NULL) AS since, "
            "(SELECT count(*) FROM move_file WHERE move_file.move_id = newest.move_id) AS files, "
            "(SELECT sum(size) FROM move_file WHERE move_file.move_id = newest.move_id) AS whole FROM newest",
            (Purpose.TRASH.value,),
        )
        found = [
            InTrash(
                row["id"],
                Path(os.fsdecode(row["path"])),
                row["category"] or "",
                from_text(row["since"]),
                row["files"] or 1,
                row["alone"] if row["whole"] is None else row["whole"],
            )
            for row in rows.fetchall()
        ]
        return sorted(found, key=lambda each: (-each.since.timestamp() if each.since else 1.0, -each.photo_id))

    def trashed_count(self) -> int:
        """How many pictures are in the trash."""
        row = self.database.execute(
            "SELECT count(*) FROM photo INDEXED BY photo_status WHERE status = 'trashed'"
        ).fetchone()
        return int(row[0])

    def came_from(self, photo_id: int) -> Path | None:
        """Where a trashed picture would go back to; None where a person put it into the trash."""
        move = Journal(self.database).last(photo_id, Purpose.TRASH)
        return move.files[0].source if move else None

    def on_their_way(self) -> Mapping[int, bool]:
        """The pictures whose file still has to follow a decision: whether that is into the trash."""
        rows = self.database.execute(
            "SELECT photo_id, action = 'trash' AND wanted AS trash FROM decision "
            "WHERE wanted <> applied AND problem IS NULL ORDER BY turn"
        )
        return {row["photo_id"]: bool(row["trash"]) for row in rows.fetchall()}

    def to_confirm(self, shown: Mapping[int, str | None]) -> ToConfirm:
        """Those of the pictures, given with the categories that were shown of them, that nobody has confirmed yet."""
        ids: list[int] = []
        changed: list[int] = []
        without = 0
        wanted = list(shown)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            rows = self.database.execute(
                f"SELECT id, status, category FROM photo WHERE id IN ({marks(some)}) AND confirmed IS NULL "
                "AND verdict IS NOT 'trash' AND status IN ('filed', 'review', 'duplicate')",
                some,
            )
            for row in rows.fetchall():
                if row["category"] != shown[row["id"]]:
                    changed.append(row["id"])
                elif row["status"] == Status.REVIEW:
                    without += 1
                else:
                    ids.append(row["id"])
        return ToConfirm(tuple(ids), without, tuple(changed))

    def scores(self, photo_ids: Sequence[int]) -> dict[int, float]:
        """The keep scores of those of the pictures that have one."""
        found: dict[int, float] = {}
        for start in range(0, len(photo_ids), _AT_ONCE):
            some = list(photo_ids[start : start + _AT_ONCE])
            rows = self.database.execute(
                f"SELECT id, keep_score FROM photo WHERE id IN ({marks(some)}) AND keep_score IS NOT NULL", some
            )
            found.update((row["id"], row["keep_score"]) for row in rows.fetchall())
        return found

    def scored_below(self, score: float) -> list[int]:
        """The pictures whose keep score is less, the least first; those that a person has kept are left out."""
        rows = self.database.execute(
            "SELECT id FROM photo INDEXED BY photo_keep WHERE keep_score < ? AND verdict IS NULL ORDER BY keep_score",
            (score,),
        )
        return [row["id"] for row in rows.fetchall()]
