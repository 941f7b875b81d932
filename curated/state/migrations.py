"""The schema, as append-only migrations. Never edit one that has been released: add the next."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("curated")


@migrations()
def m001_photos_and_moves(db: Database) -> None:
    """Photos, their embeddings, verdicts, the move journal, retries, the daemon's state and the text index."""
    for statement in _M001:
        db.execute(statement)


@migrations()
def m002_changes_of_embeddings(db: Database) -> None:
    """What changes among the embeddings, in order, and how many there are of each model; a table a quarter the size."""
    for statement in _M002:
        db.execute(statement)


@migrations()
def m003_decisions(db: Database) -> None:
    """What a person decided, to be undone and redone; the marks it leaves; indexes as wide as the review's filters."""
    for statement in _M003:
        db.execute(statement)


@migrations()
def m004_duplicates(db: Database) -> None:
    """What tells pictures apart beyond their hashes; which are no duplicates for ever, and keepers a person chose."""
    for statement in _M004:
        db.execute(statement)


@migrations()
def m005_learnt(db: Database) -> None:
    """What was learnt from a person as arrays, and how soon to ask about each picture."""
    for statement in _M005:
        db.execute(statement)


@migrations()
def m006_category_scores(db: Database) -> None:
    """What the prompts of the categories said of each picture."""
    for statement in _M006:
        db.execute(statement)


