"""From scores of the next token to captions: the likeliest token each time, or beams as transformers weighs them.

Captions that are done leave the batch, so that a long one does not hold the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from curated.models.full.blip_text import TextDecoder, TextState

_NEVER = -1.0e9
# The longest run of tokens whose repetition is a loop, and how often one must stand: "bora bora" is a name.
_LONGEST_LOOP = 10
_SHORT = 2
_SHORT_TIMES = 3
_LONG_TIMES = 2
# Pictures leave the batch when so large a part of it is done: what stays is copied.
_DONE_PART = 0.25


@dataclass(frozen=True, slots=True)
class Words:
    """What a caption begins with, the token that ends one, and how many tokens may follow the beginning."""

    prompt: Sequence[int]
    end: int
    most: int


def write_captions(decoder: TextDecoder, sight: torch.Tensor, words: Words, beams: int) -> list[list[int]]:
    """The tokens that follow the prompt for each picture of `sight` (n, patches, width), without loops and end."""
    if beams > 1:
        return [without_loop(tokens) for tokens in search(decoder, sight, words, beams)]
    return greedy(decoder, sight, words)


def greedy(decoder: TextDecoder, sight: torch.Tensor, words: Words) -> list[list[int]]:
    """The likeliest token each time; a caption that begins to loop is done."""
    pictures = list(range(len(sight)))
    captions: list[list[int]] = [[] for _ in pictures]
    state = decoder.begin(sight, 1, len(words.prompt) + words.most)
    tokens = _prompts(words, len(pictures), sight.device)
    open_: set[int] = set(pictures)
    for _ in range(words.most):
        logits = decoder.step(tokens, state)
        tokens = logits.argmax(-1, keepdim=True)
        for picture, token in zip(pictures, tokens[:, 0].tolist(), strict=True):
            if picture in open_:
                if token == words.end:
                    open_.discard(picture)
                    continue
                captions[picture].append(token)
                if extra := loop(captions[picture]):
                    del captions[picture][-extra:]
                    open_.discard(picture)
        if not open_:
            break
        pictures, tokens = _leave(state, pictures, open_, tokens)
    return captions


def search(decoder: TextDecoder, sight: torch.Tensor, words: Words, beams: int) -> list[list[int]]:
    """The best of `beams` sentences, scored by the mean of their tokens' log probabilities, as transformers does."""
    pictures = list(range(len(sight)))
    found: list[list[int]] = [[] for _ in pictures]
    state = decoder.begin(sight, beams, len(words.prompt) + words.most)
    tokens = _prompts(words, len(pictures) * beams, sight.device)
    hunt = _Hunt(len(pictures), beams, words, sight.device)
    for length in range(1, words.most + 1):
        logits = decoder.step(tokens, state).float()
        parents = hunt.advance(torch.log_softmax(logits, -1), length)
        for place in hunt.over.nonzero()[:, 0].tolist():
            found[pictures[place]] = hunt.best(place)
        stay = (~hunt.over).nonzero()[:, 0]
        if not len(stay):
            break
        state.order(parents)
        if len(stay) < len(pictures):
            state.keep(stay)
            hunt.keep(stay)
            pictures = [pictures[place] for place in stay.tolist()]
        tokens = hunt.tokens()
    return found


