"""What can be configured: frozen structs that carry the defaults. `config.example.toml` is tested to equal them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every table in the file."""


class Folders(Section, frozen=True):
    """Where everything lies; the last four are below the library."""

    unsorted: str = "~/Pictures/Unsorted"
    library: str = "~/Pictures/Library"
    state: str = ""
    cache: str = ""
    review: str = "Review"
    duplicates: str = "Duplicates"
    failed: str = "Failed"
    trash: str = "Trash"

    @property
    def unsorted_path(self) -> Path:
        return _absolute(self.unsorted)

    @property
    def library_path(self) -> Path:
        return _absolute(self.library)

    @property
    def state_path(self) -> Path:
        return _absolute(self.state) if self.state else xdg_folder("XDG_STATE_HOME", ".local/state")

    @property
    def cache_path(self) -> Path:
        return _absolute(self.cache) if self.cache else xdg_folder("XDG_CACHE_HOME", ".cache")

    @property
    def database_path(self) -> Path:
        return self.state_path / "curated.db"


class Watch(Section, frozen=True):
    """How arrivals are noticed, and when a failed one is tried again."""

    settle_seconds: NonNegative = 2.0
    rescan_seconds: Positive = 300.0
    recursive: bool = True
    remove_emptied_folders: bool = False
    ignore: tuple[str, ...] = ()
    polling: Literal["auto", "always", "never"] = "auto"
    poll_seconds: Positive = 5.0
    retries: Count = 3
    retry_seconds: Positive = 30.0


class Reading(Section, frozen=True):
    """Limits of decoding."""

    pixel_limit: Annotated[int, msgspec.Meta(ge=1)] = 250_000_000
    thumbnail_pixels: Annotated[int, msgspec.Meta(ge=16)] = 384


class Prompts(Section, frozen=True):
    """What each kind of picture is described as, and (`other`) what is none of the user's categories."""

    photo: tuple[str, ...] = (
        "a photo",
        "a photograph taken with a camera",
        "a snapshot from everyday life",
        "a photo of people",
        "a photo of a place",
        "a photo of an animal",
        "a close-up photo of an object",
    )
    illustration: tuple[str, ...] = (
        "an illustration",
        "a drawing",
        "a painting",
        "digital art",
        "a cartoon",
        "an anime picture",
        "a 3D rendering",
        "a logo",
    )
    screenshot: tuple[str, ...] = (
        "a screenshot",
        "a screenshot of a phone app",
        "a screenshot of a website",
        "a screenshot of a computer desktop",
        "a screenshot of a chat conversation",
        "a screenshot of a video game",
        "a screenshot of source code",
    )
    document: tuple[str, ...] = (
        "a scanned document",
        "a photo of a printed page",
        "a page full of text",
        "a receipt",
        "a form",
        "a letter",
        "handwritten notes on paper",
    )
    meme: tuple[str, ...] = (
        "a meme",
        "an internet meme with a caption",
        "a funny picture with large white text at the top and the bottom",
        "a reaction image with text",
        "a joke picture shared online",
        "a comic panel with a joke",
    )
    other: tuple[str, ...] = (
        "a picture",
        "an image",
        "a picture of something else",
        "an ordinary everyday picture",
        "a picture of nothing in particular",
        "a miscellaneous image",
    )


class Full(Section, frozen=True):
    """The models of the full profile."""

    detector: str = "yolov8n.pt"
    embedder: str = "ViT-B-32"
    embedder_weights: str = "laion2b_s34b_b79k"
    captioner: str = "Salesforce/blip-image-captioning-base"
    caption_beams: Annotated[int, msgspec.Meta(ge=1, le=16)] = 1
    caption_max_tokens: Annotated[int, msgspec.Meta(ge=1, le=256)] = 30
    caption_prompt: str = ""
    precision: Literal["auto", "fp32", "int8"] = "auto"
    person_confidence: Fraction = 0.45
    nms_iou: Fraction = 0.6
    clear_photo: Fraction = 0.9
    prompts: Prompts = Prompts()


class Lite(Section, frozen=True):
    """From which score on the lite profile believes its models."""

    person_confidence: Fraction = 0.6
    face_confidence: Fraction = 0.65
    label_confidence: Fraction = 0.5


class Models(Section, frozen=True):
    """Which models run, and how."""

    profile: Literal["auto", "full", "lite"] = "auto"
    device: str = "auto"
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8
    idle_timeout: Positive = 300.0
    batch_timeout: Positive = 300.0
    decode_threads: Count = 0
    memory_mb: Count = 0
    full: Full = Full()
    lite: Lite = Lite()


class Duplicates(Section, frozen=True):
    """How alike two pictures must be; see docs/duplicates.md for how each number was found."""

    agree: Fraction = 0.7
    agree_written: Fraction = 0.75
    verify_distance: Annotated[int, msgspec.Meta(ge=0, le=64)] = 12
    code_distance: Annotated[int, msgspec.Meta(ge=0, le=128)] = 72
    near_distance: Annotated[int, msgspec.Meta(ge=0, le=64)] = 4
    ask_distance: Annotated[int, msgspec.Meta(ge=0, le=64)] = 8
    burst_seconds: NonNegative = 30.0
    burst_distance: Annotated[int, msgspec.Meta(ge=0, le=64)] = 16


class Decide(Section, frozen=True):
    """When a decision is sure enough."""

    kind_confidence: Fraction = 0.5
    category_margin: Fraction = 0.1


