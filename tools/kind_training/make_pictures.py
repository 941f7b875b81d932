"""Makes training pictures of the kinds that are hard to find freely: captioned memes, pages, posts, charts.

    python tools/kind_training/make_pictures.py PICTURES PAGES FONTS OUT

PICTURES: a folder of photographs and drawings to write on; PAGES: page images; FONTS: a folder of .ttf files.
The same folders give the same pictures: every one is drawn from its own seed.
"""

from __future__ import annotations

import argparse
import random
import textwrap
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

OPENINGS = (
    "when you", "me when", "my brain:", "nobody:", "me at 3am", "that feeling when", "mom:", "my dog when",
    "POV:", "how it feels when", "me pretending", "teachers be like", "my cat watching me", "that one friend",
    "day 1 of", "what if we", "me explaining", "the internet when", "my boss when", "i don't always",
)  # fmt: skip
ENDINGS = (
    "finally fix the bug", "forget your keys again", "hear the fridge open", "find money in an old coat",
    "have to get up in five minutes", "said just one more episode", "see the price of cheese",
    "there is cake in the kitchen", "the meeting could have been an email", "try to act normal",
    "it compiles on the first try", "the wifi is gone", "someone says good morning", "run out of coffee",
    "get a compliment", "read the terms of service", "remember something from 2009", "it is only tuesday",
    "step on a lego", "are home alone", "open the group chat", "look at my bank account", "meet a dog",
    "the teacher says find a partner", "the battery is at one percent", "wait for the weekend",
)  # fmt: skip
PEOPLE = ("Ann", "Sam Ortiz", "kai", "Lena B.", "Jo March", "mikel", "Ravi", "Old Tom", "nina_codes", "Mrs. Field")


class Workshop:
    """Materials and one source of chance for one picture."""

    def __init__(self, seed: int, pictures: list[Path], pages: list[Path], fonts: list[Path]) -> None:
        self.chance = random.Random(seed)
        self.noise = np.random.default_rng(seed)
        self.pictures, self.pages, self.fonts = pictures, pages, fonts

    def font(self, size: int, *, bold: bool = False, sans: bool = True) -> ImageFont.FreeTypeFont:
        fitting = [
            path
            for path in self.fonts
            if ("Bold" in path.name) == bold and "Italic" not in path.name and (not sans or "Serif" not in path.name)
        ]
        return ImageFont.truetype(str(self.chance.choice(fitting or self.fonts)), size)

    def picture(self, width: int, height: int) -> Image.Image:
        with Image.open(self.chance.choice(self.pictures)) as image:
            rgb = image.convert("RGB")
        scale = max(width / rgb.width, height / rgb.height)
        rgb = rgb.resize((max(width, round(rgb.width * scale)), max(height, round(rgb.height * scale))))
        left, top = self.chance.randint(0, rgb.width - width), self.chance.randint(0, rgb.height - height)
        return rgb.crop((left, top, left + width, top + height))

    def joke(self) -> str:
        words = f"{self.chance.choice(OPENINGS)} {self.chance.choice(ENDINGS)}"
        if self.chance.random() < 0.35:
            words += f" but {self.chance.choice(ENDINGS)}"
        return words if self.chance.random() < 0.5 else words[0].upper() + words[1:]


def wrapped(font: ImageFont.FreeTypeFont, text: str, width: int) -> str:
    return textwrap.fill(text, max(6, int(width / max(1.0, font.getlength("n") * 1.05))))


