"""Measure the rule against lyrics videos: `python -m bench.quality.lyrics [--media FOLDER] [--seed N]`.

Films with lyrics over moving pictures (karaoke, fades, words that fly, rotated, vertical and boxed lines, in
many scripts), and films that have text and are none (a title and a logo, some subtitles, a watermark, a time
code, shop signs that pass by, closing credits), over real footage (of FOLDER) and rendered scenes. Key frames
alone are rendered, coded as H.264 and measured. Told are precision and recall of the rule, what is mistaken,
the CPU seconds that a film takes, and which of the real videos of FOLDER the rule rejects.

Thresholds were chosen on films of seeds 0 to 11; even seeds have the footage `CHOSEN` of
`bench.quality.shots`, odd ones `KEPT_BACK`. Scripts whose fonts are missing (Debian: fonts-dejavu,
fonts-liberation, fonts-noto-core, fonts-noto-cjk) are passed over and named.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2
import numpy as np

from bench.quality.media_index import read_media_index
from bench.quality.overlays import LYRICS, OTHERS
from bench.quality.shots import footage_of
from bench.quality.typesetter import SCRIPTS, Typesetter, find_fonts
from leitmotif.demo.pictures.paint import Canvas, mood_colours
from leitmotif.demo.pictures.render import SCENES
from leitmotif.encoders.ppocr import PpocrDetector
from leitmotif.filters.lyrics import RULES, TextOnScreen, is_set, measure_text
from leitmotif.media.key_frames import timed_key_frames

FRAMES = 10
SIZES = ((480, 270), (640, 360), (360, 640), (640, 272), (480, 360))


@dataclass(frozen=True)
class Film:
    """What is to be measured.

    Attributes:
        name: What it is, and of which script or ground.
        lyrics: Whether it is a lyrics video.
        frames: The key frames, uint8 RGB (height, width, 3).
    """

    name: str
    lyrics: bool
    frames: list[np.ndarray]


def ground_of(
    rng: np.random.Generator, size: tuple[int, int], footage: Sequence[Path]
) -> tuple[str, Callable[[float], np.ndarray]]:
    """Return the name of a moving ground, and its frame at a share of the film: real footage, or a scene."""
    if footage and rng.random() < 0.6:
        path = footage[int(rng.integers(len(footage)))]
        pictures = decoded(timed_key_frames(path, count=2 * FRAMES))
        fitted = [_filled(picture[..., ::-1], size) for picture in pictures]
        return path.stem, lambda share: fitted[min(int(share * len(fitted)), len(fitted) - 1)]
    kind = str(rng.choice(list(SCENES)))
    mood = rng.uniform(-1, 1, 2)
    canvas = Canvas(
        *size, float(mood[0]), float(mood[1]), 110.0, mood_colours(float(mood[0]), float(mood[1]), rng)
    )
    shots = [SCENES[kind](canvas, np.random.default_rng(rng.integers(1 << 30))) for _ in range(3)]
    return kind, lambda share: shots[int(share * 7) % 3](share * 40)


def _filled(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    near = max(size[0] / picture.shape[1], size[1] / picture.shape[0])
    large = cv2.resize(np.ascontiguousarray(picture), None, fx=near, fy=near, interpolation=cv2.INTER_LINEAR)
    top, left = (large.shape[0] - size[1]) // 2, (large.shape[1] - size[0]) // 2
    return np.ascontiguousarray(large[top : top + size[1], left : left + size[0]])


def make_films(seed: int, each: int, fonts: Mapping[str, Path], footage: Sequence[Path]) -> Iterator[Film]:
    """Yield films: so many of every way of lyrics and every trap, over the scripts in turn."""
    there = [script for script, (names, _) in SCRIPTS.items() if any(name in fonts for name in names)]
    for number, make in enumerate((*LYRICS, *OTHERS) * each):
        rng = np.random.default_rng([seed, number])
        script = "Latin" if rng.random() < 0.4 else there[int(rng.integers(len(there)))]
        size = SIZES[int(rng.integers(len(SIZES)))]
        length_s = float(rng.choice([16, 30, 60, 200]))
        setter = Typesetter(script, fonts, rng, size, length_s)
        name, ground = ground_of(rng, size, footage)
        overlay = make(setter)
        times_s = [length_s * (index + 0.25) / FRAMES for index in range(FRAMES)]
        frames = [overlay(ground(time_s / length_s).copy(), time_s) for time_s in times_s]
        yield Film(f"{make.__name__}, {script}, over {name}", make in LYRICS, frames)


def key_frames_of(film: Film, path: Path) -> list[np.ndarray]:
    """Return the key frames as the product has them: of an H.264 film, as JPEG; uint8 BGR."""
    with av.open(str(path), "w") as out:
        options = {"crf": "27", "preset": "veryfast", "threads": "1"}
        stream = out.add_stream("libx264", rate=1, options=options)
        stream.height, stream.width = film.frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in film.frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))
    return decoded(timed_key_frames(path, count=FRAMES))


def decoded(frames: Sequence[tuple[float, bytes]]) -> list[np.ndarray]:
    """Return key frames as pictures, uint8 BGR."""
    return [np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)) for _, jpeg in frames]


def is_lyrics(found: TextOnScreen) -> bool:
    """Return what the rule says."""
    text = is_set(found.text_share, found.text_off_middle, found.text_at_one_place)
    return bool(text and found.new_text_share > RULES[0].threshold)


def judge_real(media: Path) -> dict[str, Any]:
    """Return which real videos the rule rejects."""
    detector = PpocrDetector().load()
    names = [row["file"] for row in read_media_index(media) if row["kind"] == "video"]
    found = {name: measure_text(decoded(timed_key_frames(media / name)), detector) for name in names}
    return {"videos": len(names), "rejected": [name for name, text in found.items() if is_lyrics(text)]}


def measure(seed: int, each: int, footage: Sequence[Path], scratch: Path) -> dict[str, Any]:
    """Render films and have the rule judge them."""
    fonts = find_fonts()
    missing = [script for script, (names, _) in SCRIPTS.items() if not any(name in fonts for name in names)]
    detector = PpocrDetector().load()
    counts, wrong, seconds = Counter[tuple[bool, bool]](), [], []
    for film in make_films(seed, each, fonts, footage):
        pictures = key_frames_of(film, scratch / "film.mp4")
        start = time.process_time()
        found = measure_text(pictures, detector)
        seconds.append(time.process_time() - start)
        said = is_lyrics(found)
        counts[film.lyrics, said] += 1
        if film.lyrics != said:
            wrong.append(f"{film.name}: {found}")
    right, missed, false = counts[True, True], counts[True, False], counts[False, True]
    return {
        "films": counts.total(),
        "scripts without fonts": missing,
        "precision": round(right / max(right + false, 1), 4),
        "recall": round(right / max(right + missed, 1), 4),
        "wrong": wrong,
        "CPU seconds a film": round(float(np.mean(seconds)), 3),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=6, metavar="N", help="films of each way and each trap")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="draws the films")
    parser.add_argument(
        "--media", type=Path, metavar="FOLDER", help="real media; rendered scenes alone without"
    )
    options = parser.parse_args()
    cv2.setNumThreads(1)
    footage = footage_of(options.media, options.seed)
    with TemporaryDirectory() as scratch:
        figures = measure(options.seed, options.each, footage, Path(scratch))
    if options.media:
        figures["real"] = judge_real(options.media)
    print(json.dumps(figures, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
