"""Captions as captioners write them, and what of them is worth a name."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curated.naming import caption_words

CAPTIONS = {
    "a photo of a cat on a mat": "cat on a mat",
    "a cat on a mat": "cat on a mat",
    "A photograph of the Eiffel Tower.": "Eiffel Tower",
    "a picture of a man and a woman on a boat": "man and a woman on a boat",
    "an image of a red car parked in front of a house": "red car parked in front of a house",
    "a black and white photo of a man in a hat": "man in a hat",
    "a black and white photograph of an old building": "old building",
    "a close up of a flower with a bee on it": "flower with a bee on it",
    "a close - up of a person holding a phone": "person holding a phone",
    "a close-up view of a computer screen": "computer screen",
    "a close up shot of a keyboard": "keyboard",
    "a view of the mountains from a window": "mountains from a window",
    "an aerial view of a city at night": "city at night",
    "a front view of a white car": "white car",
    "a screenshot of a computer screen": "computer screen",
    "a screenshot of the home page of a website": "home page of a website",
    "a screen shot of a phone with a message": "phone with a message",
    "a drawing of a horse": "horse",
    "a pencil drawing of a woman's face": "woman's face",
    "a painting of a woman with a pearl earring": "woman with a pearl earring",
    "an oil painting of ships at sea": "ships at sea",
    "an illustration of a man riding a bike": "man riding a bike",
    "a cartoon illustration of a dog": "dog",
    "a cartoon of a boy and his dog": "boy and his dog",
    "a 3d rendering of a robot": "robot",
    "a digital painting of a castle": "castle",
    "a vintage photo of a family on a beach": "family on a beach",
    "a blurry photo of a street": "street",
    "a stock photo of a woman drinking coffee": "woman drinking coffee",
    "a beautiful picture of a sunset over the ocean": "sunset over the ocean",
    "a photo showing a dog in the snow": "dog in the snow",
    "an image that shows a map of europe": "map of europe",
    "this is a picture of a bird": "bird",
    "this is an image of a train at a station": "train at a station",
    "there is a dog that is laying on the couch": "dog laying on the couch",
    "there are two cats that are sitting on a couch": "two cats sitting on a couch",
    "there is a man that is standing in the street": "man standing in the street",
    "there are many people walking down the street": "many people walking down the street",
    "there's a pizza on the table": "pizza on the table",
    "we can see a lake and mountains": "lake and mountains",
    "arafed dog laying on a couch with a blanket": "dog laying on a couch with a blanket",
    "arafed image of a woman in a red dress": "woman in a red dress",
    "araffe standing in the grass": "standing in the grass",
    "a man with arafed hair": "man with hair",
    "ray ban ray ban ray ban": "ray ban",
    "the word love love love love": "word love",
    "a man in a suit and a tie and a tie and a tie": "man in a suit and a tie",
    "a man with a beard and a beard and a beard": "man with a beard",
    "a sign that says stop stop stop": "sign that says stop",
    "a bowl of soup with a bowl of soup with a bowl of soup": "bowl of soup",
    "a building with a clock on it ' s side": "building with a clock on it's side",
    "a boy , a girl and a dog": "boy, a girl and a dog",
    "a dog [UNK] on the beach": "dog on the beach",
    "a plate of food with a": "plate of food",
    "a man standing next to": "man standing",
    "a tree and": "tree",
    "a red apple on a white background": "red apple",
    "a woman in the image": "woman",
    "a group of people standing around a table": "group of people standing around a table",
    "a couple of dogs playing in a field": "couple of dogs playing in a field",
    "a photo booth with people in it": "photo booth with people in it",
    "a picture frame on a wall": "picture frame on a wall",
    "a view from a plane window": "view from a plane window",
    "a scene from a movie": "scene from a movie",
    "a photographer taking pictures of a bride": "photographer taking pictures of a bride",
    "an artist painting on a canvas": "artist painting on a canvas",
    "a collage of photos of a baby": "collage of photos of a baby",
    "a picture of a picture of a picture of a picture of a picture of a cat": "cat",
    "photo 2019-07-21": "photo 2019-07-21",
    "two people with beagle": "two people with beagle",
    "person 2019-07-21": "person 2019-07-21",
    "ein Hund auf einer Wiese": "ein Hund auf einer Wiese",
    "一只猫": "一只猫",
    "a photo of": "",
    "an image": "",
    "a picture": "",
    "a white background": "",
    "text": "",
    "a": "",
    "...": "",
    "": "",
}
words = st.sampled_from(
    "a an the photo picture image of cat dog on mat and with that is are there this arafed view from in , . ' s ## "
    "[UNK] close up black white showing man standing background next to stop two it".split()
)


@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_caption_gives_this_name(caption: str) -> None:
    assert caption_words(caption) == CAPTIONS[caption]
    assert caption_words(caption.upper()) == CAPTIONS[caption].upper()


@given(st.one_of(st.text(max_size=80), st.lists(words, max_size=25).map(" ".join)))
@example("a a photo photo of of a cat")
@example("a photo of a photo of a photo of a photo of a photo of a photo of")
@example("the and the and the")
def test_doing_it_twice_changes_nothing_and_nothing_grows(caption: str) -> None:
    once = caption_words(caption)
    assert caption_words(once) == once
    assert len(once) <= len(caption)


@given(st.lists(st.sampled_from("cat dog man tree lake boat".split()), min_size=1, max_size=6), st.integers(2, 5))
def test_a_loop_is_said_once(said: list[str], times: int) -> None:
    assert len(caption_words(" ".join(said * times)).split()) <= len(said)


def test_no_caption_takes_long() -> None:
    import time

    started = time.monotonic()
    for piece in ("a ", "a photo of ", "and the ", "of a very old ", "x" * 9, "that is ", ". ", "man and "):
        caption_words(piece * 5000)
    assert time.monotonic() - started < 5
