"""Measures a CLAP encoder on labelled recordings: does it hear the family of what plays alone?"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from leitmotif.encoders.clap import ClapEncoder
from leitmotif.encoders.windows import track_windows
from leitmotif.media.audio import iter_audio
from leitmotif.taxonomy.labels import Taxonomy
from leitmotif.train_mini.clap_evaluate import FAMILY_NAMES, family_scores, mean_row, opposed_scores
from leitmotif.train_mini.ranking_metrics import area_under_roc

MAX_WINDOWS = 6

# Which family plays alone in a file of INDEX.csv, by a pattern over its path; files without one are left out.
FAMILIES: tuple[tuple[str, str], ...] = (
    ("*/bendir.wav", "percussion"),
    ("*/cello-double*.wav", "strings"),
    ("*/flute-A4.wav", "winds"),
    ("*/oboe-A4.wav", "winds"),
    ("*/organ-C3.wav", "keyboards"),
    ("MTG_*/piano.wav", "keyboards"),
    ("*/singing-female.wav", "voice"),
    ("*/soprano-E4.wav", "voice"),
    ("*/vibraphone-C6.wav", "percussion"),
    ("*/vignesh.wav", "voice"),
    ("*/violin-B3.wav", "strings"),
    ("*/femalevoice*.mp3", "voice"),
    ("*/gong_2.mp3", "percussion"),
    ("*/tabla_2.mp3", "percussion"),
    ("*/cut_bach.mp3", "keyboards"),
    ("*/castanets48_stereo.wav", "percussion"),
    ("*/guitar48_stereo.wav", "strings"),
    ("*/Hungarian_Dance*.ogg", "strings"),
    ("*/sorohanro*trumpet*.ogg", "winds"),
    ("*/bassguitar.mp3", "strings"),
    ("mdn_*/drums.mp3", "percussion"),
    ("*/leadguitar.mp3", "strings"),
    ("*/Cb-ord-A2*.wav", "strings"),
    ("*/Medley-solos-DB_*.wav", "winds"),
    ("seth814_*/0c67f402.wav", "percussion"),
    ("seth814_*/17f82c05.wav", "strings"),
    ("seth814_*/4fb480bf.wav", "strings"),
    ("seth814_*/6b27a847.wav", "winds"),
    ("seth814_*/740e5bb7.wav", "winds"),
    ("seth814_*/7eb9dac0.wav", "strings"),
    ("seth814_*/9adffd44.wav", "percussion"),
    ("seth814_*/c40632d7.wav", "winds"),
    ("seth814_*/d6854eb4.wav", "percussion"),
    ("seth814_*/dc5be9d7.wav", "strings"),
    ("*/ambi_choir.flac", "voice"),
    ("*/ambi_piano.flac", "keyboards"),
    ("*/guit_*.flac", "strings"),
    ("*/loop_amen.flac", "percussion"),
    ("*/loop_breakbeat.flac", "percussion"),
    ("*/loop_tabla.flac", "percussion"),
    ("*/perc_bell2.flac", "percussion"),
    ("*/vocadito_10.wav", "voice"),
    ("MTG_*/speech-male.wav", "voice"),
    ("*/clean_freesound_33711.wav", "voice"),
    ("google_visqol/CA01_01.wav", "voice"),
    ("*/198-209-0000.hq.ogg", "voice"),
    ("*/jfk.flac", "voice"),
    ("*/count.wav", "voice"),
)


@dataclass(frozen=True)
class Recordings:
    """Embedded recordings: the windows of each, and what is known of it."""

    files: tuple[str, ...]
    kinds: tuple[str, ...]  # "music", "speech" or "noise"
    windows: tuple[np.ndarray, ...]  # (windows, d) each

    def means(self) -> np.ndarray:
        """Return one unit row per recording, shape (recordings, d)."""
        return np.stack([mean_row(rows) for rows in self.windows])


def embed_recordings(encoder: ClapEncoder, folder: Path) -> Recordings:
    """Embed every music, speech and noise file that the index of a folder of recordings lists."""
    files, kinds, embedded = [], [], []
    with (folder / "INDEX.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] in ("music", "speech", "noise")]
    for row in rows:
        blocks = (b[0] for b in iter_audio(folder / row["file"], rate_hz=encoder.rate_hz, channels=1))
        windows = track_windows(blocks, encoder.rate_hz, encoder.window_s, MAX_WINDOWS)
        if windows:
            files.append(row["file"])
            kinds.append(row["kind"])
            embedded.append(encoder.embed_windows(windows))
    return Recordings(tuple(files), tuple(kinds), tuple(embedded))


def family_of(file: str) -> str | None:
    """Return the family that plays alone in a file of the index, or None."""
    return next((family for pattern, family in FAMILIES if fnmatch(file, pattern)), None)


def measure_families(
    encoder: ClapEncoder, clips: Recordings, taxonomy: Taxonomy, method: str, offsets: np.ndarray
) -> tuple[dict[str, float], list[tuple[str, str, str]]]:
    """Return the share of recordings whose family is named right, in all and by family, and every guess.

    Returns:
        The figures, and (file, true family, guessed family) for each recording.
    """
    rows = [i for i, file in enumerate(clips.files) if family_of(file)]
    scores = family_scores(encoder, clips.means()[rows], taxonomy, method) - offsets
    guesses = [
        (clips.files[row], str(family_of(clips.files[row])), FAMILY_NAMES[int(column)])
        for row, column in zip(rows, scores.argmax(axis=1), strict=True)
    ]
    figures: dict[str, float] = {"recordings": len(guesses)}
    figures["family top-1"] = _share(guesses)
    for family in FAMILY_NAMES:
        of_family = [guess for guess in guesses if guess[1] == family]
        figures[f"{family} right of {len(of_family)}"] = _share(of_family)
    return figures, guesses


def _share(guesses: Sequence[tuple[str, str, str]]) -> float:
    return float(np.mean([true == guessed for _, true, guessed in guesses])) if guesses else 0.0


# Recordings that carry a voice or surely carry none, for the voice score; music only.
VOICED = (
    "*/singing-female.wav", "*/soprano-E4.wav", "*/vignesh.wav", "*/femalevoice*.mp3",
    "*/vocals_accompaniment_10s.mp3", "*/resunet_vocals.mp3", "*/ambi_choir.flac", "*/vocadito_10.wav",
)  # fmt: skip
UNKNOWN_VOICE = (
    "*/steely48*",
    "SpecVQGAN",
    "v-iashin*",
    "*/classic_music.flac",
    "*/resunet_accompaniment.mp3",
)


def measure_voice(encoder: ClapEncoder, clips: Recordings, taxonomy: Taxonomy) -> dict[str, float]:
    """Return how well the voice score parts sung and instrumental recordings, and speech from both."""
    scores = np.array([opposed_scores(encoder, rows, taxonomy.voice).mean() for rows in clips.windows])
    known = [
        (score, any(fnmatch(file, p) for p in VOICED))
        for file, kind, score in zip(clips.files, clips.kinds, scores, strict=True)
        if kind == "music" and not any(fnmatch(file, p) for p in UNKNOWN_VOICE)
    ]
    truth = np.array([sung for _, sung in known], float)
    speech = scores[np.array([kind == "speech" for kind in clips.kinds])]
    return {
        "recordings": len(known),
        "voice AUC": area_under_roc(truth, np.array([score for score, _ in known])),
        "speech scored as voice": float(np.mean(speech > 0.5)),
    }
