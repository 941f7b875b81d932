"""Words that cameras, phones, programs and web sites put into names, and that say nothing of the picture."""

from __future__ import annotations

import re

# Latin words in lower case and without accents, as `human` compares them.
WORDS = frozenset(
    # cameras and phones
    """
    img imgp imag image images dsc dscn dscf dsci sdc cimg mg pict pic pics pxl mvi mvimg gopr gp gh gx dji yi hpim
    sam sany kif mov vid video wp win pro raw hdr pano panorama panoramic burst cover night portrait effects effect
    animation motion live mobile camera cam android ios iphone ipad samsung huawei xiaomi pixel nokia sony canon
    nikon timestamp epson hp skm doc ccd front rear selfie
    """.split()
    # photo, picture, screenshot, untitled, new, copy … in the languages of desktops and phones
    + """
    photo photos foto fotos fotografia fotografie fotka zdjecie kuva bilde billede afbeelding imagen imagem immagine
    imagenes picture pictures bild bilder grafik screenshot screenshots screencast screenrecording screen shot
    screengrab capture captures snapshot snap grab clipboard ekran ekranu resmi goruntusu bildschirmfoto
    bildschirmaufnahme captura capturas pantalla tela ecra ecran schermata schermafbeelding schermopname skarmavbild
    skarmbild skjermbilde skaermbillede zrzut snimek obrazovky kepernyofoto kuvakaappaus untitled unnamed unknown
    unbenannt naamloos ohne titel titre titulo titolo sans senza sin sem design utan namn new neu neues neuer
    nouveau nouvelle nuevo nueva novo nova nieuw nieuwe nowy nowe copy copie copia kopie kopia kopi duplicate
    duplikat edited edit bearbeitet modifie original result output export scan scanned scans scanner scannable
    scannen numerisation escaneo digitalizacao skannaus document documento dokument file files datei page seite
    slide folie diapositive diapositiva rectangle artboard frame layer ebene grid collage
    """.split()
    # what joins words and numbers in such names
    + """
    de at from vom von pm am um om kl les las los alle dia del the and und jan feb mar apr may jun jul aug sep sept
    oct nov dec january february march april june july august september october november december
    """.split()
    # programs, messengers, sites
    + """
    whatsapp wa signal telegram cloud size viber facebook fb received instagram insta snapchat imessage messenger
    wechat mmexport microsoft line album kakaotalk qq tumblr twitter reddit picker jpeg jpg png webp heic tiff gif
    bmp download downloads downloaded tmp temp test attachment default maxresdefault hqdefault sddefault mqdefault
    fullsizerender renderedimage rendered render thumbnail thumb resized large small medium full square vlcsnap mpv
    ksnip flameshot spectacle pasted inshot picsart polish lightroom snapseed retouch beauty faceapp photogrid
    comfyui chatgpt gemini generated midjourney camscanner adobe lens istockphoto istock shutterstock gettyimages
    adobestock depositphotos dreamstime pexels unsplash pixabay freepik pinterest com ssa lp
    """.split()
)

# Words of scripts that may stand without spaces between them.
OTHER_SCRIPTS = re.compile(
    "|".join(
        sorted(
            """
            屏幕截图 屏幕快照 螢幕截圖 螢幕快照 截屏 截图 截圖 微信图片 微信截图 图片 圖片 照片 相片 无标题 無標題
            未命名 新建 副本 下午 上午 扫描 スクリーンショット スクショ 画面キャプチャ 画像 写真 無題 名称未設定
            のコピー コピー 午前 午後 スキャン 스크린샷 화면 캡처 캡쳐 사진 이미지 제목 없음 오전 오후 복사본 снимок
            экрана скриншот изображение фото рисунок копия без имени названия от знімок екрана зображення екранна
            снимка στιγμιότυπο οθόνης εικόνα φωτογραφία צילום מסך תמונה לקטת لقطة شاشة صورة الشاشة स्क्रीनशॉट
            ภาพหน้าจอ
            """.split(),
            key=len,
            reverse=True,
        )
    ),
    re.IGNORECASE,
)

# A capture of the screen: the app's name, joined by "_", is the program's doing.
SCREENSHOT_OF_AN_APP = re.compile(
    r"^(?:screen[ _-]?shot|screenrecording|captura|capture)[ _-]*"
    r"(?:19|20)\d\d[-_.]?\d\d[-_.]?\d\d[-_ .]*[\d\-_.]*_[^_]+$",
    re.IGNORECASE,
)
# Stock sites name the photographer, not the picture.
STOCK_PHOTO = re.compile(r"^(?:pexels|pixabay|freepik)-.*\d{4,}$|-[\w-]{11}-unsplash$", re.IGNORECASE)
COPY_MARK = re.compile(
    r"(?:[ _-]*(?:\(\d+\)|\[\d+\]|copy|kopie|copie|copia|kopia|edited|bearbeitet|のコピー|副本)(?: ?\d+)?)+$",
    re.IGNORECASE,
)
COPY_OF = re.compile(r"^(?:copy of|kopie von|copie de|copia de|copia di|kopia) ", re.IGNORECASE)
