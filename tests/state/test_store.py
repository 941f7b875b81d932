from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curated.domain import Box, Photo, Purpose, Status
from curated.errors import NotFound
from curated.state.database import Database
from curated.state.journal import Journal, NewFile
from curated.state.schema import open_database
from curated.state.store import Attempt, Store
from tests.state.conftest import Maker
from tests.support.filing_world import NOON


def ids(photos: object) -> list[int]:
    return [photo.id for photo in photos]  # type: ignore[attr-defined]


def test_a_photo_comes_back_as_it_went_in(store: Store, make: Maker) -> None:
    photo = make(
        name="a cat",
        category="Photos",
        kind="photo",
        kind_scores={"photo": 0.9, "meme": 0.1},
        category_scores={"Holidays": 0.8},
        people=2,
        people_score=0.7,
        boxes=(Box(0.1, 0.2, 0.3, 0.4, 0.9, "person"),),
        labels=(("tabby", 0.8),),
        caption="a cat on a sofa",
        text="SALE",
        width=10,
        height=20,
        taken_at=NOON.replace(tzinfo=None),
        models={"embedder": "lite"},
        thumbnail=Path("/cache/a.webp"),
        companions=(Path("/library/a.mov"), Path(os.fsdecode(b"/library/\xff.xmp"))),
        keep_score=0.25,
        verdict="keep",
    )
    assert photo.boxes == (Box(0.1, 0.2, 0.3, 0.4, 0.9, "person"),)
    assert photo.companions[1] == Path(os.fsdecode(b"/library/\xff.xmp"))
    changed = replace(photo, caption="a dog", people=None)
    store.update(changed)
    assert store.get(photo.id) == changed


