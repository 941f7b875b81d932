"""Zero-shot scores are the softmax of the similarities to each kind's and category's own direction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from curated.config import Prompts
from curated.domain import KINDS
from curated.models.full.embedder import OpenClipEmbedder, open_embedder
from curated.models.full.prompts import direction, kind_ensembles, open_zero_shot, prompts_id
from tests.support.varied import varied

SCALE = 100.0


class Sentences:
    """Embeds a sentence by its words, and counts how often it is asked."""

    words = ("photo", "drawing", "screen", "page", "joke", "food", "car", "nothing")

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        rows = np.array([[float(word in text) for word in self.words] for text in texts], np.float32)
        return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)


PROMPTS = Prompts(("a photo",), ("a drawing",), ("a screen",), ("a page",), ("a joke", "a joke photo"), ("nothing",))
CATEGORIES = {"Food": ("a photo of food", "food"), "Cars": ("a car",)}


def picture(**words: float) -> np.ndarray:
    row = np.array([[words.get(word, 0.0) for word in Sentences.words]], np.float32)
    return (row / np.linalg.norm(row)).astype(np.float32)


def test_a_picture_is_of_the_kind_that_describes_it_best(tmp_path: Path) -> None:
    zero_shot = open_zero_shot(Sentences(), "m", SCALE, PROMPTS, {}, tmp_path)
    pictures = np.concatenate([picture(drawing=1, photo=0.5), picture(page=1), picture(joke=1, photo=0.2)])
    scores = zero_shot.kind_scores(pictures)
    assert [max(each, key=each.__getitem__) for each in scores] == ["illustration", "document", "meme"]
    assert all(set(each) == set(KINDS) and sum(each.values()) == pytest.approx(1, abs=1e-3) for each in scores)


def test_scores_are_the_softmax_of_scaled_similarities(tmp_path: Path) -> None:
    zero_shot = open_zero_shot(Sentences(), "m", 4.0, PROMPTS, CATEGORIES, tmp_path)
    seen = picture(photo=1, food=1, car=0.5)
    mean = Sentences()(CATEGORIES["Food"]).mean(axis=0)
    directions = np.stack([mean / np.linalg.norm(mean), picture(car=1)[0], picture(nothing=1)[0]])
    powers = np.exp(4.0 * (directions @ seen[0]))
    (scores,) = zero_shot.category_scores(seen)
    assert scores == pytest.approx(dict(zip(("Food", "Cars"), powers / powers.sum(), strict=False)), abs=1e-4)


def test_what_no_category_describes_is_left_over(tmp_path: Path) -> None:
    zero_shot = open_zero_shot(Sentences(), "m", SCALE, PROMPTS, CATEGORIES, tmp_path)
    food, nothing = zero_shot.category_scores(np.concatenate([picture(food=1), picture(nothing=1, food=0.3)]))
    assert food["Food"] > 0.99
    assert sum(nothing.values()) < 0.01


def test_without_categories_there_are_no_category_scores(tmp_path: Path) -> None:
    zero_shot = open_zero_shot(Sentences(), "m", SCALE, PROMPTS, {"Photos": ()}, tmp_path)
    assert zero_shot.category_scores(picture(photo=1)) == [{}]
    assert zero_shot.category_scores(np.zeros((0, 8), np.float32)) == []


def test_sentences_are_embedded_once_for_each_model_and_wording(tmp_path: Path) -> None:
    first, again, other_model, other_words = Sentences(), Sentences(), Sentences(), Sentences()
    made = direction(first, "m-1", ("a photo", "food"), tmp_path)
    assert np.array_equal(direction(again, "m-1", ("a photo", "food"), tmp_path), made)
    direction(other_model, "m-2", ("a photo", "food"), tmp_path)
    direction(other_words, "m-1", ("a photo food",), tmp_path)
    asked = [each.asked for each in (first, again, other_model, other_words)]
    assert asked == [["a photo", "food"], [], ["a photo", "food"], ["a photo food"]]
    assert len(list(tmp_path.rglob("*.npy"))) == len([path for path in tmp_path.rglob("*") if path.is_file()]) == 3


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"noise", None])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: bytes | None) -> None:
    made = direction(Sentences(), "m", ("a photo",), tmp_path)
    (path,) = tmp_path.rglob("*.npy")
    if damage is None:
        np.save(path, np.array([{"an": "object"}], dtype=object), allow_pickle=True)
    else:
        path.write_bytes(damage)
    assert np.array_equal(direction(Sentences(), "m", ("a photo",), tmp_path), made)
    assert np.array_equal(np.load(path), made)


def test_the_id_changes_with_every_word() -> None:
    defaults = kind_ensembles(Prompts())
    other = kind_ensembles(Prompts(meme=("a meme",)))
    assert prompts_id("m", defaults) == prompts_id("m", kind_ensembles(Prompts()))
    assert len({prompts_id("m", defaults), prompts_id("m", other), prompts_id("n", defaults)}) == 3
    assert all(len(texts) >= 5 for texts in defaults.values())


def test_scores_are_those_of_open_clip(clip_folder: Path, tmp_path: Path) -> None:
    from curated.config import Full

    embedder = open_embedder(Full(embedder=str(clip_folder)), "cpu")
    prompts = Prompts()
    zero_shot = open_zero_shot(embedder.embed_text, embedder.model_id, embedder.logit_scale, prompts, {}, tmp_path)
    images = varied()[:8]
    ours = [[scores[kind] for kind in KINDS] for scores in zero_shot.kind_scores(embedder.embed(images))]
    assert np.allclose(ours, _by_open_clip(embedder, clip_folder, prompts, images), atol=2e-3)


def _by_open_clip(embedder: OpenClipEmbedder, folder: Path, prompts: Prompts, images: Sequence[np.ndarray]):
    import open_clip
    import torch
    from PIL import Image

    name = f"local-dir:{folder}"
    model, preprocess = open_clip.create_model_from_pretrained(name)
    tokenizer = open_clip.get_tokenizer(name)
    classifier = []
    with torch.no_grad():
        for kind in KINDS:
            texts = model.encode_text(tokenizer(list(getattr(prompts, kind))), normalize=True).mean(dim=0)
            classifier.append(texts / texts.norm())
        pixels = torch.stack([preprocess(Image.fromarray(image)) for image in images])
        features = model.encode_image(pixels, normalize=True)
        return (model.logit_scale.exp() * features @ torch.stack(classifier).T).softmax(dim=-1).numpy()
