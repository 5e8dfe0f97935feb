"""Writes a score as a standard MIDI file, with its tempi, metre, key and sections."""

from __future__ import annotations

import io
from itertools import accumulate
from pathlib import Path

import mido

from leitmotif.generators.arranger.attributes import key_name
from leitmotif.generators.arranger.score import Part, Score
from leitmotif.storage.atomic import write_bytes

TICKS = 480  # a quarter note
_DRUMS = 9
_CHANNELS = [channel for channel in range(16) if channel != _DRUMS]


def write_midi(path: Path, score: Score, *, title: str = "") -> None:
    """Write a score, whole or not at all: a track for tempo, metre, key and sections, and one a part.

    Args:
        path: The file.
        score: The piece.
        title: What it is called.

    Raises:
        OSError: The disk refused.
    """
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS, charset="utf-8")
    file.tracks.append(_conductor(score, title))
    melodic = 0
    for part in score.parts:
        channel = _DRUMS if part.drums else _CHANNELS[melodic % len(_CHANNELS)]
        melodic += not part.drums
        file.tracks.append(_track(score, part, channel))
    held = io.BytesIO()
    file.save(file=held)
    write_bytes(path, held.getvalue())


def _conductor(score: Score, title: str) -> mido.MidiTrack:
    timeline = score.timeline
    events: list[tuple[int, mido.MetaMessage]] = [(0, mido.MetaMessage("track_name", name=title))]
    name = key_name(score.tonic, score.minor)
    key = name.removesuffix(" major") if not score.minor else name.removesuffix(" minor") + "m"
    events.append((0, mido.MetaMessage("key_signature", key=key)))
    tick, tempo, beats = _lead_ticks(score), 0, 0
    if tick:  # a beat of silence that lasts until the first bar
        events.append((0, mido.MetaMessage("set_tempo", tempo=round(timeline.starts_s[0] * 1e6))))
    for bar, count in enumerate(timeline.beats):
        if count != beats:
            events.append((tick, mido.MetaMessage("time_signature", numerator=count, denominator=4)))
        beat_us = round(timeline.beat_s(bar) * 1e6)
        if beat_us != tempo:
            events.append((tick, mido.MetaMessage("set_tempo", tempo=beat_us)))
        tempo, beats = beat_us, count
        tick += count * TICKS
    bars = _bar_ticks(score)
    events += [
        (bars[bar], mido.MetaMessage("marker", text=section.kind)) for section, bar in score.section_starts()
    ]
    return _timed(events)


def _track(score: Score, part: Part, channel: int) -> mido.MidiTrack:
    events = [
        (0, mido.MetaMessage("track_name", name=part.name)),
        (0, mido.Message("program_change", program=part.program, channel=channel)),
    ]
    bars = _bar_ticks(score)
    strokes: dict[int, list[tuple[int, int, int]]] = {}  # of each pitch: start, end, velocity
    for note in part.notes:
        beat_s = score.timeline.beat_s(note.bar)
        whole, fraction = divmod(note.beat, 1.0)
        swung = (score.timeline.time_s(note.bar, note.beat) - score.timeline.time_s(note.bar, whole)) / beat_s
        beat = whole + (swung if fraction else 0.0) + note.late_s / beat_s
        at = max(0, bars[note.bar] + round(beat * TICKS))
        end = max(at + 1, at + round(note.beats * TICKS))
        strokes.setdefault(note.pitch, []).append((at, end, min(max(note.velocity, 1), 127)))
    for pitch, played in strokes.items():
        played.sort()
        nexts = [start for start, _, _ in played[1:]] + [2**31]
        for (start, end, velocity), following in zip(played, nexts, strict=True):
            end = min(end, following)  # a key is let go before it is struck again
            events.append((start, mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)))
            events.append((end, mido.Message("note_off", note=pitch, channel=channel)))
    return _timed(events)


def _bar_ticks(score: Score) -> list[int]:
    """Return when each bar begins, in ticks."""
    beats = accumulate(score.timeline.beats, initial=0)
    return [_lead_ticks(score) + count * TICKS for count in beats]


def _lead_ticks(score: Score) -> int:
    """Return how many ticks there are before the first bar, which may begin later than the piece."""
    return TICKS if score.timeline.starts_s[0] > 0 else 0


def _timed(events: list[tuple[int, mido.Message]]) -> mido.MidiTrack:
    """Return events as a track, each timed from the one before; what ends comes before what begins."""
    track = mido.MidiTrack()
    now = 0
    for tick, message in sorted(events, key=lambda event: (event[0], event[1].type == "note_on")):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track"))
    return track