@given(
    st.binary(min_size=1, max_size=60).filter(
        lambda raw: b"\0" not in raw and b"/" not in raw and raw not in (b".", b"..")
    )
)
def test_any_file_name_survives(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = Path(os.fsdecode(b"/library/" + raw))
    store = Store(shared(tmp_path_factory))
    photo = Maker(store)(path, companions=(path.with_name("x" + path.name),))
    assert os.fsencode(photo.path) == b"/library/" + raw
    assert photo.companions == (path.with_name("x" + path.name),)
    assert store.at_path(path) == photo
    assert store.find(str(path)).id == photo.id
    photo.name.encode()  # fit for a terminal


_SHARED: dict[str, Database] = {}


def shared(factory: pytest.TempPathFactory) -> Database:
    """One database for all examples."""
    if "database" not in _SHARED:
        _SHARED["database"] = open_database(factory.mktemp("names") / "curated.db")
    return _SHARED["database"]


def test_a_path_has_one_owner_and_the_newest_wins(store: Store, make: Maker) -> None:
    old = make("/unsorted/a.jpg", status=Status.UNDONE)
    new = make("/unsorted/a.jpg", status=Status.ARRIVING)
    assert store.get(old.id).status is Status.MISSING
    found = store.at_path(Path("/unsorted/a.jpg"))
    assert found == new
    third = make("/unsorted/b.jpg")
    store.update(replace(third, path=Path("/unsorted/a.jpg")))
    assert store.get(new.id).status is Status.MISSING
    missing = make("/unsorted/a.jpg", status=Status.MISSING)
    assert store.get(third.id).status is Status.FILED
    assert store.get(missing.id).status is Status.MISSING


def test_a_photo_is_found_by_id_path_and_first_path(
    store: Store, make: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = make(tmp_path / "library" / "a.jpg", original_path=tmp_path / "unsorted" / "IMG_1.jpg")
    monkeypatch.chdir(tmp_path)
    for name in (
        str(photo.id),
        f"#{photo.id}",
        str(photo.path),
        "library/a.jpg",
        "unsorted/IMG_1.jpg",
        "./library/../library/a.jpg",
    ):
        assert store.find(name) == photo
    for name in ("77", "#77", "nothing.jpg", ""):
        with pytest.raises(NotFound):
            store.find(name)


def test_leftovers_of_arrivals_are_forgotten_but_for_those_whose_move_is_open(
    database: Database, store: Store, make: Maker
) -> None:
    make(status=Status.ARRIVING)
    moving, filed = make(status=Status.ARRIVING), make()
    new = NewFile("primary", moving.path, Path("/library/b.jpg"), 1, 1, 1, 1, moving.sha256)
    move = Journal(database).plan(Purpose.FILE, moving.id, [new], {}, {}, "")
    assert store.forget_arriving() == 1
    store.forget(moving.id)
    assert ids(store.with_status(*Status)) == [moving.id, filed.id]
    Journal(database).abort(move, "")
    assert store.forget_arriving() == 1
    assert ids(store.with_status(*Status)) == [filed.id]


def test_photos_of_several_statuses_come_oldest_first(store: Store, make: Maker) -> None:
    made = [make(status=status) for status in (Status.FILED, Status.TRASHED, Status.ARRIVING, Status.FILED)]
    assert ids(store.with_status(Status.ARRIVING, Status.FILED)) == [made[0].id, made[2].id, made[3].id]
    assert ids(store.with_status(Status.MISSING)) == []


def test_only_photos_in_the_library_count_as_being_below_a_folder(store: Store, make: Maker) -> None:
    folder = Path("/data/Library")
    assert not store.any_below(folder)
    for path, status in (
        ("/data/Library/gone.jpg", Status.MISSING),
        ("/data/Library/undone.jpg", Status.UNDONE),
        ("/data/Library2/a.jpg", Status.FILED),
        ("/data/Librar/a.jpg", Status.FILED),
        ("/data/Library0", Status.FILED),
        ("/data/Library", Status.FILED),
    ):
        make(path, status=status)
    assert not store.any_below(folder)
    for status in (Status.FILED, Status.REVIEW, Status.DUPLICATE, Status.FAILED, Status.TRASHED):
        photo = make("/data/Library/Photos/a.jpg", status=status)
        assert store.any_below(folder)
        store.forget(photo.id)


def test_photos_are_sorted_and_filtered(store: Store, make: Maker) -> None:
    a = make(category="People/Solo", keep_score=0.9, filed_at=NOON)
    b = make(category="People", keep_score=0.45, filed_at=NOON + timedelta(days=1))
    c = make(category="People2", status=Status.REVIEW, filed_at=NOON - timedelta(days=1))
    d = make(category="Memes", keep_score=0.1, filed_at=NOON)
    make(category="Memes", status=Status.ARRIVING, keep_score=1.0)
    assert ids(store.photos()) == [b.id, d.id, a.id, c.id]
    assert ids(store.photos(sort="keep")) == [a.id, b.id, d.id, c.id]
    store.database.execute("UPDATE photo SET ask = 0.5 - abs(keep_score - 0.5)")
    assert ids(store.photos(sort="uncertain")) == [b.id, d.id, a.id, c.id]
    assert ids(store.photos(category="People")) == [b.id, a.id]
    assert ids(store.photos(category="People/Solo", sort="keep")) == [a.id]
    assert ids(store.photos(category="people")) == []
    assert ids(store.photos(status=Status.REVIEW)) == [c.id]
    assert ids(store.photos(limit=2)) == [b.id, d.id]
    assert store.counts("category") == {"Memes": 1, "People": 1, "People/Solo": 1, "People2": 1}
    assert store.counts("status") == {"filed": 3, "review": 1}
    assert store.counts("kind") == {}


def test_a_long_listing_stays_in_order_while_rows_change(store: Store, make: Maker) -> None:
    with store.database.write():
        made = [make() for _ in range(1203)]
    listing = store.photos()
    first = next(listing)
    assert first.id == made[-1].id
    store.forget(made[5].id)
    assert ids(listing) == [photo.id for photo in reversed(made[:-1]) if photo.id != made[5].id]


@pytest.mark.parametrize("sort", ["new", "keep", "uncertain"])
@pytest.mark.parametrize(
    "filters", [{}, {"category": "People"}, {"status": Status.REVIEW}, {"category": "a", "status": Status.FILED}]
)
def test_no_listing_reads_the_whole_table_or_sorts_it(
    database: Database, store: Store, sort: str, filters: dict
) -> None:
    plans = plans_of(database, lambda: list(store.photos(sort=sort, limit=1, **filters)))  # type: ignore[arg-type]
    assert plans == [f"SCAN photo USING COVERING INDEX photo_{'filed' if sort == 'new' else sort}"]


def test_every_question_of_the_pipeline_and_of_status_has_its_index(database: Database, store: Store) -> None:
    def asked(*calls: object) -> list[str]:
        return plans_of(database, lambda: [call() for call in calls])  # type: ignore[operator]

    assert asked(lambda: store.counts("status"), lambda: store.counts("category"), lambda: store.counts("kind")) == [
        "SCAN photo USING COVERING INDEX photo_status",
        "USE TEMP B-TREE FOR ORDER BY",  # of the few counts
        "SEARCH photo USING COVERING INDEX photo_category (category>?)",
        "USE TEMP B-TREE FOR ORDER BY",
        "SEARCH photo USING COVERING INDEX photo_kind (kind>?)",
        "USE TEMP B-TREE FOR ORDER BY",
    ]
    assert asked(
        lambda: store.at_path(Path("/a")),
        lambda: store.any_below(Path("/a")),
        lambda: store.with_content("0"),
        lambda: list(store.with_status(Status.TRASHED)),
    ) == [
        "SEARCH photo USING INDEX photo_path (path=?)",
        "SEARCH photo USING INDEX photo_path (path>? AND path<?)",
        "SEARCH photo USING COVERING INDEX photo_sha256 (sha256=?)",
        "SEARCH photo USING COVERING INDEX photo_status (status=?)",
    ]
    assert asked(lambda: Journal(database).open_moves()) == ["SCAN move USING INDEX move_open"]


def plans_of(database: Database, action: object) -> list[str]:
    seen: list[str] = []
    database.connection.set_trace_callback(seen.append)
    action()  # type: ignore[operator]
    database.connection.set_trace_callback(None)
    return [row["detail"] for sql in seen for row in database.execute("EXPLAIN QUERY PLAN " + sql)]


def test_words_are_found_in_name_caption_text_category_and_first_name(store: Store, make: Maker) -> None:
    photo = make(
        "/library/rechnung.jpg", original_path=Path("/u/Scan42.jpg"), caption="a tabby cat", text="Müller GmbH"
    )
    other = make("/library/x.jpg", caption="a dog")
    for query in ("rechnung", "tabby cat", "cat tabby", "muller", "MÜLLER", "gmb", "scan42", "  cat  "):
        assert ids(found for found, _ in store.search(query, 10)) == [photo.id], query
    assert store.search("cat dog", 10) == []
    assert ids(found for found, _ in store.search("a", 10)) in ([photo.id, other.id], [other.id, photo.id])
    assert len(store.search("a", 1)) == 1


ODD = ['"', "'", '"cat', "cat AND", "NOT cat", "cat OR dog", "NEAR(cat dog)", "name:cat", "c*t", "(", "cat)", "^cat"]
ODDER = ["cat-dog", "--", "😀", "\0", "%", "cat;DROP TABLE photo", "   ", "{cat}", "\\", "cat\ndog"]


@pytest.mark.parametrize("query", ODD + ODDER)
def test_whatever_is_typed_is_words_and_never_syntax(store: Store, make: Maker, query: str) -> None:
    make(caption="a cat and a dog or not near")
    store.search(query, 10)


def test_operators_are_words_like_any_other(store: Store, make: Maker) -> None:
    both, cat = make(caption="cat or dog"), make(caption="cat")
    assert ids(photo for photo, _ in store.search("cat OR dog", 10)) == [both.id]
    assert ids(photo for photo, _ in store.search("cat", 10)) == [cat.id, both.id]


def test_only_the_last_word_may_be_unfinished(store: Store, make: Maker) -> None:
    photo = make(caption="birthday party")
    assert ids(found for found, _ in store.search("birthday par", 10)) == [photo.id]
    assert store.search("birth party", 10) == []


def test_search_follows_what_changes(store: Store, make: Maker) -> None:
    photo = make(caption="a cat")
    store.update(replace(photo, caption="a dog"))
    assert store.search("cat", 10) == []
    assert len(store.search("dog", 10)) == 1
    store.forget(photo.id)
    assert store.search("dog", 10) == []
    make(caption="a dog", status=Status.ARRIVING)
    assert store.search("dog", 10) == []


def test_verdicts_keep_their_history(database: Database, store: Store, make: Maker) -> None:
    photo = make()
    for verdict in ("keep", "trash", None):
        store.set_verdict(photo.id, verdict, NOON)
    assert store.get(photo.id).verdict is None
    rows = database.execute("SELECT verdict FROM verdict ORDER BY id").fetchall()
    assert [row["verdict"] for row in rows] == ["keep", "trash", None]


def test_an_embedding_is_kept_for_each_model_and_goes_with_its_photo(
    database: Database, store: Store, make: Maker
) -> None:
    photo = make()
    assert store.embedding(photo.id) is None
    store.set_embedding(photo.id, "lite", b"one")
    store.set_embedding(photo.id, "lite", b"two")
    assert store.embedding(photo.id) == ("lite", b"two")
    store.forget(photo.id)
    assert database.execute("SELECT count(*) FROM embedding").fetchone()[0] == 0


def test_attempts_and_quarantine_are_remembered_and_let_go(store: Store) -> None:
    raw = Path(os.fsdecode(b"/u/\xff.jpg"))
    attempts = [Attempt(Path(f"/u/{n}.jpg"), 1, 2, n, NOON + timedelta(days=-n), "broken") for n in range(3)]
    for attempt in [*attempts, replace(attempts[0], path=raw)]:
        store.set_attempt(attempt, NOON)
    assert store.attempts()[0] == attempts[2]
    assert store.attempt(raw) == replace(attempts[0], path=raw)
    store.set_attempt(replace(attempts[1], tries=9), NOON)
    found = store.attempt(attempts[1].path)
    assert found is not None
    assert found.tries == 9
    assert (store.clear_attempt(raw), store.clear_attempt(raw), store.clear_attempt()) == (1, 0, 3)
    assert store.attempt(raw) is None
    store.quarantine("abc", "it killed the worker", NOON)
    assert store.quarantined("abc") == "it killed the worker"
    assert (store.release("abc"), store.release(), store.quarantined("abc")) == (1, 0, None)


def test_settings_are_kept_and_replaced(store: Store) -> None:
    store.set_setting("a", "1")
    store.set_setting("a", "2")
    assert store.setting("a") == "2"
    assert store.setting("b") is None


def test_a_photo_that_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="no picture has the id 5"):
        store.get(5)


def test_the_journal_finds_no_move_that_is_not_there(database: Database, make: Maker) -> None:
    journal = Journal(database)
    photo: Photo = make()
    with pytest.raises(LookupError):
        journal.get(3)
    assert journal.last(photo.id) is None
    with pytest.raises(ValueError, match="cannot change sha256"):
        journal.apply_columns(photo.id, {"sha256": "x"})


def test_writing_a_photo_anew_keeps_the_score_that_a_training_has_given_meanwhile(store: Store, make: Maker) -> None:
    photo = make()
    store.database.execute("UPDATE photo SET keep_score = 0.7, ask = 0.3 WHERE id = ?", (photo.id,))
    store.update(replace(photo, caption="a dog"))
    assert store.get(photo.id).keep_score == 0.7
    store.update(photo, ("another model", b"\0\0"))
    row = store.database.execute("SELECT keep_score, ask FROM photo WHERE id = ?", (photo.id,)).fetchone()
    assert tuple(row) == (None, None), "what was said by its old embedding does not hold of the new one"
