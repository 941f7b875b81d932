"""A small real Unsorted folder: photographs that installed packages ship, and a few pictures drawn here."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from curated.models.installed import installed_file

# (package, file inside, the name it has in Unsorted)
_SHIPPED = (
    ("ultralytics", "assets/bus.jpg", "IMG_4312.jpg"),
    ("ultralytics", "assets/zidane.jpg", "DSC00017.JPG"),
    ("sklearn", "datasets/images/china.jpg", "phone backup/20190704_101530.jpg"),
    ("sklearn", "datasets/images/flower.jpg", "Dahlia in the botanical garden.jpg"),
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", "phone backup/PXL_20230512_184501123.jpg"),
    ("skimage", "data/astronaut.png", "image (3).png"),
    ("skimage", "data/chelsea.png", "IMG_20210808_120000.png"),
    ("skimage", "data/coffee.png", "DSC_0042.png"),
    ("skimage", "data/rocket.jpg", "P1010023.jpg"),
    ("skimage", "data/page.png", "scan0007.png"),
    ("skimage", "data/logo.png", "download (1).png"),
)
_MESSAGE = (
    "Hi! Shall we meet at the lake on Sunday?", "Yes, gladly. I bring the boat.", "Then I bring the cake.",
    "Which one?", "Apple, with cream.", "See you at ten at the jetty!",
)  # fmt: skip
_RECEIPT = (
    ("Sourdough bread", "4.20"), ("Butter", "2.80"), ("Apples 1.5 kg", "3.90"), ("Mountain cheese", "7.45"),
    ("Coffee beans", "11.90"), ("Oat milk", "2.30"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """One file to be put into Unsorted: its name there, its bytes, and what it is for."""

    name: str
    data: bytes
    purpose: str


def samples() -> list[Sample]:
    """Every sample that can be made here; pictures of packages that are not installed are left out."""
    found = [
        Sample(name, path.read_bytes(), f"{package}/{inside}")
        for package, inside, name in _SHIPPED
        if (path := installed_file(package, inside)) is not None
    ]
    by_name = {sample.name: sample.data for sample in found}
    found += [
        Sample("Screenshot_20240817-101502.png", _png(_chat()), "made: a screenshot with text"),
        Sample("IMG_20240302_181500.jpg", _jpeg(_photographed(_receipt()), 80), "made: a receipt, as a phone sees it"),
        Sample("notes.txt", b"Not a picture: curated leaves it where it is.\n", "made: not a picture"),
    ]
    if cat := by_name.get("IMG_20210808_120000.png"):
        found.append(Sample("image0.jpg", _jpeg(_meme(Image.open(io.BytesIO(cat))), 85), "made: a meme"))
    if bus := by_name.get("IMG_4312.jpg"):
        found.append(Sample("phone backup/IMG_4312.jpg", bus, "an exact duplicate"))
        found.append(Sample("phone backup/IMG-20240101-WA0003.jpg", _smaller(bus), "a near duplicate, sent by phone"))
        found.append(Sample("IMG_9999.jpg", bus[: len(bus) // 3], "a broken file"))
    return found


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = installed_file("matplotlib", f"mpl-data/fonts/ttf/{name}")
    return ImageFont.truetype(str(path), size) if path else ImageFont.load_default(size)


def _chat() -> Image.Image:
    image = Image.new("RGB", (1080, 1920), (236, 229, 221))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1080, 220), (7, 94, 84))
    draw.text((60, 20), "10:15", "white", _font(40))
    draw.text((160, 110), "Sunday at the lake", "white", _font(56, bold=True))
    y = 280
    for index, text in enumerate(_MESSAGE):
        width = round(draw.textlength(text, _font(42))) + 60
        left = 40 if index % 2 == 0 else 1040 - width
        draw.rounded_rectangle((left, y, left + width, y + 110), 28, "white" if index % 2 == 0 else (220, 248, 198))
        draw.text((left + 30, y + 28), text, "black", _font(42))
        y += 150
    draw.rounded_rectangle((40, 1790, 1040, 1890), 50, "white")
    draw.text((90, 1815), "Message", "grey", _font(42))
    return image


def _receipt() -> Image.Image:
    image = Image.new("RGB", (800, 1200), "white")
    draw = ImageDraw.Draw(image)
    draw.text((400, 90), "Corner Market", "black", _font(64, bold=True), anchor="mm")
    draw.text((400, 160), "12 Mill Lane", "black", _font(34), anchor="mm")
    draw.text((400, 230), "RECEIPT", "black", _font(40), anchor="mm")
    y = 320
    for item, price in _RECEIPT:
        draw.text((80, y), item, "black", _font(36))
        draw.text((720, y), price, "black", _font(36), anchor="ra")
        y += 64
    draw.line((80, y + 10, 720, y + 10), "black", 3)
    draw.text((80, y + 40), "Total", "black", _font(44, bold=True))
    draw.text((720, y + 40), f"{sum(float(price) for _, price in _RECEIPT):.2f}", "black", _font(44), anchor="ra")
    draw.text((400, y + 180), "Thank you for your visit", "black", _font(32), anchor="mm")
    return image


def _photographed(page: Image.Image) -> Image.Image:
    """A page lying on a table, a little askew, in uneven light."""
    table = Image.effect_noise((1200, 1600), 40).convert("RGB")
    table = Image.blend(table, Image.new("RGB", table.size, (92, 70, 52)), 0.8)
    paper = Image.blend(page, Image.new("RGB", page.size, (236, 230, 214)), 0.25)
    mask = Image.new("L", page.size, 255).rotate(3, expand=True)
    table.paste(paper.rotate(3, Image.Resampling.BICUBIC, expand=True), (180, 160), mask)
    light = Image.linear_gradient("L").resize(table.size).point(lambda value: 175 + value * 80 // 255)
    lit = ImageChops.multiply(table, Image.merge("RGB", (light, light, light)))
    return lit.filter(ImageFilter.GaussianBlur(0.8))


def _meme(picture: Image.Image) -> Image.Image:
    image = picture.convert("RGB").resize((900, 600))
    draw = ImageDraw.Draw(image)
    for y, text, anchor in ((20, "WHEN YOU HEAR", "ma"), (580, "THE FRIDGE OPEN", "md")):
        draw.text((450, y), text, "white", _font(80, bold=True), anchor, stroke_width=6, stroke_fill="black")
    return image


def _smaller(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return _jpeg(image.convert("RGB").resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS), 60)


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _jpeg(image: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
