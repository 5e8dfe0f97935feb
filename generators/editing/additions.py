"""Adds what was not played to a recording: in its tempo and key, from a beat of it on, not too loud."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from leitmotif.generators.editing.edit import Edit
from leitmotif.generators.editing.levels import FADE_S, Placed
from leitmotif.generators.editing.recording import Recording
from leitmotif.generators.generator import Request
from leitmotif.generators.text_to_audio.text_to_audio import SHORTEST_S, TextToAudio
from leitmotif.separation.separator import resample
from leitmotif.storage.errors import UserError
from leitmotif.tagging.beats import find_beat
from leitmotif.tagging.key import estimate_key
from leitmotif.taxonomy.labels import UnknownLabelError, load

# At which the tempo is found, as in the stage `rhythm`; in so much of the recording around the section.
_HEARD_HZ, _HEARD_S = 22_050, 120.0
# Under what it joins: heard, and not in front of it.
LEVEL_DB = -6.0
# Where nothing sounds that it could be measured by, dB of full scale.
_ALONE_DB = -23.0
_QUIET_DB = -60.0
_TEMPI = (40.0, 220.0)

Open = Callable[[str], TextToAudio]
"""Opens a text-to-audio backend by its name."""


@dataclass(frozen=True)
class Heard:
    """What is known of the music around a section.

    Attributes:
        tempo_bpm: Its tempo; None without a beat.
        metre: "3/4" or another; None where it is not sure.
        key: Such as "D minor"; None where there is none.
        onset_s: The downbeat, or else the beat, from which on something is added; None without a beat.
    """

    tempo_bpm: float | None
    metre: str | None
    key: str | None
    onset_s: float | None


@dataclass(frozen=True)
class Added:
    """What was added, for the record.

    Attributes:
        backend: What made it.
        prompt: What it was asked for.
        seed: Its seed.
        start_s: Where it begins.
        seconds: How long it is.
        gain_db: What its level was changed by.
        heard: What it goes by.
    """

    backend: str
    prompt: str
    seed: int
    start_s: float
    seconds: float
    gain_db: float
    heard: Heard

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


def listen(recording: Recording, placed: Placed) -> Heard:
    """Return tempo, metre, key and first downbeat of the music around a section."""
    rate_hz = recording.rate_hz
    middle, half = (placed.start + placed.end) // 2, round(_HEARD_S / 2 * rate_hz)
    first, last = max(0, middle - half), min(recording.samples.shape[1], middle + half)
    first = min(first, placed.start) if placed.start >= middle - half else first
    mono = np.asarray(recording.samples[:, first:last]).mean(axis=0)
    track = resample(mono, rate_hz, _HEARD_HZ, round(len(mono) * _HEARD_HZ / rate_hz))
    beat = find_beat(track, _HEARD_HZ)
    key = estimate_key(track, _HEARD_HZ)
    times_s = beat.downbeats_s or beat.beats_s or ()
    begin_s, end_s = placed.start / rate_hz, placed.end / rate_hz
    later = [first / rate_hz + time_s for time_s in times_s]
    onset_s = next((time_s for time_s in later if begin_s - 0.02 <= time_s < end_s), None)
    return Heard(beat.tempo_bpm, beat.metre, key, None if onset_s is None else max(onset_s, begin_s))


def is_instrument(name: str) -> bool:
    """Tell whether something is an instrument of the label set; else it is a sound effect."""
    try:
        return load().find(name).kind == "instrument"
    except UnknownLabelError:
        return False


def added_name(edit: Edit) -> str:
    """Return what an edit adds: an instrument, or a sound effect."""
    return edit.by if edit.action == "replace" and edit.by else edit.target


def prompt_of(edit: Edit, heard: Heard) -> str:
    """Return the words that a backend is asked with."""
    name = added_name(edit)
    if not is_instrument(name):
        return edit.words or name
    words = (edit.words or name).removeprefix("a ").removeprefix("an ").removeprefix("the ")
    said = [f"solo {words}" if name in words else f"solo {name}, {words}"]
    if heard.tempo_bpm is not None:
        said.append(f"{_usable(heard.tempo_bpm):.2f} BPM")
    if heard.key is not None:
        said.append(f"in {heard.key}")
    if heard.metre == "3/4":
        said.append(heard.metre)
    return ", ".join(said)


def add_sound(
    recording: Recording,
    placed: Placed,
    heard: Heard,
    backend: TextToAudio,
    *,
    name: str,
    seed: int,
    level_db: float | None = None,
) -> Added:
    """Add to a recording, in its place, what an edit asks for.

    Args:
        recording: The recording.
        placed: An edit that adds, or replaces.
        heard: The music around it.
        backend: A loaded backend.
        name: What it is called.
        seed: Of what it makes.
        level_db: Level at which it is to be, dB of full scale; of None it is `LEVEL_DB` under the recording.

    Raises:
        UserError: The backend cannot make it.
    """
    rate_hz, edit = recording.rate_hz, placed.edit
    onset = placed.start
    if is_instrument(added_name(edit)) and heard.onset_s is not None:
        onset = round(heard.onset_s * rate_hz)
    seconds = (placed.end - onset) / rate_hz
    if seconds < max(SHORTEST_S, 2 * FADE_S):
        onset, seconds = placed.start, (placed.end - placed.start) / rate_hz
    prompt = prompt_of(edit, heard)
    (sound,) = backend.generate([Request(seconds, prompt, seed=seed)])
    samples = resample(np.asarray(sound.samples), sound.rate_hz, rate_hz, placed.end - onset)
    samples = _soft_ends(np.broadcast_to(samples, (2, samples.shape[1])).astype(np.float32), rate_hz)
    if (own_db := rms_db(samples)) is None:
        raise UserError(f"{name} made a silent sound of {prompt!r}; take another --seed")
    there = recording.samples[:, onset : placed.end]
    if level_db is None:
        around_db = rms_db(there)
        level_db = _ALONE_DB if around_db is None or around_db < _QUIET_DB else around_db + LEVEL_DB
    gain_db = level_db - own_db
    there += samples * np.float32(10 ** (gain_db / 20))
    return Added(name, prompt, seed, onset / rate_hz, seconds, round(gain_db, 3), heard)


def rms_db(samples: np.ndarray) -> float | None:
    """Return the level of a sound in dB of full scale; None of silence."""
    power = float(np.square(samples, dtype=np.float64).mean()) if samples.size else 0.0
    return 10 * float(np.log10(power)) if power > 0 else None


def _soft_ends(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    fade = min(round(FADE_S * rate_hz), samples.shape[1] // 2)
    rise = np.linspace(0.0, 1.0, fade + 2, dtype=np.float32)[1:-1]
    samples[:, :fade] *= rise
    samples[:, samples.shape[1] - fade :] *= rise[::-1]
    return samples


def _usable(tempo_bpm: float) -> float:
    while tempo_bpm < _TEMPI[0]:
        tempo_bpm *= 2
    while tempo_bpm > _TEMPI[1]:
        tempo_bpm /= 2
    return tempo_bpm
