"""Names that a device or a program gave, and names that a person gave."""

from __future__ import annotations

import unicodedata
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curated.naming import date_from_name, is_human_name

DEVICES = """
IMG_1234 | IMG_E1234 | IMG_1234_HDR | IMG_1234 copy | IMG_1234 (2) | IMG_1234 - Copy (2) | IMG_1234~2
IMG_1234-edited | IMG_1234-EFFECTS | IMG_1234-COLLAGE | IMG_1234-ANIMATION | IMG-20190721-WA0003
IMG_20190721_140359 | img20190721_14035900 | IMG_20190721_140359_BURST001_COVER | IMG_20190721_140359_HDR
MVIMG_20190721_140359 | PXL_20201231_235959123.PORTRAIT | PXL_20201231_235959123.NIGHT | PXL_20201231_235959123.MP
PANO_20190721_140359 | 20190721_140359 | 20190721_140359(0) | 2019-07-21 14.03.59 | 2019-07-21 | 00001
1563711234567 | DSC_0001 | DSC00001 | DSCN0001 | DSCF1234 | DSC_0001-edited | _DSC1234 | _MG_1234 | MVI_1234
CIMG1234 | PICT0001 | HPIM1234 | SAM_1234 | KIF_0001 | IMAG0001 | 100_1234 | P1010001 | P7210042 | imgp1234
Sany0001 | DJI_0001 | DJI_20230415120000_0001_D | GOPR0001 | GH010001 | GX010001 | G0010001 | YI_0001
WP_20130101_12_00_00_Pro | WIN_20190721_14_03_59_Pro | Photo on 7-21-19 at 2.03 PM #2 | Photo-1 | photo 3 | Foto 12
image | image0 | image001 | image_picker_2A4F66D1-6F2B-4B1A-9E2B-1D7C1A2B3C4D | images (3) | download | download (5)
unnamed | unnamed (2) | Untitled | Untitled-1 | Untitled design (3) | Unbenannt | Ohne Titel 2 | Sin título
Sans titre | Senza titolo | Sem título | Naamloos | 无标题 | 未命名 | 名称未設定 1 | 無題 | maxresdefault
hqdefault | FullSizeRender | RenderedImage | lp_image | received_1234567890123456 | FB_IMG_1563711234567
WhatsApp Image 2019-07-21 at 14.03.59 | WhatsApp Image 2019-07-21 at 14.03.59 (1) | signal-2019-07-21-140359
signal-2019-07-21-14-03-59-123 | Snapchat-123456789 | photo_2019-07-21_14-03-59 | photo_2019-07-21 14.03.59
telegram-cloud-photo-size-2-5312-y | viber_image_2019-07-21 | mmexport1563711234567 | wx_camera_1563711234567
微信图片_20190721140359 | QQ图片20190721140359 | QQ截图20190721140359 | KakaoTalk_20190721_140359123
KakaoTalk_Photo_2019-07-21-14-03-59 | LINE_ALBUM_20190721_1 | S__12345678 | JPEG_20190721_140359_123456789
tumblr_nq8ab1c2d3_1280 | 12345678_987654321012345_1234567890123456789_n | E7xK2v9XEAAq8sB | FTsBz1xWQAA6V2f
D_kXxUuWkAEtR7X | aB3xYz1 | o2b1tf3ow7q41 | k3j4h5g6f7 | 5f2c8a9e | 8b1a9953c4611296
d41d8cd98f00b204e9800998ecf8427e | da39a3ee5e6b4b0d3255bfef95601890afd80709 | 3f2504e0-4f89-41d3-9a0c-0305e82c3301
{3F2504E0-4F89-41D3-9A0C-0305E82C3301} | 3f2504e0-4f89-41d3-9a0c-0305e82c3301 (1) | photo-1501594907352-04cda38ebc29
pexels-photo-1234567 | pexels-andrea-piacquadio-3760067 | jane-doe-AbC1dEf2GhI-unsplash
istockphoto-1234567-612x612 | shutterstock_1234567 | GettyImages-123456789 | AdobeStock_123456789 | 1920x1080
612x612 | Screenshot (12) | Screenshot 2019-07-21 140359 | Screenshot from 2019-07-21 14-03-59
Screen Shot 2019-07-21 at 2.03.59 PM | Screenshot 2023-01-05 at 9.05.12\u202fAM | Screenshot_20190721-140359_Chrome
Screenshot_20190721-140359_Samsung Internet | Screenshot_2019-07-21-14-03-59-123_com.whatsapp
Screenshot_20190721_140359 | ksnip_20190721-140359 | Capture | Capture d’écran 2019-07-21 à 14.03.59
Bildschirmfoto 2019-07-21 um 14.03.59 | Bildschirmfoto vom 2019-07-21 14-03-59
Captura de pantalla 2019-07-21 a las 14.03.59 | Captura de Tela (4) | Schermata 2019-07-21 alle 14.03.59
Schermafbeelding 2019-07-21 om 14.03.59 | Skärmavbild 2019-07-21 kl. 14.03.59 | Skjermbilde 2019-07-21 kl. 14.03.59
Zrzut ekranu 2019-07-21 o 14.03.59 | Снимок экрана 2019-07-21 в 14.03.59 | Снимок экрана от 2019-07-21 14-03-59
Ekran Resmi 2019-07-21 14.03.59 | Ekran görüntüsü 2019-07-21 140359 | Képernyőfotó 2019-07-21 - 14.03.59
Snímek obrazovky 2019-07-21 v 14.03.59 | スクリーンショット 2019-07-21 14.03.59 | 截屏2019-07-21 下午2.03.59
屏幕截图 2019-07-21 140359 | 螢幕截圖 2019-07-21 | 스크린샷 2019-07-21 오후 2.03.59 | 화면 캡처 2019-07-21
لقطة شاشة 2019-07-21 | vlcsnap-2019-07-21-14h03m59s123 | mpv-shot0001 | Snapshot_3 | frame0001 | Clipboard01
clipboard-image-2 | Pasted image 20190721140359 | InShot_20190721_140359123 | PicsArt_07-21-02.03.59
Polish_20190721_140359123 | B612_20190721_140359_123 | retouch_2019072114035912 | Collage 2019-07-21 14_03_59
ComfyUI_00001_ | 00001-1234567890 | grid-0001 | ChatGPT Image Apr 3, 2025, 10_00_00 AM
Gemini_Generated_Image_x7k2q9x7k2q9x7k2 | Frame 1 | Slide1 | Folie1 | page-001 | scan0001 | Scan 2019-07-21
Scan_20190721 (2) | CamScanner 07-21-2019 14.03 | Adobe Scan 21 Jul 2019 | EPSON001 | Numérisation_20190721
SKM_C25819072114030 | IMG_1234 kopie | IMG_1234 Kopie 2 | Kopie von IMG_1234 | Copy of IMG_1234 | tmp1234 | temp
file (3) | output_3 | a | _ | ~ | 7 | (1) | Фото 12 | изображение 3 | 图片1 | 사진 1
"""
PEOPLE = """
cat | dog1 | Bob | meme | logo | map | funny | passport | sketch 3 | beach day 3 | Mona Lisa | birthday party
Cat on mat | Oma beim Backen | Omas 80. Geburtstag | paris-2019 | 2019-07-21 Hochzeit Anna | wedding_anna_peter_012
IMG_1234 grandma | IMG_20190721_140359 at the lake | invoice_2023_042 | CV John Smith | house plan v2
lake-tahoe-sunrise-4k | wallpaper | sunset_final_FINAL | UK trip | xmas 2012 | NYC skyline | PhD defence
iPhone wallpaper | iPhoneWallpaper | MyNewCar | screenshot of error dialog | Screenshot 2019-07-21 login broken
photo of my cat | my-new-car | receipt lidl | Rechnung Telekom März | IKEA shelf | QR code wifi | Weihnachtsschmuck
Rechtschreibung | strengths | rhythm | Schnappschuss | Łódź | Zürich See | Malmö | Århus | d'Artagnan | l'été à Nice
São Paulo | Žižkov | Győr | Çeşme | Crème brûlée | Hội An | Стамбул | отпуск 2019 | Мама и папа | Αθήνα | ירושלים
مكة | दिल्ली | 京都の桜 | 家族写真 | 東京タワー | 北京 | 가족 여행 | กรุงเทพ
Father-and-son-having-fun-at-the-breakfast-table | the_quick_brown_fox | kitchen before | kitchen after | garden (2)
DSC_0042 Anna | 20190721 Grillen | Anna & Tom | Hamlet | Die Verwandlung | Ticket Berlin Hamburg
covid19 vaccination | cat-1234567_1280 | DALL·E 2023-05-01 12.00.00 - a cat in space | Frame of the old window
portrait of Clara | Night on the Galactic Railroad | New York | mountain | Lightning | Strawberry | Eyjafjallajökull
Llanfair | Krakow 01
"""


