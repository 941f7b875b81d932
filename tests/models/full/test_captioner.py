"""BLIP: token for token what transformers writes, whatever is in the batch, without loops; unusable checkpoints."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from curated.config import Full
from curated.errors import ConfigError, CuratedError, WeightsMissing
from curated.models.full.blip_search import Words, greedy, without_loop
from curated.models.full.captioner import BlipCaptioner, open_captioner, show
from curated.models.full.linear import Int8, Plain, Scores, resolve
from curated.models.full.pixels import upload
from curated.pictures.decoded import RGB
from tests.support.blip_checkpoints import write_tiny_blip
from tests.support.varied import varied

MOST = 12
# Copies: transformers takes none that are read-only.
PICTURES = tuple(picture.copy() for picture in varied(40))
END = 102
needs_int8 = pytest.mark.skipif(resolve("auto") != "int8", reason="this CPU has no instructions for int8")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """So small a model only waits for a second one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_blip(tmp_path_factory.mktemp("blip") / "tiny-blip")


@pytest.fixture(scope="module")
def reference(folder: Path) -> tuple[Any, Any]:
    """transformers' own model and processor."""
    from transformers import BlipForConditionalGeneration, BlipProcessor

    return BlipForConditionalGeneration.from_pretrained(folder).eval(), BlipProcessor.from_pretrained(folder)


def opened(folder: Path | str, precision: str = "fp32", **settings: Any) -> BlipCaptioner:
    full = Full(captioner=str(folder), **{"precision": precision, "caption_max_tokens": MOST, **settings})
    return open_captioner(full, "cpu")


# -- equal to transformers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("beams", "prompt"), [(1, ""), (1, "a photo of"), (3, ""), (4, "a picture of the")])
def test_captions_are_token_for_token_those_of_transformers(
    folder: Path, reference: tuple[Any, Any], beams: int, prompt: str
) -> None:
    captioner = opened(folder, caption_beams=beams, caption_prompt=prompt)
    written, said = captioner.write(upload(PICTURES, "cpu")), captioner.caption(PICTURES)
    for picture, tokens, caption in zip(PICTURES, written, said, strict=True):
        wanted, text = written_by_transformers(reference, picture, beams, prompt)
        assert tokens == without_loop(wanted)
        if tokens == wanted:
            assert caption == text
    assert len({tuple(tokens) for tokens in written}) > 20, "the checkpoint says the same of everything"


def written_by_transformers(reference: tuple[Any, Any], picture: RGB, beams: int, prompt: str) -> tuple[list[int], str]:
    """The tokens after the prompt, and the whole caption."""
    model, processor = reference
    given = processor(images=picture, return_tensors="pt", **({"text": prompt} if prompt else {}))
    answer = model.generate(**given, num_beams=beams, max_new_tokens=MOST)[0].tolist()
    begun = given["input_ids"].shape[1] - 1 if prompt else 1
    text = processor.decode(answer, skip_special_tokens=True).strip()
    return [token for token in answer[begun:] if token not in (0, END)], text


def test_pictures_are_shown_as_the_processor_shows_them(folder: Path, reference: tuple[Any, Any]) -> None:
    captioner = opened(folder)
    pictures = [*PICTURES, np.zeros((1, 1, 3), np.uint8), np.full((2, 900, 3), 77, np.uint8)]
    ours = show(upload(pictures, "cpu"), captioner.pixels)
    theirs = torch.cat([reference[1](images=each, return_tensors="pt")["pixel_values"] for each in pictures])
    assert (ours - theirs).abs().max() < 1e-5


@pytest.mark.parametrize("precision", ["fp32", pytest.param("int8", marks=needs_int8)])
def test_a_batch_of_one_equals_a_batch_of_32(folder: Path, precision: str) -> None:
    captioner = opened(folder, precision)
    pictures = PICTURES[:32]
    assert [captioner.caption([picture])[0] for picture in pictures] == captioner.caption(pictures)


def test_nothing_is_captioned_as_nothing(folder: Path) -> None:
    assert opened(folder).caption([]) == []


def test_files_in_the_older_format_give_the_same_captions(folder: Path, tmp_path: Path) -> None:
    older = shutil.copytree(folder, tmp_path / "older")
    weights = load_file(older / "model.safetensors")
    head = "text_decoder.cls.predictions"
    weights["text_decoder.bert.embeddings.position_ids"] = torch.arange(512)[None]
    weights[f"{head}.decoder.weight"] = weights["text_decoder.bert.embeddings.word_embeddings.weight"]
    torch.save(weights, older / "pytorch_model.bin")
    settings = json.loads((older / "processor_config.json").read_text())["image_processor"]
    (older / "preprocessor_config.json").write_text(json.dumps({**settings, "processor_class": "BlipProcessor"}))
    for name in ("model.safetensors", "processor_config.json", "tokenizer.json"):
        (older / name).unlink()
    pictures = PICTURES[:5]
    assert opened(older).caption(pictures) == opened(folder).caption(pictures)


