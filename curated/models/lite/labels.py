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
    """The `count` likeliest (label, probability) of each row of likelihoods, best first."""
    order = np.argsort(-chances, axis=1)[:, :count]
    return [
        tuple((names()[index], round(float(row[index]), 4)) for index in best)
        for row, best in zip(chances, order, strict=True)
    ]


def usable_label(labels: Sequence[tuple[str, float]], least: float, people: int) -> str | None:
    """The best label if it is likely enough and may be said, else None."""
    if not labels:
        return None
    label, chance = labels[0]
    if chance < least or label in BLOCKED or (people and label in _APES):
        return None
    return label