class Naming(Section, frozen=True):
    """How files are called."""

    template: str = "{caption}"
    keep_human_names: bool = True
    max_bytes: Annotated[int, msgspec.Meta(ge=8, le=240)] = 120


class Taste(Section, frozen=True):
    """What is learnt from verdicts and confirmed categories."""

    every: Count = 25
    precision: Fraction = 0.9


class Metrics(Section, frozen=True):
    """The daemon's counters for Prometheus, served to this machine only; port 0 opens no socket at all."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    address: str = "127.0.0.1"


class Keys(Section, frozen=True):
    """The keys of the review, by Textual's names of them; what stands first is shown in the footer.

    The digits 1 to 9 are not among them: they set a category, or choose a keeper among duplicates.
    """

    next: tuple[str, ...] = ("right", "l", "j", "space", "down")
    previous: tuple[str, ...] = ("left", "h", "k", "backspace")
    first: tuple[str, ...] = ("g", "home")
    last: tuple[str, ...] = ("G", "end")
    page_down: tuple[str, ...] = ("pagedown",)
    page_up: tuple[str, ...] = ("pageup",)
    keep: tuple[str, ...] = ("p", "f7")
    trash: tuple[str, ...] = ("x", "delete")
    undecided: tuple[str, ...] = ("n", "up")
    advance: tuple[str, ...] = ("A",)
    undo: tuple[str, ...] = ("u", "ctrl+z")
    redo: tuple[str, ...] = ("ctrl+y",)
    confirm: tuple[str, ...] = ("enter",)
    category: tuple[str, ...] = ("c",)
    rename: tuple[str, ...] = ("r",)
    mark: tuple[str, ...] = ("m",)
    mark_range: tuple[str, ...] = ("M",)
    mark_all: tuple[str, ...] = ("a",)
    clear: tuple[str, ...] = ("escape",)
    protect: tuple[str, ...] = ("exclamation_mark",)
    like: tuple[str, ...] = ("f",)
    search: tuple[str, ...] = ("slash",)
    sort: tuple[str, ...] = ("s",)
    filter: tuple[str, ...] = ("t",)
    refresh: tuple[str, ...] = ("R",)
    full_screen: tuple[str, ...] = ("z",)
    open: tuple[str, ...] = ("o",)
    why: tuple[str, ...] = ("i",)
    sheet: tuple[str, ...] = ("v",)
    sweep: tuple[str, ...] = ("S",)
    duplicates: tuple[str, ...] = ("d",)
    not_duplicates: tuple[str, ...] = ("N",)
    trashed: tuple[str, ...] = ("T",)
    dashboard: tuple[str, ...] = ("tab",)
    retry: tuple[str, ...] = ("f5",)
    help: tuple[str, ...] = ("question_mark", "f1")
    quit: tuple[str, ...] = ("q", "ctrl+q")


class ReviewSettings(Section, frozen=True):
    """The review in the terminal."""

    pictures: Literal["auto", "kitty", "sixel", "halfblock"] = "auto"
    auto_advance: bool = True
    cache_mb: Annotated[int, msgspec.Meta(ge=16)] = 512
    web_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8420
    keys: Keys = Keys()


class Category(Section, frozen=True):
    """One rule: every condition that is given must hold; the first rule that holds wins.

    `people` is "2", "3+", "1-4" or "" (not asked); `words` need one whole word in text or caption.
    """

    name: str
    folder: str = ""
    kind: Literal["", "photo", "illustration", "screenshot", "document", "meme"] = ""
    people: str = ""
    prompts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


DEFAULT_CATEGORIES = (
    Category(name="People/Solo", kind="photo", people="1"),
    Category(name="People/Pair", kind="photo", people="2"),
    Category(name="People/Group", kind="photo", people="3+"),
    Category(name="Photos", kind="photo"),
    Category(name="Illustrations", kind="illustration"),
    Category(name="Screenshots", kind="screenshot"),
    Category(name="Documents", kind="document"),
    Category(name="Memes", kind="meme"),
)


class Config(Section, frozen=True):
    """The whole file; every key has its default."""

    folders: Folders = Folders()
    watch: Watch = Watch()
    reading: Reading = Reading()
    models: Models = Models()
    duplicates: Duplicates = Duplicates()
    decide: Decide = Decide()
    naming: Naming = Naming()
    taste: Taste = Taste()
    review: ReviewSettings = ReviewSettings()
    metrics: Metrics = Metrics()
    category: tuple[Category, ...] = DEFAULT_CATEGORIES

    @property
    def category_folders(self) -> dict[str, str]:
        """The folder, relative to the library, of each category that a picture can be filed as."""
        folders = {rule.name: rule.folder or rule.name for rule in self.category}
        folders.setdefault(self.folders.review, self.folders.review)
        return folders

    @property
    def worded_categories(self) -> frozenset[str]:
        """The categories that a rule with words of the person's own files under, whatever else was learnt."""
        return frozenset(rule.name for rule in self.category if rule.words)


def xdg_folder(variable: str, fallback: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Our folder below the one of the XDG base directory specification, which ignores relative paths."""
    base = Path(environ.get(variable) or "")
    return (base if base.is_absolute() else Path.home() / fallback) / "curated"


def _absolute(text: str) -> Path:
    return Path(text).expanduser().absolute()