def table(text: str) -> list[str]:
    return [name.strip() for line in text.strip().splitlines() for name in line.split(" | ")]


@pytest.mark.parametrize("name", table(DEVICES))
def test_a_device_or_a_program_gave_this_name(name: str) -> None:
    assert not is_human_name(name)


@pytest.mark.parametrize("name", table(PEOPLE))
def test_a_person_gave_this_name(name: str) -> None:
    assert is_human_name(name)
    assert is_human_name(unicodedata.normalize("NFD", name))
    assert is_human_name(f"{name} (1)")


def test_the_tables_are_large_enough_to_mean_something() -> None:
    assert len(set(table(DEVICES))) >= 150
    assert len(set(table(PEOPLE))) >= 80


@given(st.uuids(), st.sampled_from(["{}", "{} (1)", "IMG_{}", "image-{}"]))
def test_no_uuid_is_a_persons_name(value: object, form: str) -> None:
    assert not is_human_name(form.format(value))
    assert not is_human_name(form.format(str(value).upper()))


@given(st.binary(min_size=16, max_size=32))
def test_no_hash_is_a_persons_name(value: bytes) -> None:
    assert not is_human_name(value.hex())
    assert date_from_name(value.hex()) is None


@given(st.text(max_size=60))
def test_any_text_has_an_answer(text: str) -> None:
    assert is_human_name(text) in (True, False)
    date_from_name(text)