class _Hunt:
    """Running and finished sentences of n pictures; tensors are (n, beams, …)."""

    def __init__(self, pictures: int, beams: int, words: Words, device: torch.device) -> None:
        self._words = words
        self._beams = beams
        shape = (pictures, beams)
        self._running = torch.full((*shape, words.most), words.end, device=device)
        self._running_scores = torch.zeros(shape, device=device)
        # All begin alike: only the first may go on, or all would say the same.
        self._running_scores[:, 1:] = _NEVER
        self._finished = self._running.clone()
        self._finished_scores = torch.full(shape, _NEVER, device=device)
        self._is_finished = torch.zeros(shape, dtype=torch.bool, device=device)
        self._length = 0
        self.over = torch.zeros(pictures, dtype=torch.bool, device=device)

    def advance(self, chances: torch.Tensor, length: int) -> torch.Tensor:
        """Take in log probabilities (n * beams, vocabulary) of token number `length`; the rows that go on."""
        pictures, vocabulary = len(self.over), chances.shape[-1]
        total = chances.view(pictures, self._beams, vocabulary) + self._running_scores[:, :, None]
        scores, places = torch.topk(total.flatten(1), 2 * self._beams)
        parents, tokens = places // vocabulary, places % vocabulary
        sentences = _rows(self._running, parents)
        sentences[:, :, length - 1] = tokens
        ends = (tokens == self._words.end) | (length == self._words.most)
        alive = scores + ends * _NEVER
        chosen = torch.topk(alive, self._beams)[1]
        self._running, self._running_scores = _rows(sentences, chosen), alive.gather(1, chosen)
        ends[:, self._beams :] = False
        self._merge(sentences, scores / length + ~ends * _NEVER, ends)
        self._length = length
        # No running sentence can still become better than the worst finished one.
        worst = torch.where(self._is_finished, self._finished_scores.min(1, keepdim=True)[0], _NEVER)
        hopeful = (self._running_scores[:, :1] / length > worst).any(1)
        self.over = ~hopeful if length < self._words.most else torch.ones_like(hopeful)
        first = torch.arange(pictures, device=places.device)[:, None] * self._beams
        return (parents.gather(1, chosen) + first).flatten()

    def _merge(self, sentences: torch.Tensor, scores: torch.Tensor, ends: torch.Tensor) -> None:
        all_scores = torch.cat((self._finished_scores, scores), 1)
        kept = torch.topk(all_scores, self._beams)[1]
        self._finished = _rows(torch.cat((self._finished, sentences), 1), kept)
        self._finished_scores = all_scores.gather(1, kept)
        self._is_finished = torch.cat((self._is_finished, ends), 1).gather(1, kept)

    def tokens(self) -> torch.Tensor:
        """The newest token of every running sentence, (n * beams, 1)."""
        return self._running[:, :, self._length - 1].reshape(-1, 1)

    def best(self, place: int) -> list[int]:
        """The best finished sentence of a picture, without its end."""
        tokens: list[int] = self._finished[place, 0].tolist()
        return tokens[: tokens.index(self._words.end)] if self._words.end in tokens else tokens

    def keep(self, places: torch.Tensor) -> None:
        """Forget all pictures but these."""
        for name in ("_running", "_running_scores", "_finished", "_finished_scores", "_is_finished", "over"):
            setattr(self, name, getattr(self, name).index_select(0, places))


def without_loop(tokens: Sequence[int]) -> list[int]:
    """The tokens up to where they begin to repeat themselves, said once."""
    kept: list[int] = []
    for token in tokens:
        kept.append(token)
        if extra := loop(kept):
            return kept[:-extra]
    return kept


def loop(tokens: Sequence[int]) -> int:
    """How many tokens at the end only repeat what stands before them; 0 where there is no loop."""
    for length in range(1, _LONGEST_LOOP + 1):
        times = _SHORT_TIMES if length <= _SHORT else _LONG_TIMES
        if times * length > len(tokens):
            continue
        tail = tokens[-length:]
        if all(tokens[len(tokens) - (n + 1) * length : len(tokens) - n * length] == tail for n in range(1, times)):
            return (times - 1) * length
    return 0


def _leave(
    state: TextState, pictures: list[int], open_: set[int], tokens: torch.Tensor
) -> tuple[list[int], torch.Tensor]:
    done = len(pictures) - len(open_)
    if done < max(1, _DONE_PART * len(pictures)):
        return pictures, tokens
    stay = torch.tensor([place for place, picture in enumerate(pictures) if picture in open_], device=tokens.device)
    state.keep(stay)
    return [picture for picture in pictures if picture in open_], tokens.index_select(0, stay)


def _prompts(words: Words, rows: int, device: torch.device) -> torch.Tensor:
    return torch.tensor(words.prompt, device=device).repeat(rows, 1)


def _rows(tensor: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    return torch.take_along_dim(tensor, chosen[:, :, None], 1)
