"""Sets lines of song in many scripts over pictures, with the fonts that this machine has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
# Of each script the fonts, any of which is taken, and lines; the words mean what lyrics mean.
SCRIPTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Latin": (
        (
            "DejaVuSans-Bold",
            "DejaVuSerif",
            "LiberationSans-Bold",
            "LiberationSerif-Italic",
            "Lato-Bold",
            "ComicNeue-Bold",
            "NotoSerif-Regular",
            "NotoSans-Bold",
            "Roboto-Bold",
            "Lobster",
        ),
        (
            "I never saw the morning",
            "dancing in the silver rain",
            "hold me till the lights go out",
            "oh oh oh",
            "and we run",
            "nobody knows my name tonight",
            "corazon de fuego, no te vayas",
            "sous le ciel de ma ville",
            "wenn der Regen faellt",
            "all the rivers that we crossed",
            "baby come home",
            "somewhere a radio is playing",
        ),
    ),
    "Cyrillic": (
        ("DejaVuSans", "NotoSans-Regular", "LiberationSans-Bold"),
        (
            "я помню чудное мгновенье",
            "а снег идёт",
            "только ты и я",
            "не уходи, побудь со мной",
            "город спит, и я не сплю",
        ),
    ),
    "Greek": (
        ("DejaVuSans", "NotoSans-Regular"),
        ("μια φορά κι έναν καιρό", "η θάλασσα με ξέρει", "μη μου μιλάς", "κάθε βράδυ περιμένω", "σ' αγαπώ"),
    ),
    "Arabic": (
        ("NotoNaskhArabic-Regular", "NotoSansArabic-Regular", "DejaVuSans"),
        ("يا ليل يا عين", "حبيبي تعال الى هنا", "القمر فوق البيت", "انت عمري", "نسيت اسمي"),
    ),
    "Hebrew": (
        ("NotoSansHebrew-Regular", "DejaVuSans"),
        ("לילה טוב אהובה שלי", "אני שר לך שיר", "הים הגדול קורא לי", "בוא הביתה", "עוד יום עבר"),
    ),
    "Georgian": (
        ("NotoSansGeorgian-Regular", "DejaVuSans"),
        ("მე შენ მიყვარხარ", "თოვლი მოდის ნელა", "ღამე არის გრძელი", "სადა ხარ ახლა", "მთვარე მღერის"),
    ),
    "Devanagari": (
        ("NotoSansDevanagari-Regular",),
        ("तुम मेरे साथ चलो", "रात अभी बाकी है", "दिल की आवाज़ सुनो", "चाँद आज अकेला", "आ जाओ ना"),
    ),
    "Thai": (
        ("NotoSansThai-Regular",),
        ("ฉันรักเธอเสมอ", "คืนนี้ดาวเต็มฟ้า", "อย่าจากฉันไป", "ฝนตกที่หน้าต่าง", "กลับมาเถอะนะ"),
    ),
    "Chinese": (
        ("NotoSansCJK-Bold", "NotoSansCJK-Regular", "NotoSerifCJK-Regular"),
        ("月亮代表我的心", "今夜的风吹过山岗", "我在等你回来", "星星不说话", "昨日重现在梦里"),
    ),
    "Japanese": (
        ("NotoSansCJK-Regular", "NotoSerifCJK-Regular"),
        ("夜空に星がひとつ", "さよならを言わないで", "君の声が聞こえる", "雨の中を歩く", "あの日のままで"),
    ),
    "Korean": (
        ("NotoSansCJK-Regular", "NotoSansCJK-Bold"),
        ("오늘 밤 너를 기다려", "하늘에 별이 많아", "다시 돌아와 줘", "비가 내리는 거리", "사랑해"),
    ),
}


def find_fonts() -> dict[str, Path]:
    """Return the font files of this machine by their names without suffix."""
    return {path.stem: path for folder in FOLDERS for path in sorted(folder.rglob("*.[to]t[fc]"))}


def set_text(
    text: str, font: Path, size_px: float, ink: Sequence[int], edge: Sequence[int] | None
) -> np.ndarray:
    """Return a line as a picture with opacity, uint8 RGBA (height, width, 4)."""
    face = ImageFont.truetype(str(font), max(round(size_px), 8))
    stroke = max(1, round(size_px / 14)) if edge is not None else 0
    left, top, right, bottom = ImageDraw.Draw(Image.new("RGBA", (1, 1))).textbbox(
        (0, 0), text, font=face, stroke_width=stroke
    )
    image = Image.new(
        "RGBA", (max(int(right - left), 1) + 4, max(int(bottom - top), 1) + 4), (*(edge or ink), 0)
    )
    ImageDraw.Draw(image).text(
        (2 - left, 2 - top),
        text,
        font=face,
        fill=tuple(ink),
        stroke_width=stroke,
        stroke_fill=tuple(edge or ink),
    )
    return np.asarray(image)


def lay(
    frame: np.ndarray,
    layer: np.ndarray,
    middle: Sequence[float],
    *,
    turn_deg: float = 0.0,
    scale: float = 1.0,
    opacity: float = 1.0,
) -> np.ndarray:
    """Return a frame with a layer over it, its middle there, in shares of the frame."""
    height, width = frame.shape[:2]
    rows, columns = layer.shape[:2]
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), turn_deg, scale)
    matrix[:, 2] += (middle[0] * width - columns / 2, middle[1] * height - rows / 2)
    warped = cv2.warpAffine(layer, matrix, (width, height), flags=cv2.INTER_AREA)
    alpha = warped[..., 3:].astype(np.float32) / 255 * opacity
    return (frame * (1 - alpha) + warped[..., :3] * alpha).astype(np.uint8)


class Typesetter:
    """Sets lines of one script for one film: its font, size, colours and place are drawn once."""

    def __init__(
        self,
        script: str,
        fonts: Mapping[str, Path],
        rng: np.random.Generator,
        size: tuple[int, int],
        length_s: float,
    ) -> None:
        names, lines = SCRIPTS[script]
        self.rng, self.size, self.length_s = rng, size, length_s
        self.font = fonts[str(rng.choice([name for name in names if name in fonts]))]
        self.lines = [str(line) for line in rng.permutation(lines)]
        self.size_px = float(rng.uniform(0.07, 0.12)) * min(size)
        light = rng.random() < 0.8
        self.ink = [int(v) for v in (rng.integers(215, 256, 3) if light else rng.integers(0, 60, 3))]
        self.edge = ([0, 0, 0] if light else [255, 255, 255]) if rng.random() < 0.85 else None
        self.fill = [int(v) for v in rng.permutation([255, int(rng.integers(60, 230)), 30])]
        self.middle = (0.5, float(rng.choice([0.5, 0.8, 0.88, 0.2])))
        self.each_s = float(rng.uniform(1.6, 4.5))
        # No line follows itself; songs are long, so that key frames do not meet the same one by its turn.
        steps = rng.integers(1, len(self.lines), 997)
        self.order = [int(place) for place in np.cumsum(steps) % len(self.lines)]
        self.words = [word for line in self.lines for word in line.split()]

    def set(self, text: str, *, size_px: float | None = None, ink: Sequence[int] | None = None) -> np.ndarray:
        """Return a line, made smaller where it would not fit."""
        size_px = size_px or self.size_px
        layer = set_text(text, self.font, size_px, ink or self.ink, self.edge)
        room = 0.94 * self.size[0]
        return (
            layer
            if layer.shape[1] <= room
            else set_text(text, self.font, size_px * room / layer.shape[1], ink or self.ink, self.edge)
        )

    def line(self, time_s: float) -> tuple[str, float]:
        """Return the line of a moment, and how far it is, 0..1."""
        number = time_s / self.each_s
        return self.lines[self.order[int(number) % len(self.order)]], number % 1