DATES = [
    ("IMG_20190721_140359", "2019-07-21 14:03:59"),
    ("PXL_20201231_235959123.PORTRAIT", "2020-12-31 23:59:59"),
    ("IMG-20190721-WA0003", "2019-07-21 00:00:00"),
    ("WhatsApp Image 2019-07-21 at 14.03.59 (1)", "2019-07-21 14:03:59"),
    ("WhatsApp Image 2019-07-21 at 2.03.59 PM", "2019-07-21 14:03:59"),
    ("Screen Shot 2019-07-21 at 9.05.12 AM", "2019-07-21 09:05:12"),
    ("Screenshot 2023-01-05 at 12.05.12\u202fAM", "2023-01-05 00:05:12"),
    ("Screenshot 2023-01-05 at 12.05.12\u202fPM", "2023-01-05 12:05:12"),
    ("Screenshot from 2019-07-21 14-03-59", "2019-07-21 14:03:59"),
    ("Screenshot_20190721-140359_Chrome", "2019-07-21 14:03:59"),
    ("Bildschirmfoto 2019-07-21 um 14.03.59", "2019-07-21 14:03:59"),
    ("Capture d’écran 2019-07-21 à 14.03.59", "2019-07-21 14:03:59"),
    ("Captura de pantalla 2019-07-21 a las 14.03.59", "2019-07-21 14:03:59"),
    ("Schermata 2019-07-21 alle 14.03.59", "2019-07-21 14:03:59"),
    ("Skärmavbild 2019-07-21 kl. 14.03.59", "2019-07-21 14:03:59"),
    ("Снимок экрана 2019-07-21 в 14.03.59", "2019-07-21 14:03:59"),
    ("スクリーンショット 2019-07-21 14.03.59", "2019-07-21 14:03:59"),
    ("微信图片_20190721140359", "2019-07-21 14:03:59"),
    ("KakaoTalk_20190721_140359123", "2019-07-21 14:03:59"),
    ("signal-2019-07-21-140359", "2019-07-21 14:03:59"),
    ("photo_2019-07-21_14-03-59", "2019-07-21 14:03:59"),
    ("vlcsnap-2019-07-21-14h03m59s123", "2019-07-21 14:03:59"),
    ("WP_20130101_12_00_00_Pro", "2013-01-01 12:00:00"),
    ("2019-07-21 Hochzeit Anna", "2019-07-21 00:00:00"),
    ("2019.07.21", "2019-07-21 00:00:00"),
    ("20190721", "2019-07-21 00:00:00"),
    ("19840612 scan", "1984-06-12 00:00:00"),
    ("Scan 2019-07-21T14:03", "2019-07-21 14:03:00"),
    ("IMG_1234", None),
    ("2019", None),
    ("2019-07", None),
    ("20190231_101010", None),
    ("20191345", None),
    ("201907211", None),
    ("120190721", None),
    ("1563711234567", None),
    ("2019072114035912345678", None),
    ("1920x1080", None),
    ("d20190721cd98f00b204e9800998ecf8", None),
    ("3f250419-2019-0721-9a0c-0305e82c3301", None),
    ("", None),
]


@pytest.mark.parametrize(("name", "moment"), DATES)
def test_a_date_is_read_from_a_name_only_where_one_stands(name: str, moment: str | None) -> None:
    found = date_from_name(name)
    assert (str(found) if found else None) == moment


@given(st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)))
def test_every_moment_that_a_phone_writes_is_read_back(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    for form in ("IMG_%Y%m%d_%H%M%S", "Screenshot %Y-%m-%d at %H.%M.%S", "%Y-%m-%d %H-%M-%S", "%Y%m%d%H%M%S"):
        assert date_from_name(moment.strftime(form)) == moment