def test_a_hub_id_is_found_where_the_hub_keeps_what_was_fetched(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    fetched = tmp_path / "models--Salesforce--blip-image-captioning-base"
    shutil.copytree(folder, fetched / "snapshots" / "82a37760")
    (fetched / "refs").mkdir()
    (fetched / "refs" / "main").write_text("82a37760")
    captioner = opened("Salesforce/blip-image-captioning-base")
    assert captioner.model_id.startswith("blip-image-captioning-base-")
    assert captioner.caption(PICTURES[:3]) == opened(folder).caption(PICTURES[:3])


def test_the_model_is_called_by_its_folder_and_its_weights(folder: Path, tmp_path: Path) -> None:
    name, _, digest = opened(folder).model_id.partition(" ")[0].rpartition("-")
    assert name == "tiny-blip"
    assert len(digest) == 12
    other = opened(write_tiny_blip(tmp_path / "tiny-blip", seed=1)).model_id
    assert other.startswith("tiny-blip-")
    assert digest not in other


def test_what_changes_the_words_is_part_of_the_model_so_that_recurate_sees_it(folder: Path) -> None:
    settings = ({}, {"caption_beams": 2}, {"caption_max_tokens": 9}, {"caption_prompt": "a photo"})
    assert len({opened(folder, **each).model_id for each in settings}) == len(settings)
    assert opened(folder, precision="fp32").model_id == opened(folder).model_id


# -- int8 ----------------------------------------------------------------------------------------------------------


@needs_int8
def test_int8_sees_what_fp32_sees(folder: Path) -> None:
    pictures = upload(PICTURES, "cpu")
    exact, fast = opened(folder).see(pictures), opened(folder, "int8").see(pictures)
    assert torch.nn.functional.cosine_similarity(exact.flatten(1), fast.flatten(1)).min() > 0.998


@needs_int8
def test_int8_is_taken_where_it_says_the_same(folder: Path) -> None:
    assert opened(folder, "auto").precision == "int8"


@needs_int8
def test_int8_is_not_taken_where_it_says_something_else(folder: Path, tmp_path: Path, caplog: Any) -> None:
    """One enormous value in every row, which the next layer hardly looks at, changes nothing but int8."""
    odd = shutil.copytree(folder, tmp_path / "odd")
    weights = load_file(odd / "model.safetensors")
    for name, weight in weights.items():
        if "vision_model" in name and "layer_norm" in name:
            weight[5] *= 3000
        elif "vision_model" in name and ("qkv.weight" in name or "fc1.weight" in name):
            weight[:, 5] /= 3000
    save_file(weights, odd / "model.safetensors", {"format": "pt"})
    captioner = opened(odd, "auto")
    assert captioner.precision == "fp32"
    assert "int8 says something else" in caplog.text
    assert captioner.caption(PICTURES[:8]) == opened(folder).caption(PICTURES[:8])
    assert opened(odd, "int8").precision == "int8"


@needs_int8
def test_int8_layers_are_off_by_a_hundredth_and_the_highest_scores_by_nothing() -> None:
    generator = torch.Generator().manual_seed(1)
    rows, weight, bias = (torch.randn(size, generator=generator) for size in ((20, 96), (500, 96), (500,)))
    rows[3] *= 100  # a row of its own scale
    rows[5] = 0
    exact = Plain(weight, bias)(rows)
    error = (Int8(weight, bias)(rows) - exact).norm(dim=1) / exact.norm(dim=1)
    assert error.max() < 0.02
    scores = Scores(weight, bias)(rows)
    torch.testing.assert_close(scores.max(1)[0], exact.max(1)[0])
    assert torch.equal(scores.argmax(1), exact.argmax(1))


# -- loops and long captions ---------------------------------------------------------------------------------------

RAY, BAN, MAN, WITH = 1, 2, 3, 4


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ([RAY, BAN, RAY, BAN, RAY, BAN], [RAY, BAN]),
        ([MAN, WITH, RAY, BAN, RAY, BAN, RAY, BAN, RAY, BAN, RAY], [MAN, WITH, RAY, BAN]),
        ([MAN, MAN, MAN, MAN], [MAN]),
        ([MAN, MAN], [MAN, MAN]),
        ([RAY, BAN, RAY, BAN], [RAY, BAN, RAY, BAN]),
        ([MAN, WITH, RAY, MAN, WITH, RAY, MAN], [MAN, WITH, RAY]),
        ([5, 6, 7, 8, 9, 10, 5, 6, 7, 8, 9, 10], [5, 6, 7, 8, 9, 10]),
        ([RAY, MAN, BAN, MAN, WITH, MAN], [RAY, MAN, BAN, MAN, WITH, MAN]),
        ([], []),
    ],
)
def test_what_is_said_again_and_again_is_kept_once(said: list[int], kept: list[int]) -> None:
    assert without_loop(said) == kept


