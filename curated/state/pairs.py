"""What tells a picture from its likes, which ones belong together, and which are no duplicates for ever."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from curated.domain import JUDGED, Photo, Status
from curated.state.database import Database, Value
from curated.state.rows import PHOTO_COLUMNS, from_text, marks, photo_from_row, to_text

_MAY_BE_TWINS = f"phash IS NOT NULL AND status IN ({', '.join(repr(status.value) for status in JUDGED)})"
_AT_ONCE = 500
_PAGE = 20_000
# Whether pictures are from before is told by so many of the oldest.
_OLDEST = 100
# What was taken in one burst is looked for among so many at most.
_BURST_LIMIT = 40


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is kept of a picture to lay it over others, beyond its hashes.

    `grey` is a packed grey copy, `inner` the 64-bit hash (hex) inside a border, `code` the bits of an embedding made by
    `model`; see curated.duplicates.likeness. Each is empty where there is none.
    """

    grey: bytes = b""
    inner: str = ""
    model: str = ""
    code: bytes = b""


NO_LIKENESS = Likeness()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the duplicate index needs of one picture; hashes in hex."""

    photo_id: int
    sha256: str
    pixel_hash: str | None
    phash: str | None
    phash_wide: str | None
    text: str
    kind: str | None
    width: int = 0
    height: int = 0
    taken_at: datetime | None = None
    camera: str | None = None
    likeness: Likeness = NO_LIKENESS


@dataclass(frozen=True, slots=True)
class Group:
    """A keeper, its duplicates, and what was taken in one burst with it and stays beside it.

    `bordered` are the ids of those photos of it that have a border of one colour.
    """

    keeper: Photo
    duplicates: tuple[Photo, ...]
    burst: tuple[Photo, ...] = ()
    bordered: frozenset[int] = frozenset()


class Pairs:
    """Likenesses, groups and distinct pairs; every method is one statement or one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # -- what tells a picture from its likes -------------------------------------------------------------

    def hashes(self) -> Iterator[tuple[int, str]]:
        """(photo id, 64-bit perceptual hash in hex) of every picture that a new one may duplicate, in no order.

        A picture with a border has two: its own and that of what the border encloses.
        """
        # Some at a time, as a million rows at once would stay with the process; it must be read to its end at once.
        for query in (
            f"SELECT id, phash FROM photo WHERE {_MAY_BE_TWINS}",
            "SELECT photo_id, inner FROM likeness WHERE inner <> ''",
        ):
            cursor = self.database.execute(query)
            while page := cursor.fetchmany(_PAGE):
                yield from ((row[0], row[1]) for row in page)

    def codes(self) -> Iterator[tuple[int, str, bytes]]:
        """(photo id, model, code) of every picture that has one, by id."""
        last = -1
        while page := self.database.execute(
            "SELECT photo_id, model, code FROM likeness WHERE photo_id > ? ORDER BY photo_id LIMIT ?", (last, _PAGE)
        ).fetchall():
            yield from ((row["photo_id"], row["model"], row["code"]) for row in page if row["code"])
            last = page[-1]["photo_id"]

    def fingerprint(self, photo_id: int) -> Fingerprint | None:
        """What tells a picture from its likes; None if it is not one that a new one may duplicate."""
        row = self.database.execute(
            "SELECT id, sha256, pixel_hash, phash, phash_wide, text, kind, width, height, taken_at, camera, "
            "grey, inner, model, code FROM photo LEFT JOIN likeness ON likeness.photo_id = id "
            f"LEFT JOIN grey_copy ON grey_copy.photo_id = id WHERE id = ? AND {_MAY_BE_TWINS}",
            (photo_id,),
        ).fetchone()
        return _fingerprint(row) if row else None

    def with_pixels(self, pixel_hash: str) -> list[int]:
        """Ids of the pictures with these very pixels that a new one may duplicate, oldest first."""
        rows = self.database.execute(
            f"SELECT id FROM photo WHERE pixel_hash = ? AND {_MAY_BE_TWINS} ORDER BY id", (pixel_hash,)
        )
        return [row["id"] for row in rows]

    def taken_near(self, moment: datetime, within: timedelta) -> list[int]:
        """Ids of photos in the library taken at most that long before or after the moment."""
        rows = self.database.execute(
            "SELECT id FROM photo WHERE taken_at BETWEEN ? AND ? AND +kind = 'photo' AND +status IN (?, ?) LIMIT ?",
            (
                (moment - within).isoformat(),
                (moment + within).isoformat(),
                Status.FILED.value,
                Status.REVIEW.value,
                _BURST_LIMIT,
            ),
        )
        return [row["id"] for row in rows]

    def set_likeness(self, photo_id: int, likeness: Likeness) -> None:
        """Keep what tells a picture from its likes, in place of what was known."""
        with self.database.write() as connection:
            connection.execute(
                "INSERT INTO likeness (photo_id, inner, model, code) VALUES (?, ?, ?, ?) ON CONFLICT (photo_id) "
                "DO UPDATE SET inner = excluded.inner, model = excluded.model, code = excluded.code",
                (photo_id, likeness.inner, likeness.model, likeness.code),
            )
            connection.execute(
                "INSERT INTO grey_copy (photo_id, grey) VALUES (?, ?) "
                "ON CONFLICT (photo_id) DO UPDATE SET grey = excluded.grey",
                (photo_id, likeness.grey),
            )

    def likeness(self, photo_id: int) -> Likeness | None:
        """What is kept of a picture; None where nothing is."""
        row = self.database.execute(
            "SELECT grey, inner, model, code FROM likeness JOIN grey_copy USING (photo_id) WHERE photo_id = ?",
            (photo_id,),
        ).fetchone()
        return _likeness(row) if row else None

    def without_grey(self, after: int, limit: int = 500) -> list[int]:
        """Ids of pictures without a grey copy that a new one may duplicate, from the one after that on."""
        rows = self.database.execute(
            f"SELECT id FROM photo WHERE id > ? AND {_MAY_BE_TWINS} AND NOT EXISTS "
            "(SELECT 1 FROM grey_copy WHERE photo_id = photo.id AND length(grey) > 0) ORDER BY id LIMIT ?",
            (after, limit),
        )
        return [row["id"] for row in rows]

    def older_without_grey(self) -> bool:
        """Whether some of the oldest pictures have no grey copy: what has none was filed before there were any."""
        oldest = self.database.execute(f"SELECT id FROM photo WHERE {_MAY_BE_TWINS} ORDER BY id LIMIT {_OLDEST}")
        ids = [row["id"] for row in oldest]
        known = self.database.execute(
            f"SELECT count(*) FROM grey_copy WHERE photo_id IN ({marks(ids)}) AND length(grey) > 0", ids
        ).fetchone()[0]
        return bool(known < len(ids))

    # -- groups ------------------------------------------------------------------------------------------

    def heads(self) -> list[int]:
        """The id of each group's keeper, the newest group first."""
        rows = self.database.execute(
            f"SELECT twin_of, (SELECT status = 'duplicate' AND twin_of IS NOT NULL FROM photo AS head WHERE head.id = "
            f"photo.twin_of) AS leads_on FROM photo WHERE twin_of IS NOT NULL AND {_BELONGS} "
            "GROUP BY twin_of ORDER BY max(id) DESC"
        ).fetchall()
        return list(dict.fromkeys(self.head(row["twin_of"]) if row["leads_on"] else row["twin_of"] for row in rows))

    def head(self, photo_id: int) -> int:
        """The id of the keeper that a duplicate leads to, over others if need be; its own if it is none.

        A keeper that was put aside may be that of others still, where its move was taken back by itself or the program
        was killed. Of several that lead to each other the oldest counts as the keeper.
        """
        way = [photo_id]
        while row := self.database.execute(
            "SELECT twin_of FROM photo WHERE id = ? AND status = 'duplicate' AND twin_of IS NOT NULL", (way[-1],)
        ).fetchone():
            if row["twin_of"] in way:
                return min(way[way.index(row["twin_of"]) :])
            way.append(row["twin_of"])
        return way[-1]

    def groups(self) -> list[Group]:
        """Every keeper with its duplicates and its burst, the newest group first."""
        return [group for head in self.heads() if (group := self.group(head)) is not None]

    def group(self, photo_id: int) -> Group | None:
        """The group that a picture belongs to, as its keeper, a duplicate or one of its burst; None if to none."""
        keeper = self._photo(self.head(photo_id))
        if keeper is None:
            return None
        burst = self._photos(f"twin_of = ? AND {_OF_BURST} ORDER BY id", keeper.id)
        if keeper.twin_of is not None and keeper.twin_kind == "burst":
            others = self._photos("(id = ?1 OR twin_of = ?1 AND twin_kind = 'burst') AND id <> ?2 ORDER BY id",
                                  keeper.twin_of, keeper.id)  # fmt: skip
            burst = [*others, *burst]
        duplicates = tuple(self._photos(f"id IN ({_LED_TO}) AND id <> ?1 ORDER BY id", keeper.id))
        if not duplicates and not burst:
            return None
        return Group(keeper, duplicates, tuple(burst), self.bordered([keeper.id, *(each.id for each in duplicates)]))

    def bordered(self, ids: Sequence[int]) -> frozenset[int]:
        """Which of these are photos with a border of one colour; the margins of a page are none."""
        rows = self.database.execute(
            "SELECT photo_id FROM likeness JOIN photo ON photo.id = photo_id "
            f"WHERE photo_id IN ({marks(ids)}) AND inner <> '' AND kind = 'photo'",
            ids,
        )
        return frozenset(row["photo_id"] for row in rows)

    def set_burst(self, photo_id: int, head: int, distance: int) -> None:
        """Say that a picture was taken in one burst with another, which leads it."""
        with self.database.write() as connection:
            connection.execute(
                "UPDATE photo SET twin_of = ?, twin_kind = 'burst', twin_distance = ? WHERE id = ?",
                (head, distance, photo_id),
            )

    def repoint(self, former: int, keeper: int) -> None:
        """Make one picture the head of another's group; what was taken in one burst with it stays with it."""
        with self.database.write() as connection:
            connection.execute(
                f"UPDATE photo SET twin_of = ?2 WHERE id IN ({_LED_TO}) AND id NOT IN (?1, ?2)", (former, keeper)
            )

    def take_along(self, photo: Photo, former: int) -> None:
        """Have a picture's copies, of the same bytes, go with it from its former keeper's group."""
        with self.database.write() as connection:
            connection.execute(
                f"UPDATE photo SET twin_of = ?2 WHERE id IN ({_LED_TO}) AND sha256 = ?3 AND id NOT IN (?1, ?2)",
                (former, photo.id, photo.sha256),
            )

    def gather(self, photo_id: int) -> None:
        """Have all that lead to the picture's keeper over others point to the keeper itself."""
        with self.database.write():
            head = self.head(photo_id)
            self.repoint(head, head)

    # -- no duplicates, for ever -------------------------------------------------------------------------

    def set_distinct(self, sha256: str, others: Iterable[str], at: datetime) -> None:
        """Remember that this content and each of the others are no duplicates."""
        with self.database.write() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO distinct_pair (one, other, at) VALUES (?, ?, ?)",
                [(*sorted((sha256, other)), to_text(at)) for other in others],
            )

    def forget_distinct(self, sha256: str, others: Iterable[str]) -> None:
        """Forget it again."""
        with self.database.write() as connection:
            connection.executemany(
                "DELETE FROM distinct_pair WHERE one = ? AND other = ?",
                [tuple(sorted((sha256, other))) for other in others],
            )

    def distinct_from(self, sha256: str) -> frozenset[str]:
        """All contents that are no duplicates of this one, by a person's word."""
        rows = self.database.execute(
            "SELECT other AS sha256 FROM distinct_pair WHERE one = ?1 "
            "UNION SELECT one FROM distinct_pair WHERE other = ?1",
            (sha256,),
        )
        return frozenset(row["sha256"] for row in rows)

    def contents(self, head: int) -> dict[int, str]:
        """The sha256 of the picture and of each of its duplicates, by id."""
        rows = self.database.execute(f"SELECT id, sha256 FROM photo WHERE id IN ({_LED_TO})", (head,))
        return {row["id"]: row["sha256"] for row in rows}

    def removed(self, sha256: str) -> int | None:
        """The id of a picture with this content that a person had removed from the trash for good, the newest."""
        row = self.database.execute(
            "SELECT id FROM photo WHERE sha256 = ? AND status = 'missing' AND (SELECT purpose FROM move "
            "WHERE photo_id = photo.id ORDER BY id DESC LIMIT 1) = 'empty' ORDER BY id DESC LIMIT 1",
            (sha256,),
        ).fetchone()
        return int(row["id"]) if row else None

    def _photo(self, photo_id: int) -> Photo | None:
        return next(iter(self._photos("id = ?", photo_id)), None)

    def _photos(self, where: str, *parameters: Value) -> list[Photo]:
        rows = self.database.execute(f"SELECT {PHOTO_COLUMNS} FROM photo WHERE {where}", parameters).fetchall()
        return [photo_from_row(row) for row in rows]


# The picture ?1 and all duplicates that lead to it.
_LED_TO = (
    "WITH RECURSIVE led(id) AS (VALUES (?1) UNION "
    "SELECT photo.id FROM photo JOIN led ON photo.twin_of = led.id WHERE photo.status = 'duplicate') SELECT id FROM led"
)
_OF_BURST = "twin_kind = 'burst' AND status IN ('filed', 'review')"
_BELONGS = f"(status = 'duplicate' OR {_OF_BURST})"


def _fingerprint(row: sqlite3.Row) -> Fingerprint:
    return Fingerprint(
        photo_id=row["id"],
        sha256=row["sha256"],
        pixel_hash=row["pixel_hash"],
        phash=row["phash"],
        phash_wide=row["phash_wide"],
        text=row["text"] or "",
        kind=row["kind"],
        width=row["width"] or 0,
        height=row["height"] or 0,
        taken_at=from_text(row["taken_at"]),
        camera=row["camera"],
        likeness=NO_LIKENESS if row["grey"] is None else _likeness(row),
    )


def _likeness(row: sqlite3.Row) -> Likeness:
    return Likeness(row["grey"], row["inner"], row["model"], row["code"])