def outlined(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, font: ImageFont.FreeTypeFont, anchor: str
) -> None:
    draw.multiline_text(
        place,
        text,
        "white",
        font,
        anchor=anchor,
        align="center",
        stroke_width=max(1, font.size // 14),
        stroke_fill="black",
    )


def classic_meme(shop: Workshop) -> Image.Image:
    """Capitals with an outline at the top, at the bottom or both."""
    chance = shop.chance
    width, height = chance.randint(380, 900), chance.randint(330, 900)
    image = shop.picture(width, height)
    draw = ImageDraw.Draw(image)
    font = shop.font(width // chance.randint(9, 16), bold=True)
    if chance.random() < 0.85:
        outlined(draw, (width // 2, height // 40), wrapped(font, chance.choice(OPENINGS).upper(), width), font, "ma")
    outlined(
        draw, (width // 2, height - height // 40), wrapped(font, chance.choice(ENDINGS).upper(), width), font, "md"
    )
    return image


def captioned_meme(shop: Workshop) -> Image.Image:
    """Black words on a white band above the picture (or white on black)."""
    chance = shop.chance
    width = chance.randint(400, 1100)
    font = shop.font(width // chance.randint(14, 26), bold=chance.random() < 0.3, sans=chance.random() < 0.85)
    text = wrapped(font, shop.joke(), width - 30)
    if chance.random() < 0.3:
        text += "\n\n" + wrapped(font, f"{chance.choice(OPENINGS)} {chance.choice(ENDINGS)}", width - 30)
    margin = chance.choice((0, 0, 10, 24))
    dark = chance.random() < 0.15
    band = round(ImageDraw.Draw(Image.new("RGB", (1, 1))).multiline_textbbox((0, 0), text, font)[3]) + 30
    inner = shop.picture(width - 2 * margin, chance.randint(round(width * 0.45), round(width * 1.1)))
    image = Image.new("RGB", (width, band + inner.height + margin), "black" if dark else "white")
    image.paste(inner, (margin, band))
    ImageDraw.Draw(image).multiline_text((15, 12), text, "white" if dark else "black", font)
    return image


def panel_meme(shop: Workshop) -> Image.Image:
    """Two to four panels, words beside them or on them."""
    chance = shop.chance
    rows, side = chance.choice((2, 2, 3, 4)), chance.randint(200, 380)
    beside = chance.random() < 0.5
    columns = 2 if beside or chance.random() < 0.5 else 1
    image = Image.new("RGB", (columns * side, rows * side), "white")
    draw = ImageDraw.Draw(image)
    font = shop.font(side // chance.randint(8, 12), bold=chance.random() < 0.5)
    for row in range(rows):
        for column in range(columns):
            x, y = column * side, row * side
            words = wrapped(font, chance.choice(ENDINGS), side - 16)
            if beside and column == 1:
                draw.multiline_text((x + side // 2, y + side // 2), words, "black", font, anchor="mm", align="center")
                continue
            image.paste(shop.picture(side, side), (x, y))
            if not beside and chance.random() < 0.8:
                outlined(draw, (x + side // 2, y + side - 8), words, font, "md")
    return image


def labelled_meme(shop: Workshop) -> Image.Image:
    """A picture whose parts are named."""
    chance = shop.chance
    width, height = chance.randint(450, 1000), chance.randint(350, 800)
    image = shop.picture(width, height)
    draw = ImageDraw.Draw(image)
    font = shop.font(width // chance.randint(16, 26), bold=True)
    for _ in range(chance.randint(2, 3)):
        place = chance.randint(width // 5, width * 4 // 5), chance.randint(height // 8, height * 7 // 8)
        outlined(draw, place, wrapped(font, chance.choice(ENDINGS), width // 3), font, "mm")
    return image


def photographed_page(shop: Workshop) -> Image.Image:
    """A page lying on something, seen at an angle, in uneven light."""
    chance = shop.chance
    width, height = chance.choice(((900, 1200), (1200, 900), (1000, 1000), (720, 1280)))
    with Image.open(chance.choice(shop.pages)) as opened:
        page = np.asarray(opened.convert("RGB"))
    tall, wide = page.shape[:2]
    scale = min(width / wide, height / tall) * chance.uniform(0.65, 0.98)
    w, h = wide * scale, tall * scale
    x, y = (width - w) / 2, (height - h) / 2
    wobble = 0.07 * min(w, h)
    corners = np.float32([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
    corners += shop.noise.uniform(-wobble, wobble, (4, 2)).astype(np.float32)
    warp = cv2.getPerspectiveTransform(np.float32([[0, 0], [wide, 0], [wide, tall], [0, tall]]), corners)
    ground = np.asarray(shop.picture(width, height)) if chance.random() < 0.4 else np.full(
        (height, width, 3), shop.noise.integers(30, 200, 3), np.uint8
    ) + shop.noise.integers(0, 30, (height, width, 1), dtype=np.uint8)  # fmt: skip
    ground = cv2.GaussianBlur(ground, (0, 0), chance.uniform(2, 9))
    tint = page * np.float32([1, chance.uniform(0.92, 1), chance.uniform(0.78, 0.97)]) * chance.uniform(0.75, 0.97)
    mask = cv2.warpPerspective(np.ones((tall, wide), np.float32), warp, (width, height), flags=cv2.INTER_AREA)[
        ..., None
    ]
    laid = cv2.warpPerspective(tint, warp, (width, height), flags=cv2.INTER_AREA) * mask + ground * (1 - mask)
    ramp = (
        np.linspace(*shop.noise.uniform(0.65, 1.05, 2), width)[None, :, None]
        * np.linspace(*shop.noise.uniform(0.7, 1.05, 2), height)[:, None, None]
    )
    noisy = cv2.GaussianBlur(laid * ramp, (0, 0), chance.uniform(0.4, 1.1)) + shop.noise.normal(0, 3, laid.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def post(shop: Workshop) -> Image.Image:
    """A post in a social network: face, name, words, buttons."""
    chance = shop.chance
    width, dark = chance.randint(480, 1080), chance.random() < 0.5
    back, ink, faint = ((21, 32, 43), "white", (136, 153, 166)) if dark else ("white", (15, 20, 25), (100, 110, 120))
    size = width // chance.randint(17, 26)
    font, small = shop.font(size), shop.font(round(size * 0.7))
    text = wrapped(font, ". ".join(shop.joke() for _ in range(chance.randint(1, 3))), width - 40)
    lines = text.count("\n") + 1
    image = Image.new("RGB", (width, size * 4 + round(lines * size * 1.4) + size * 3), back)
    draw = ImageDraw.Draw(image)
    mask = Image.new("L", (size * 2, size * 2))
    ImageDraw.Draw(mask).ellipse((0, 0, size * 2 - 1, size * 2 - 1), fill=255)
    image.paste(shop.picture(size * 2, size * 2), (20, 16), mask)
    name = chance.choice(PEOPLE)
    draw.text((30 + size * 2, 14), name, ink, shop.font(size, bold=True))
    draw.text((30 + size * 2, 18 + size), "@" + name.lower().replace(" ", "_"), faint, small)
    draw.multiline_text((20, 30 + size * 2), text, ink, font, spacing=size // 3)
    foot = f"{chance.randint(1, 12)}:{chance.randint(10, 59)} · {chance.randint(1, 28)} May 20{chance.randint(16, 25)}"
    draw.text((20, image.height - size * 2), foot, faint, small)
    return image


def chat(shop: Workshop) -> Image.Image:
    """A conversation on a telephone."""
    chance = shop.chance
    width, height = chance.choice(((540, 1140), (720, 1520), (1080, 2220), (750, 1334)))
    dark = chance.random() < 0.5
    image = Image.new(
        "RGB", (width, height), (11, 20, 26) if dark else chance.choice(((236, 229, 221), (255, 255, 255)))
    )
    draw = ImageDraw.Draw(image)
    size = width // chance.randint(20, 27)
    font = shop.font(size)
    theirs = (32, 44, 51) if dark else (235, 235, 238)
    mine = chance.choice(((0, 92, 75), (10, 90, 220))) if dark else chance.choice(((220, 248, 198), (0, 122, 255)))
    draw.rectangle((0, 0, width, size * 4), fill=theirs)
    draw.text((size * 4, size * 2), chance.choice(PEOPLE), "white" if dark else "black", font)
    draw.text((size, size // 4), f"{chance.randint(1, 12)}:{chance.randint(10, 59)}", "grey", shop.font(size * 2 // 3))
    y = size * 5
    while y < height - size * 7:
        right = chance.random() < 0.5
        text = wrapped(font, chance.choice((shop.joke(), chance.choice(ENDINGS), "ok", "haha", "yes?")), width * 2 // 3)
        box = draw.multiline_textbbox((0, 0), text, font)
        wide, tall = box[2] + size, box[3] + size
        x = width - wide - size if right else size
        fill = mine if right else theirs
        draw.rounded_rectangle((x, y, x + wide, y + tall), size // 2, fill=fill)
        draw.multiline_text((x + size // 2, y + size // 3), text, "white" if sum(fill) < 380 else "black", font)
        y += round(tall) + size // 2
    draw.rounded_rectangle((size, height - size * 4, width - size, height - size * 2), size, outline="grey", width=2)
    return image


def chart(shop: Workshop) -> Image.Image:
    """A bar, line, pie or scatter chart."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    chance, noise = shop.chance, shop.noise
    with pyplot.style.context(
        chance.choice(("default", "ggplot", "bmh", "fivethirtyeight", "dark_background", "seaborn-v0_8"))
    ):
        figure, axes = pyplot.subplots(figsize=(chance.uniform(4, 9), chance.uniform(3, 6)), dpi=100)
        form, count = chance.choice(("bar", "line", "scatter", "pie", "hist", "barh")), chance.randint(3, 8)
        if form == "pie":
            axes.pie(noise.uniform(1, 9, count), labels=[f"part {n}" for n in range(count)], autopct="%d%%")
        elif form == "scatter":
            axes.scatter(*noise.normal(0, 1, (2, 120)), c=noise.uniform(0, 1, 120))
        elif form == "hist":
            axes.hist(noise.normal(0, 1, 500), bins=chance.randint(10, 40))
        elif form == "line":
            for n in range(chance.randint(1, 4)):
                axes.plot(noise.normal(0.1, 1, 60).cumsum(), label=f"series {n}")
            axes.legend()
        else:
            draw = axes.bar if form == "bar" else axes.barh
            draw([f"group {n}" for n in range(count)], noise.uniform(1, 9, count), color=None)
        if chance.random() < 0.7:
            axes.set_title(chance.choice(("Sales by quarter", "Throughput", "Results", "Temperature", "Accuracy")))
        figure.canvas.draw()
        image = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
        pyplot.close(figure)
    return image


RECIPES: tuple[tuple[str, str, Callable[[Workshop], Image.Image], int], ...] = (
    ("classic", "meme", classic_meme, 90),
    ("captioned", "meme", captioned_meme, 110),
    ("panels", "meme", panel_meme, 50),
    ("labelled", "meme", labelled_meme, 50),
    ("page", "document", photographed_page, 110),
    ("post", "screenshot", post, 40),
    ("chat", "screenshot", chat, 40),
    ("chart", "illustration", chart, 50),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("pictures", "pages", "fonts", "out"):
        parser.add_argument(name, type=Path)
    folders = parser.parse_args()
    pictures, pages, fonts = (
        sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
        for folder, suffixes in (
            (folders.pictures, {".jpg", ".jpeg", ".png"}),
            (folders.pages, {".jpg", ".jpeg", ".png"}),
            (folders.fonts, {".ttf"}),
        )
    )
    seed = 0
    for name, kind, recipe, count in RECIPES:
        for number in range(count):
            seed += 1
            shop = Workshop(seed, pictures, pages, fonts)
            image = recipe(shop)
            lossless = shop.chance.random() < (0.85 if kind in ("screenshot", "illustration") else 0.15)
            target = folders.out / kind / f"{name}-{number:03}{'.png' if lossless else '.jpg'}"
            target.parent.mkdir(parents=True, exist_ok=True)
            image.save(target, **({} if lossless else {"quality": shop.chance.randint(55, 92)}))


if __name__ == "__main__":
    main()