# Paths are BLOBs because file names are bytes, not text. Times are ISO 8601 in UTC; taken_at is the camera's
# local time without zone, as EXIF has it. `models`, `kind_scores`, `boxes`, `labels`, `companions` are JSON.
_M001 = (
    """
    CREATE TABLE photo (
        id INTEGER PRIMARY KEY,
        sha256 TEXT NOT NULL,
        original_path BLOB NOT NULL,
        original_name TEXT NOT NULL,
        path BLOB NOT NULL,
        name TEXT NOT NULL,
        status TEXT NOT NULL,
        category TEXT,
        reason TEXT NOT NULL DEFAULT '',
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        companions TEXT NOT NULL DEFAULT '[]',
        kind TEXT,
        kind_scores TEXT NOT NULL DEFAULT '{}',
        people INTEGER,
        people_score REAL,
        boxes TEXT NOT NULL DEFAULT '[]',
        labels TEXT NOT NULL DEFAULT '[]',
        caption TEXT,
        text TEXT,
        width INTEGER,
        height INTEGER,
        format TEXT,
        extension TEXT,
        camera TEXT,
        taken_at TEXT,
        sharpness REAL,
        pixel_hash TEXT,
        phash TEXT,
        phash_wide TEXT,
        thumbnail BLOB,
        twin_of INTEGER REFERENCES photo(id) ON DELETE SET NULL,
        twin_kind TEXT,
        twin_distance INTEGER,
        keep_score REAL,
        verdict TEXT,
        profile TEXT,
        models TEXT NOT NULL DEFAULT '{}',
        arrived_at TEXT NOT NULL,
        filed_at TEXT
    ) STRICT
    """,
    "CREATE UNIQUE INDEX photo_path ON photo(path) WHERE status <> 'missing'",
    "CREATE INDEX photo_sha256 ON photo(sha256)",
    "CREATE INDEX photo_pixel_hash ON photo(pixel_hash)",
    "CREATE INDEX photo_phash ON photo(status, phash) WHERE phash IS NOT NULL",
    # One for each order, filter and count, wide enough that the pages of the table are not read for it.
    "CREATE INDEX photo_filed ON photo(filed_at DESC, id DESC, status, category)",
    "CREATE INDEX photo_keep ON photo(keep_score DESC, id DESC, status, category)",
    "CREATE INDEX photo_uncertain ON photo(abs(coalesce(keep_score, 2) - 0.5), id DESC, status, category)",
    "CREATE INDEX photo_status ON photo(status)",
    "CREATE INDEX photo_category ON photo(category, status)",
    "CREATE INDEX photo_kind ON photo(kind, status)",
    "CREATE INDEX photo_twin ON photo(twin_of) WHERE twin_of IS NOT NULL",
    """
    CREATE TABLE embedding (
        photo_id INTEGER NOT NULL REFERENCES photo(id) ON DELETE CASCADE,
        model TEXT NOT NULL,
        vector BLOB NOT NULL,
        PRIMARY KEY (photo_id, model)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE verdict (
        id INTEGER PRIMARY KEY,
        photo_id INTEGER NOT NULL REFERENCES photo(id) ON DELETE CASCADE,
        verdict TEXT,
        at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX verdict_photo ON verdict(photo_id, id)",
    """
    CREATE TABLE move (
        id INTEGER PRIMARY KEY,
        photo_id INTEGER REFERENCES photo(id) ON DELETE SET NULL,
        purpose TEXT NOT NULL,
        open INTEGER NOT NULL,
        before TEXT NOT NULL DEFAULT '{}',
        after TEXT NOT NULL DEFAULT '{}',
        undone_by INTEGER REFERENCES move(id),
        reason TEXT NOT NULL DEFAULT '',
        created_at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX move_photo ON move(photo_id, id)",
    "CREATE INDEX move_open ON move(id) WHERE open",
    "CREATE INDEX move_created ON move(created_at)",
    """
    CREATE TABLE move_file (
        id INTEGER PRIMARY KEY,
        move_id INTEGER NOT NULL REFERENCES move(id) ON DELETE CASCADE,
        role TEXT NOT NULL,
        source BLOB NOT NULL,
        target BLOB NOT NULL,
        temporary BLOB,
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        state TEXT NOT NULL,
        updated_at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX move_file_move ON move_file(move_id)",
    # One row per path that could not be taken: when to try again, and why it failed.
    """
    CREATE TABLE attempt (
        path BLOB PRIMARY KEY,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        tries INTEGER NOT NULL,
        next_at TEXT NOT NULL,
        reason TEXT NOT NULL,
        last_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    # Content that killed the model process: never given to it again unless `retry` says so.
    """
    CREATE TABLE quarantine (
        sha256 TEXT PRIMARY KEY,
        reason TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    # Folders that the daemon itself emptied, and so may remove if the configuration says so; and any other
    # single values: the daemon's published state, the library's sentinel.
    """
    CREATE TABLE setting (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE VIRTUAL TABLE photo_fts USING fts5(
        name, caption, text, category, original_name,
        tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
    )
    """,
    """
    CREATE TRIGGER photo_fts_insert AFTER INSERT ON photo BEGIN
        INSERT INTO photo_fts(rowid, name, caption, text, category, original_name)
        VALUES (new.id, new.name, new.caption, new.text, new.category, new.original_name);
    END
    """,
    """
    CREATE TRIGGER photo_fts_update
    AFTER UPDATE OF name, caption, text, category, original_name ON photo BEGIN
        UPDATE photo_fts SET name = new.name, caption = new.caption, text = new.text,
            category = new.category, original_name = new.original_name
        WHERE rowid = new.id;
    END
    """,
    """
    CREATE TRIGGER photo_fts_delete AFTER DELETE ON photo BEGIN
        DELETE FROM photo_fts WHERE rowid = old.id;
    END
    """,
)

# What is computed from all embeddings and kept in a file can be brought up to date by the changes since. `mark` tells
# a change from that of another history of this database (a backup that was restored) which got the same number.
_M002 = (
    # A table without rowid keeps only about 1,000 bytes of a row in place, and a whole page for what is longer.
    """
    CREATE TABLE embedding_by_rowid (
        photo_id INTEGER NOT NULL REFERENCES photo(id) ON DELETE CASCADE,
        model TEXT NOT NULL,
        vector BLOB NOT NULL,
        PRIMARY KEY (photo_id, model)
    ) STRICT
    """,
    "INSERT INTO embedding_by_rowid SELECT * FROM embedding ORDER BY photo_id",
    "DROP TABLE embedding",
    "ALTER TABLE embedding_by_rowid RENAME TO embedding",
    """
    CREATE TABLE embedding_change (
        stamp INTEGER PRIMARY KEY AUTOINCREMENT,
        mark INTEGER NOT NULL DEFAULT (random()),
        photo_id INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE TABLE embedder (model TEXT PRIMARY KEY, pictures INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "INSERT INTO embedding_change (photo_id) SELECT photo_id FROM embedding",
    "INSERT INTO embedder SELECT model, count(*) FROM embedding GROUP BY model",
    """
    CREATE TRIGGER embedding_insert AFTER INSERT ON embedding BEGIN
        INSERT INTO embedding_change (photo_id) VALUES (new.photo_id);
        INSERT INTO embedder VALUES (new.model, 1) ON CONFLICT (model) DO UPDATE SET pictures = pictures + 1;
    END
    """,
    """
    CREATE TRIGGER embedding_update AFTER UPDATE OF vector ON embedding BEGIN
        INSERT INTO embedding_change (photo_id) VALUES (new.photo_id);
    END
    """,
    """
    CREATE TRIGGER embedding_delete AFTER DELETE ON embedding BEGIN
        INSERT INTO embedding_change (photo_id) VALUES (old.photo_id);
        UPDATE embedder SET pictures = pictures - 1 WHERE model = old.model;
    END
    """,
)

# `turn` is the order in which things were wanted, an undo too; `undone` is 1 where it can be redone, 2 where not any
# more. `confirmed` is when a person confirmed the category.
_M003 = (
    "ALTER TABLE photo ADD COLUMN confirmed TEXT",
    "ALTER TABLE photo ADD COLUMN protected INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE decision (
        id INTEGER PRIMARY KEY,
        step INTEGER NOT NULL,
        photo_id INTEGER NOT NULL REFERENCES photo(id) ON DELETE CASCADE,
        action TEXT NOT NULL,
        argument TEXT,
        before TEXT NOT NULL,
        after TEXT NOT NULL,
        moves INTEGER NOT NULL,
        wanted INTEGER NOT NULL,
        applied INTEGER NOT NULL,
        undone INTEGER NOT NULL DEFAULT 0,
        turn INTEGER NOT NULL,
        move_id INTEGER,
        base INTEGER,
        problem TEXT,
        at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX decision_step ON decision(step)",
    "CREATE INDEX decision_turn ON decision(turn)",
    "CREATE INDEX decision_undone ON decision(undone, step)",
    "CREATE INDEX decision_photo ON decision(photo_id, id)",
    "CREATE INDEX decision_at ON decision(at)",
    "CREATE INDEX decision_owed ON decision(turn) WHERE wanted <> applied AND problem IS NULL",
    "CREATE INDEX decision_problem ON decision(id) WHERE problem IS NOT NULL",
    # Each order of the review with all that it filters by: it is read in order, and the table not at all.
    "DROP INDEX photo_filed",
    "DROP INDEX photo_keep",
    "DROP INDEX photo_uncertain",
    "CREATE INDEX photo_filed ON photo(filed_at DESC, id DESC, status, category, kind, verdict, confirmed)",
    "CREATE INDEX photo_keep ON photo(keep_score DESC, id DESC, status, category, kind, verdict, confirmed)",
    # With the score itself: SQLite does not see that the expression is all that is asked of it.
    """
    CREATE INDEX photo_uncertain
    ON photo(abs(coalesce(keep_score, 2) - 0.5), id DESC, status, category, kind, verdict, confirmed, keep_score)
    """,
    "CREATE INDEX photo_taken ON photo(taken_at DESC, id DESC, status, category, kind, verdict, confirmed)",
)

# See curated.state.pairs. All of `likeness` is read at each start, so what is large and seldom asked for stands apart.
# Pairs are told by content, so that they hold when the same content comes again; `one` is the lesser hash.
_M004 = (
    "ALTER TABLE photo ADD COLUMN chosen INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE likeness (
        photo_id INTEGER PRIMARY KEY REFERENCES photo(id) ON DELETE CASCADE,
        inner TEXT NOT NULL,
        model TEXT NOT NULL,
        code BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE grey_copy (
        photo_id INTEGER PRIMARY KEY REFERENCES photo(id) ON DELETE CASCADE,
        grey BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE distinct_pair (
        one TEXT NOT NULL,
        other TEXT NOT NULL,
        at TEXT NOT NULL,
        PRIMARY KEY (one, other)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX distinct_pair_other ON distinct_pair(other)",
)

# `ask` is high where a verdict would teach most; `seen` the newest label that was learnt from.
_M005 = (
    """
    CREATE TABLE learnt (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        role TEXT NOT NULL,
        at TEXT NOT NULL,
        embedder TEXT NOT NULL,
        seen INTEGER NOT NULL,
        payload BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX learnt_role ON learnt(role, id)",
    "ALTER TABLE photo ADD COLUMN ask REAL",
    "DROP INDEX photo_uncertain",
    "CREATE INDEX photo_uncertain ON photo(ask DESC, id DESC, status, category, kind, verdict, confirmed, keep_score)",
    "UPDATE photo SET ask = 0.5 - abs(keep_score - 0.5) WHERE keep_score IS NOT NULL",
    "CREATE INDEX photo_confirmed ON photo(confirmed) WHERE confirmed IS NOT NULL",
    "CREATE INDEX photo_verdict ON photo(verdict) WHERE verdict IS NOT NULL",
)

# What the prompts of the categories say (full profile): JSON, as `kind_scores` is. Rows from before have none.
_M006 = ("ALTER TABLE photo ADD COLUMN category_scores TEXT NOT NULL DEFAULT '{}'",)
