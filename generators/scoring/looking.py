"""What music a film or picture asks for, by what is seen: mood by its pictures, pace by motion and cuts."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from leitmotif.filters.motion import measure_motion
from leitmotif.generators.arranger.attributes import Attributes
from leitmotif.media import probe
from leitmotif.media.errors import MediaError
from leitmotif.media.key_frames import key_frames
from leitmotif.media.picture import load_picture
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.storage.errors import UserError
from leitmotif.tagging.clap import label_embeddings
from leitmotif.taxonomy.labels import Label, load
from leitmotif.weights.adapters import make_adapter

MODEL = "clip-mini"  # which ships, and learned moods of pictures: data_cards/clip-mini.md
_FRAMES, _SHORT_SIDE = 8, 224
_LOOKED_S = 60.0  # of a longer film its middle: motion needs every frame
_LIMIT_S = 60.0  # that one step may take, beside the length of what is decoded
_PROMPTS = ("a {label} scene",)
# How far the nearest moods outweigh the others; clip-mini's cosines of fitting moods are 0.3 to 0.5.
_SHARPNESS = 20.0
# Mean change of luma from frame to frame, as a share of full scale: films are at 0.010 in the middle, still
# scenery is at 0.002, a street with passing cyclists at 0.03. Cuts a minute: feature films have about 8.
_USUAL_MOTION, _MOTION_SLOPE = 0.010, 0.55
_USUAL_CUTS, _CUTS_SLOPE = 8.0, 0.4
_REACH = 0.8  # of what one of them says of arousal, at most
_SHARES = {"pictures": 0.5, "motion": 0.35, "cuts": 0.15}
_SLOW, _FAST = -0.25, 0.3  # arousal


@dataclass(frozen=True)
class Seen:
    """What was seen.

    Attributes:
        seconds: Length of a film; None of a picture.
        has_sound: Whether a film has sound.
        moods: The nearest labels of moods, the nearest first.
        valence: Unpleasant to pleasant, -1 to 1.
        arousal: Still to excited, -1 to 1; of a film by motion and cuts, too.
        motion: Mean change of the picture from frame to frame; None of a picture.
        cuts_per_minute: None of a picture.
        model: What looked at the pictures.
    """

    seconds: float | None
    has_sound: bool
    moods: tuple[str, ...]
    valence: float
    arousal: float
    motion: float | None
    cuts_per_minute: float | None
    model: str

    @property
    def attributes(self) -> Attributes:
        """What music fits; of a picture nothing is said of the pace."""
        pace = "slow" if self.arousal < _SLOW else "fast" if self.arousal > _FAST else "medium"
        return Attributes(
            valence=self.valence, arousal=self.arousal, tempo=None if self.motion is None else pace
        )

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


def film_facts(path: Path, worker: SandboxedWorker) -> probe.Probe:
    """Return what a film says of itself.

    Raises:
        UserError: It cannot be read, or has no moving picture.
    """
    facts: probe.Probe = _run(path, worker, probe.probe, path, limit_s=_LIMIT_S)
    if not facts.has_video:
        raise UserError(f"{str(path)!r} has no moving picture; give a film, a picture, or words")
    return facts


def look_at_film(path: Path, worker: SandboxedWorker) -> Seen:
    """Return what is seen in a film.

    Raises:
        UserError: It cannot be read, or has no moving picture.
    """
    with ThreadPoolExecutor(1) as beside:
        eye = beside.submit(Eye)  # which takes as long to load as a short film to decode
        facts = film_facts(path, worker)
        looked_s = min(facts.duration_s, _LOOKED_S)
        start_s = (facts.duration_s - looked_s) / 2
        limit_s = _LIMIT_S + facts.duration_s
        pictures = _run(
            path, worker, key_frames, path, count=_FRAMES, short_side=_SHORT_SIDE, limit_s=limit_s
        )
        limit_s = _LIMIT_S + 4.0 * looked_s
        motion = _run(
            path, worker, measure_motion, path, start_s=start_s, duration_s=looked_s, limit_s=limit_s
        )
        near = eye.result().moods_of(pictures)
    cuts = motion.cuts_per_minute or 0.0
    said = {
        "pictures": near.arousal,
        "motion": _MOTION_SLOPE * np.log2(max(motion.mean, 1e-5) / _USUAL_MOTION),
        "cuts": _CUTS_SLOPE * np.log2((cuts + 2) / _USUAL_CUTS),
    }
    arousal = sum(_SHARES[name] * float(np.clip(value, -_REACH, _REACH)) for name, value in said.items())
    return replace(
        near,
        seconds=round(facts.duration_s, 3),
        has_sound=facts.has_audio,
        arousal=round(arousal, 3),
        motion=round(motion.mean, 5),
        cuts_per_minute=round(cuts, 2),
    )


def look_at_picture(path: Path, worker: SandboxedWorker) -> Seen:
    """Return what is seen in a picture.

    Raises:
        UserError: It cannot be read.
    """
    return Eye().moods_of([_run(path, worker, load_picture, path, limit_s=_LIMIT_S)])


class Eye:
    """The model that looks at pictures; loading it is most of the time that a short film takes."""

    def __init__(self) -> None:
        from transformers.utils import logging

        logging.disable_progress_bar()
        self._moods = load().moods
        self._encoder: Any = make_adapter("vision", "clip", {"model": MODEL}).load()
        self._labels = label_embeddings(self._encoder, _Moods(self._moods), *_PROMPTS)  # (moods, dim)

    def moods_of(self, pictures: list[bytes]) -> Seen:
        """Return the moods nearest to pictures, and where all of them lie, weighted by how near they are.

        Args:
            pictures: Files of pictures.
        """
        from PIL import Image

        opened = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
        embedded = self._encoder.embed_pixels(self._encoder.prepare_images(opened))
        mean = np.asarray(embedded, np.float64).mean(axis=0)
        cosines = self._labels @ (mean / np.linalg.norm(mean))
        weights = np.exp(_SHARPNESS * (cosines - cosines.max()))
        points = np.array([(mood.valence, mood.arousal) for mood in self._moods], np.float64)
        valence, arousal = weights @ points / weights.sum()
        nearest = np.argsort(-cosines, kind="stable")[:3]
        return Seen(
            seconds=None,
            has_sound=False,
            moods=tuple(self._moods[number].id for number in nearest),
            valence=round(float(valence), 3),
            arousal=round(float(arousal), 3),
            motion=None,
            cuts_per_minute=None,
            model=f"{MODEL}@{self._encoder.revision_id}",
        )


@dataclass(frozen=True)
class _Moods:
    """The moods as a label set of their own."""

    labels: tuple[Label, ...]

    def all_tags(self) -> tuple[Label, ...]:
        """Return them."""
        return self.labels


def _run(path: Path, worker: SandboxedWorker, call: Callable[..., Any], *given: Any, **options: Any) -> Any:
    try:
        return worker.run(call, *given, **options)
    except MediaError as error:
        raise UserError(f"{str(path)!r}: {error}") from error
