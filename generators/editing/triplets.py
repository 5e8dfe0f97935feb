"""Makes (source, instruction, target) of clips; the stems are parts that play along, and voices."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import soundfile

from leitmotif.generators.arranger.arranger import Arranger
from leitmotif.generators.editing.additions import LEVEL_DB, Heard, prompt_of, rms_db
from leitmotif.generators.editing.edit import (
    ACCOMPANIMENT,
    EVERYTHING,
    LITTLE_DB,
    MUCH_DB,
    USUAL_DB,
    VOCALS,
    Action,
    Edit,
)
from leitmotif.generators.editing.grammar import NotFollowedError, read_instruction
from leitmotif.generators.editing.levels import Placed, envelope
from leitmotif.generators.editing.phrasing import phrase
from leitmotif.generators.editing.section import INTRO, OUTRO, SHARES, SPAN, Section
from leitmotif.generators.generator import Request
from leitmotif.music.sounds import INSTRUMENTS
from leitmotif.shards.columns import EDITED_SOUNDS

# Of what a row is read; `mix` where the dataset has it.
READS = (
    *("clip_id", "source_id", "source_url", "recording_id", "license", "title", "artist", "audio"),
    *("instruments", "tempo_bpm", "meter", "key", "beats_s", "downbeats_s", "removed_db"),
)
# AUDIT and InstructME train on sounds of about 10 s; a section of them is to be a few bars.
LONGEST_S, SHORTEST_S = 20.0, 6.0
_LEVELS_DB = (LITTLE_DB, USUAL_DB, MUCH_DB, 2.0, 4.0, 8.0, 12.0)
# A voice this far below the mix is none that anybody would ask about.
_REMOVED_DB = 0.5
_WHOLE_SHARE, _NAMED_SHARE = 0.35, 0.4


@dataclass(frozen=True)
class Window:
    """A part of a clip.

    Attributes:
        row: The clip's row.
        music: Its sound, float32 (2, n).
        voice: The voice that was taken out of it, float32 (2, n); None where none was, or it was not kept.
        start_s: Where it begins in the clip.
        rate_hz: Sampling rate.
    """

    row: Mapping[str, Any]
    music: np.ndarray
    voice: np.ndarray | None
    start_s: float
    rate_hz: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.music.shape[1] / self.rate_hz


def open_window(row: Mapping[str, Any]) -> Window | None:
    """Return the middle of a clip, `LONGEST_S` at most; None of what is too short.

    Args:
        row: With the columns of `READS`.
    """
    sound, rate_hz = soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="float32", always_2d=True)
    size = min(len(sound), round(LONGEST_S * rate_hz))
    if size < SHORTEST_S * rate_hz:
        return None
    start = (len(sound) - size) // 2
    music = sound.T[:, start : start + size]
    voice = None
    if row.get("mix") and (row["removed_db"] or 0.0) >= _REMOVED_DB:
        mix = soundfile.read(io.BytesIO(row["mix"]["bytes"]), dtype="float32", always_2d=True)[0]
        voice = mix.T[:, start : start + size] - music
    return Window(row, music, voice, start / rate_hz, rate_hz)


def make_triplets(window: Window, count: int, seed: int, arranger: Arranger) -> Iterator[dict[str, Any]]:
    """Yield rows of the columns `leitmotif.shards.columns.EDITS`.

    Each follows from seed, clip and its number alone.

    Args:
        window: A part of a clip.
        count: How many.
        seed: Source of every choice.
        arranger: Plays parts, loaded.
    """
    for number in range(count):
        rng = np.random.default_rng([seed, number, *window.row["clip_id"].encode()])
        edit = draw_edit(window, rng)
        source, target = _sounds(window, edit, rng, arranger)
        yield _row(window, number, edit, phrase(edit, rng), source, target)


def draw_edit(window: Window, rng: np.random.Generator) -> Edit:
    """Return an edit that can be made of a clip with what is known of it."""
    playing = {tag["tag"] for tag in window.row["instruments"] or ()}
    free = [label for label in INSTRUMENTS if label not in playing]
    label, other = (str(each) for each in rng.choice(free, 2, replace=False))
    parts: list[tuple[Action, str]] = [
        ("add", label), ("add", label), ("remove", label), ("remove", label), ("replace", label),
        ("louder", label), ("softer", label), ("louder", EVERYTHING), ("softer", EVERYTHING),
    ]  # fmt: skip
    if window.voice is not None:
        parts += [
            ("remove", VOCALS), ("remove", VOCALS), ("louder", VOCALS), ("softer", VOCALS),
            ("louder", ACCOMPANIMENT), ("softer", ACCOMPANIMENT),
        ]  # fmt: skip
    action, target = parts[int(rng.integers(len(parts)))]
    named = other if action == "replace" else target
    words = f"{'an' if named[0] in 'aeiou' else 'a'} {named}" if action in ("add", "replace") else ""
    return Edit(
        action=action,
        target=target,
        by=other if action == "replace" else None,
        words=words,
        section=_draw_section(window.seconds, rng),
        amount_db=float(rng.choice(_LEVELS_DB)) if action in ("louder", "softer") else None,
    )


def _draw_section(seconds: float, rng: np.random.Generator) -> Section:
    kind = rng.random()
    if kind < _WHOLE_SHARE:
        return Section()
    if kind < _WHOLE_SHARE + _NAMED_SHARE:
        return Section(name=str(rng.choice([*SHARES, INTRO, OUTRO])))
    length = round(float(rng.uniform(2.0, seconds / 2)), 1)
    at = rng.random()
    if at < 0.25:
        return Section(name=SPAN, start_s=-length)
    if at < 0.5:
        return Section(name=SPAN, end_s=length)
    start = round(float(rng.uniform(0.5, seconds - length)), 1)
    return Section(name=SPAN, start_s=start, end_s=round(start + length, 1))


def _sounds(
    window: Window, edit: Edit, rng: np.random.Generator, arranger: Arranger
) -> tuple[np.ndarray, np.ndarray]:
    """Return source and target, float32 (2, n), both within full scale."""
    stems = {ACCOMPANIMENT: window.music}
    if window.voice is not None:
        stems[VOCALS] = window.voice
    start_s, end_s = edit.section.bounds(window.seconds)
    samples, rate_hz = window.music.shape[1], window.rate_hz
    placed = Placed(edit, round(start_s * rate_hz), min(round(end_s * rate_hz), samples))
    if edit.target not in (*stems, EVERYTHING):
        stems[edit.target] = _part(window, edit, edit.target, rng, arranger)
    touched = tuple(stems) if edit.target == EVERYTHING else (edit.target,)
    rest = sum((stems[name] for name in stems if name not in touched), np.zeros_like(window.music))
    own = sum((stems[name] for name in touched), np.zeros_like(window.music))
    if edit.action == "add":  # what is heard in its section alone is what is left when it is taken out
        taken = replace(edit, action="remove", words="")
        inside = 1 - envelope(replace(placed, edit=taken), 0, samples, samples, rate_hz)
        source, target = rest, rest + own * inside
    else:
        gain = envelope(placed, 0, samples, samples, rate_hz)
        source, target = rest + own, rest + own * gain
        if edit.by is not None:
            target = target + _part(window, edit, edit.by, rng, arranger) * (1 - gain)
    scale = max(1.0, float(np.abs(source).max()), float(np.abs(target).max()))
    return (source / scale).astype(np.float32), (target / scale).astype(np.float32)


def _part(window: Window, edit: Edit, label: str, rng: np.random.Generator, arranger: Arranger) -> np.ndarray:
    """Return an instrument that plays along with a whole window, `LEVEL_DB` under it."""
    row, rate_hz = window.row, window.rate_hz
    times_s = [time_s - window.start_s for time_s in row["downbeats_s"] or row["beats_s"] or ()]
    onset_s = next((time_s for time_s in times_s if 0 <= time_s < window.seconds / 4), 0.0)
    heard = Heard(row["tempo_bpm"], row["meter"], row["key"], onset_s)
    asked = Edit(action="add", target=label, words=label)
    request = Request(window.seconds - onset_s, prompt_of(asked, heard), seed=int(rng.integers(1 << 31)))
    sound = arranger.arrange(request).render(rate_hz).samples
    level_db, own_db = rms_db(window.music), rms_db(sound)
    if level_db is None or own_db is None:
        level_db, own_db = -29.0, own_db or 0.0  # beside silence
    part = np.zeros_like(window.music)
    onset = round(onset_s * rate_hz)
    count = min(sound.shape[1], part.shape[1] - onset)
    part[:, onset : onset + count] = sound[:, :count] * np.float32(
        10 ** ((level_db + LEVEL_DB - own_db) / 20)
    )
    return part


def _row(
    window: Window, number: int, edit: Edit, instruction: str, source: np.ndarray, target: np.ndarray
) -> dict[str, Any]:
    clip_id = f"{window.row['clip_id']}-{number}"
    files = {}
    for name, sound in zip(EDITED_SOUNDS, (source, target), strict=True):
        buffer = io.BytesIO()
        soundfile.write(buffer, sound.T, window.rate_hz, format="FLAC", subtype="PCM_16")
        path = f"{clip_id}-{name.removesuffix('_audio')}.flac"
        files[name] = {"bytes": buffer.getvalue(), "path": path}
    kept = ("source_id", "source_url", "recording_id", "license", "title", "artist")
    return {
        "clip_id": clip_id,
        "of_clip": window.row["clip_id"],
        **{name: window.row[name] for name in kept},
        "start_s": window.start_s,
        "duration_s": window.seconds,
        "instruction": instruction,
        "action": edit.action,
        "edits": json.dumps([edit.facts()]),
        "understood": understands(instruction, edit),
        **files,
    }


def understands(instruction: str, edit: Edit) -> bool:
    """Tell whether the grammar reads an edit, and nothing else, out of an instruction."""
    try:
        read = read_instruction(instruction)
    except NotFollowedError:
        return False
    return [replace(each, words="") for each in read] == [replace(edit, words="")]
