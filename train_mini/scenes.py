"""What clip-mini learns from: frames of rendered scenes with known mood, and sentences about them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from transformers import CLIPImageProcessorPil

from leitmotif.demo.pictures.render import KINDS, render_pictures
from leitmotif.music.moods import moods_near
from leitmotif.music.styles import STYLES
from leitmotif.storage.atomic import whole_file
from leitmotif.taxonomy.labels import Taxonomy

IMAGE_SIZE = 64
FRAMES_A_SCENE = 5
CHUNK = 20
SIZES = ((160, 90), (120, 90), (130, 90), (200, 84), (320, 180))

KIND_WORDS: dict[str, tuple[str, ...]] = {
    "landscape": ("a landscape", "hills and sky", "nature"),
    "city": ("a city", "buildings and streets", "a skyline"),
    "dancers": ("people dancing", "dancers", "a dance floor"),
    "particles": ("particles", "sparks and dots", "drifting lights"),
    "waves": ("waves", "the sea", "water"),
    "abstract": ("abstract shapes", "geometric shapes", "an abstract animation"),
    "performance": ("a band on a stage", "a concert", "musicians performing"),
    "static-cover": ("a cover picture", "album art", "a still cover"),
    "slideshow": ("a slideshow", "photographs", "a slide"),
    "slow-zoom": ("a photograph", "a slow zoom into a picture", "a still photograph"),
    "lyrics": ("lyrics", "lines of text", "a lyrics video"),
    "kinetic-text": ("big words", "moving text", "words on the screen"),
}
MOOD_TEMPLATES = (
    "{}", "{} music", "a {} scene", "a {} picture", "a {} video", "the mood is {}", "this picture feels {}",
    "a {} piece of music", "this music sounds {}", "a {} track",
)  # fmt: skip
KIND_TEMPLATES = ("{}", "a video of {}", "a picture of {}", "a scene with {}")


@dataclass(frozen=True)
class SceneTruth:
    """What is known about one frame."""

    seed: int
    kind: str
    valence: float
    arousal: float
    moods: tuple[str, ...]
    genres: tuple[str, ...]  # genres whose music lives in such a mood


def make_image_processor() -> CLIPImageProcessorPil:
    """Return the processor of clip-mini: the middle square, 64 x 64."""
    return CLIPImageProcessorPil(
        size={"shortest_edge": IMAGE_SIZE}, crop_size={"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    )


def draw_scene(seed: int) -> tuple[SceneTruth, tuple[int, int], float]:
    """Return the truth of a scene, its picture size and its tempo."""
    rng = np.random.default_rng([seed, 40])
    kind = str(rng.choice([k for k in KINDS if k in KIND_WORDS]))
    valence, arousal = (round(float(x), 3) for x in rng.uniform(-1, 1, 2))
    genres = tuple(
        name
        for name, style in STYLES.items()
        if style.valence[0] <= valence <= style.valence[1] and style.arousal[0] <= arousal <= style.arousal[1]
    )
    truth = SceneTruth(seed, kind, valence, arousal, tuple(moods_near(valence, arousal)), genres)
    return truth, SIZES[int(rng.integers(len(SIZES)))], float(rng.uniform(60, 170))


def _render_chunk(seeds: Sequence[int], path: Path) -> None:
    processor = make_image_processor()
    pixels, truths = [], []
    for seed in seeds:
        truth, size, tempo_bpm = draw_scene(seed)
        frames = render_pictures(
            truth.kind, seed, duration_s=2.0 * FRAMES_A_SCENE, fps=0.5, size=size, valence=truth.valence,
            arousal=truth.arousal, tempo_bpm=tempo_bpm,
        )  # fmt: skip
        for number, frame in enumerate(frames):
            if number == 0:
                continue  # a fade-in begins black
            image = processor(images=[Image.fromarray(frame)], return_tensors="np")["pixel_values"][0]
            pixels.append(image.astype(np.float16))
            truths.append(asdict(truth))
    with whole_file(path) as beside, beside.open("wb") as file:
        np.savez(file, pixels=np.stack(pixels), truths=np.array(json.dumps(truths)))


def render_scenes(
    first_seed: int, scenes: int, cache_dir: Path, *, workers: int = 2
) -> tuple[np.ndarray, list[SceneTruth]]:
    """Render frames in worker processes, cached by seed.

    Returns:
        Pixels as the processor gives them, shape (n, 3, 64, 64), float16, and the truth of each frame.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    starts = range(first_seed, first_seed + scenes, CHUNK)
    paths = [cache_dir / f"scenes-{start:07d}.npz" for start in starts]
    missing = [(range(s, s + CHUNK), p) for s, p in zip(starts, paths, strict=True) if not p.exists()]
    if missing:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for future in [pool.submit(_render_chunk, seeds, path) for seeds, path in missing]:
                future.result()
    pixels, truths = [], []
    for path in paths:
        with np.load(path) as file:
            pixels.append(file["pixels"])
            rows = json.loads(str(file["truths"]))
        truths += [_truth(row) for row in rows]
    return np.concatenate(pixels), truths


def _truth(row: dict[str, Any]) -> SceneTruth:
    known: dict[str, Any] = {name: tuple(x) if isinstance(x, list) else x for name, x in row.items()}
    return SceneTruth(**known)


def describe_scene(truth: SceneTruth, rng: np.random.Generator) -> tuple[str, list[str]]:
    """Return a sentence about a frame, and the mood, kind and genre that it claims."""
    words, said = [], []
    if rng.random() < 0.8:
        words.append(truth.moods[0])
        said.append(truth.moods[0])
    picture = "a scene"
    if rng.random() < 0.7:
        names = KIND_WORDS[truth.kind]
        picture = names[int(rng.integers(len(names)))]
        said.append(truth.kind)
    text = f"{' '.join(words)} video of {picture}".strip()
    if truth.genres and rng.random() < 0.4:
        genre = truth.genres[int(rng.integers(len(truth.genres)))]
        text += f", {genre} music"
        said.append(genre)
    return text, said


def mood_names(taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    """Return the words for each mood, its id first."""
    return {mood.id: (mood.id, *mood.synonyms) for mood in taxonomy.moods}


def scene_texts(taxonomy: Taxonomy) -> list[str]:
    """Return every text that can be drawn, for the tokenizer."""
    moods = [name for names in mood_names(taxonomy).values() for name in names]
    texts = [template.format(name) for name in moods for template in MOOD_TEMPLATES]
    texts += [t.format(word) for words in KIND_WORDS.values() for word in words for t in KIND_TEMPLATES]
    texts += [t.format(label=genre.id) for genre in taxonomy.genres for t in genre.templates] * 2
    return texts + [text for mood in taxonomy.moods for text in mood.prompts()]