@pytest.mark.parametrize("beams", [1, 3])
def test_no_caption_loops(folder: Path, beams: int) -> None:
    captioner = opened(folder, caption_beams=beams, caption_max_tokens=30)
    written = captioner.write(upload(PICTURES, "cpu"))
    assert all(without_loop(tokens) == tokens for tokens in written)
    assert any(len(tokens) > 5 for tokens in written)


class ScriptedDecoder:
    """A decoder that says what it is told, and notes for how many pictures it was asked."""

    def __init__(self, captions: Sequence[Sequence[int]]) -> None:
        self.captions = captions
        self.asked: list[int] = []

    def begin(self, sight: torch.Tensor, beams: int, room: int) -> Any:
        self.open = list(range(len(sight)))

        def keep(places: torch.Tensor) -> None:
            self.open = [self.open[place] for place in places.tolist()]

        return SimpleNamespace(keep=keep)

    def step(self, tokens: torch.Tensor, state: Any) -> torch.Tensor:
        position = len(self.asked)
        self.asked.append(len(self.open))
        said = [[*self.captions[picture], *[END] * 99][position] for picture in self.open]
        return torch.nn.functional.one_hot(torch.tensor(said), END + 1).float()


def test_one_long_caption_does_not_hold_31_short_ones() -> None:
    long = list(range(30, 60))
    captions = [[7, 8]] * 20 + [long] + [[9]] * 11
    decoder = ScriptedDecoder(captions)
    assert greedy(decoder, torch.zeros(32, 1, 1), Words((0,), END, 40)) == captions
    assert decoder.asked == [32, 32, 21] + [1] * 28


# -- checkpoints that cannot be used -------------------------------------------------------------------------------


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def holding(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def edited(name: str, **values: Any) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return edit


def cut_short(folder: Path) -> None:
    os.truncate(folder / "model.safetensors", 100_000)


def of_another_size(folder: Path) -> None:
    path = folder / "processor_config.json"
    path.write_text(path.read_text().replace("48", "64"))


def lacking(*parts: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        save_file(
            {name: weight for name, weight in weights.items() if not any(part in name for part in parts)},
            folder / "model.safetensors",
        )

    return remove


def without_tokenizer(folder: Path) -> None:
    for name in ("vocab.txt", "tokenizer.json"):
        (folder / name).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (without("config.json"), "has no readable config.json"),
        (holding("config.json", b"{"), "has no readable config.json"),
        (holding("config.json", b"[]"), "has no readable config.json"),
        (without_tokenizer, "has no tokenizer (tokenizer.json or vocab.txt)"),
        (holding("tokenizer.json", b"{}"), "cannot be read"),
        (without("processor_config.json"), "has no picture settings"),
        (holding("processor_config.json", b"\xff"), "cannot be read"),
        (of_another_size, "pictures of 64×64 pixels"),
        (edited("config.json", model_type="blip-2"), "holds a model of another kind (blip-2)"),
        (edited("config.json", architectures=["BlipForQuestionAnswering"]), "another kind (BlipForQuestionAnswering)"),
        (holding("model.safetensors", b""), "is empty"),
        (holding("model.safetensors", b"no weights at all"), "is no safetensors file"),
        (cut_short, "ends too early"),
        (lacking("vision_model"), "lacks layers"),
        (lacking("crossattention"), "lacks layers"),
        (lacking("layer.1.crossattention.self.key.weight"), "do not fit together"),
    ],
)
def test_an_unusable_checkpoint_is_refused_in_one_line(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    spoilt = shutil.copytree(folder, tmp_path / "spoilt")
    spoil(spoilt)
    with pytest.raises(ConfigError) as caught:
        opened(spoilt)
    assert_helpful(caught.value, says)


def test_weights_that_carry_code_are_refused_and_the_code_does_not_run(folder: Path, tmp_path: Path) -> None:
    spoilt = shutil.copytree(folder, tmp_path / "spoilt")
    (spoilt / "model.safetensors").unlink()

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    torch.save({"weight": torch.zeros(1), "trap": Trap()}, spoilt / "pytorch_model.bin")
    with pytest.raises(ConfigError) as caught:
        opened(spoilt)
    assert_helpful(caught.value, "no weights that can be read safely")
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_that_is_not_there_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for name in (tmp_path / "nowhere", "Salesforce/blip-image-captioning-base"):
        with pytest.raises(WeightsMissing) as caught:
            opened(name)
        assert_helpful(caught.value, "is not on disk")


def test_a_caption_longer_than_the_model_can_write_is_refused(folder: Path, tmp_path: Path) -> None:
    small = write_tiny_blip(tmp_path / "small", positions=32)
    with pytest.raises(ConfigError, match=r"caption_max_tokens: 31 and the prompt .* set it to 28 or less"):
        opened(small, caption_max_tokens=31, caption_prompt="a photo of")


def assert_helpful(error: CuratedError, says: str) -> None:
    message = str(error)
    assert message.startswith("models.full.captioner: ")
    assert says in message
    assert "curated models pull" in message or "give a BLIP captioning model" in message
    assert "\n" not in message
    assert error.exit_code == 78
