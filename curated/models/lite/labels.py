"""ImageNet's labels as words fit for a file name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from curated.models.base import Vectors

# Labels that mislead or embarrass as a name: what a network says of text, of clothes that people wear, of
# bodies and weapons, and of things it sees in any dark or blurred picture.
BLOCKED = frozenset(
    """
    abaya|academic gown|apron|assault rifle|balance beam|band aid|bath towel|bathtub|bikini|binder|bolo tie|bonnet|
    book jacket|bow tie|brassiere|breastplate|bubble|bulletproof vest|cardigan|cassock|chain mail|cloak|coffin|
    comic book|crossword puzzle|crutch|cuirass|dam|desktop computer|diaper|digital clock|dishrag|doormat|envelope|
    face powder|feather boa|fire screen|fur coat|gasmask|gong|gown|guillotine|hair slide|hair spray|handkerchief|
    hog|hook|hoopskirt|jean|jersey|jigsaw puzzle|kimono|lab coat|laptop|letter opener|lipstick|loupe|maillot|mask|
    matchstick|maypole|menu|military uniform|miniskirt|mitten|monitor|mortarboard|mousetrap|nail|neck brace|necklace|
    nematode|nipple|notebook|odometer|oscilloscope|overskirt|oxygen mask|packet|pajama|plunger|poncho|prison|
    quilt|rapeseed|revolver|rifle|ringlet|rule|rubber eraser|running shoe|safety pin|sarong|scoreboard|screen|
    shield|shower cap|shower curtain|ski mask|sleeping bag|slide rule|slot|sock|spotlight|stage|stethoscope|stole|
    strainer|street sign|suit|sunglass|sunglasses|sweatshirt|swimming trunks|switch|syringe|television|theater curtain|
    toilet seat|toilet tissue|trench coat|velvet|vestment|wallet|washbasin|web site|wig|window screen|windsor tie|
    wool|monastery|pedestal|book|modem|radio|remote control|hand-held computer|cellular telephone|iPod|projector|
    harp|swing|tub|jellyfish|sea anemone|sea slug|flatworm|isopod|tick|cockroach|leafhopper|lacewing
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
# Never said of a picture with people in it.
_APES = frozenset(
    """
    orangutan|gorilla|chimpanzee|gibbon|siamang|guenon|patas|baboon|macaque|langur|colobus|proboscis monkey|
    marmoset|capuchin|howler monkey|titi|spider monkey|squirrel monkey|Madagascar cat|indri|hog|wild boar|ox|
    hippopotamus|warthog
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)

# What people call them.
_PLAIN = {
    "alp": "mountain", "beacon": "lighthouse", "bell cote": "bell tower", "cab": "taxi", "lesser panda": "red panda",
    "mountain tent": "tent", "promontory": "headland", "sorrel": "horse", "vault": "vaulted ceiling",
}  # fmt: skip
_FAMILIES: dict[str, tuple[int, ...]] = {
    "dog": (*range(151, 269), 273),
    "cat": tuple(range(281, 286)),
    "bird": (*range(7, 25), *range(80, 101), *range(127, 147)),
    "lizard": tuple(range(38, 49)),
    "snake": tuple(range(52, 69)),
    "spider": tuple(range(72, 78)),
    "butterfly": tuple(range(321, 327)),
    "car": (407, 436, 468, 511, 609, 627, 656, 661, 751, 817),
    "bridge": (821, 839, 888),
    "boat": (472, 554, 576, 625, 814, 914),
}
_SURE_MEMBER, _SURE_FAMILY = 0.7, 0.5
# People themselves, or what ImageNet's people are seen doing.
_PERSONS = frozenset(
    ("ballplayer", "groom", "scuba diver", "cinema", "pole", "unicycle", "croquet ball", "vaulted ceiling")
)
_PLACES = frozenset(
    """
    volcano|geyser|lakeside|seashore|valley|mountain|cliff|headland|pier|castle|palace|church|library|
    restaurant|fountain|suspension bridge|steel arch bridge|boathouse|greenhouse|sandbar|coral reef|tent|
    triumphal arch|park bench|dock|breakwater|barn|bookshop|grocery store|toyshop|planetarium|mosque|stupa|
    lighthouse|bridge
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
_MORE_BESIDE_PEOPLE = 0.2
# ImageNet's first classes are the animals.
_ANIMALS = 398


@cache
def names() -> tuple[str, ...]:
    """The first synonym of each of the 1,000 classes, in the network's order (from timm's ImageNetInfo)."""
    text = files("curated.models.lite").joinpath("imagenet.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())


def likelihoods(logits: Vectors) -> Vectors:
    """The probability of each class, shape (n, 1000)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances: Vectors = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
    return chances


def animal_chances(chances: Vectors) -> list[float]:
    """How likely each picture shows an animal of any of ImageNet's classes."""
    return [float(row[:_ANIMALS].sum()) for row in chances]


def best_labels(chances: Vectors, count: int = 5) -> list[tuple[tuple[str, float], ...]]:
    """The `count` likeliest (label, probability) of each row of likelihoods, best first.

    Where no breed or model is sure but its family is, the family ("dog", "car") comes first.
    """
    order = np.argsort(-chances, axis=1)[:, :count]
    found = []
    for row, best in zip(chances, order, strict=True):
        labels = [(_plain(names()[index]), round(float(row[index]), 4)) for index in best]
        family, together = max(
            ((name, float(row[list(members)].sum())) for name, members in _FAMILIES.items()), key=lambda each: each[1]
        )
        if labels[0][1] < _SURE_MEMBER and together > max(labels[0][1], _SURE_FAMILY):
            labels = [(family, round(together, 4)), *labels[:-1]]
        found.append(tuple(labels))
    return found


def _plain(name: str) -> str:
    return _PLAIN.get(name, name)


def usable_label(labels: Sequence[tuple[str, float]], least: float, people: int) -> str | None:
    """The best label if it is likely enough and may be said, else None.

    Beside people the network is led astray by clothes and poses, so there it must be likelier, and words for
    people say nothing new.
    """
    if not labels:
        return None
    label, chance = labels[0]
    if chance < least or label in BLOCKED:
        return None
    if people and (chance < least + _MORE_BESIDE_PEOPLE or label in _APES or label in _PERSONS):
        return None
    return label


def preposition(label: str) -> str:
    """What joins people and a label: they are *at* a place, *with* anything else."""
    return "at" if label in _PLACES else "with"
