"""How long a file is by its packets, and where its parts lie if it was glued together.

Containers with an index (MP4, Matroska, ASF) and constant PCM say how long they are. Of all others FFmpeg
takes a length from a bit rate, from the last timestamp, or from a header that a copy or an edit has made
wrong: of these the packets are counted. Nothing is decoded; memory does not grow with the length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
from av.format import Flags

from leitmotif.media.container import DECODE_ERRORS, check_damage, demuxed, is_cover, open_media, origin_s

# Elementary streams hold no timestamps: what FFmpeg gives them is counted or guessed, and so are seeks.
_UNTIMED = frozenset({"aac", "ac3", "eac3", "dts", "dtshd", "mp3", "mlp", "truehd", "amr", "loas", "gsm"})
# FFmpeg sets the length of their streams only where it guesses it from a bit rate (live recordings).
_LENGTH_OF_FILE_ONLY = frozenset({"matroska", "flv"})
# Their headers tell what the writer expected: copies, cuts and recordings that broke off leave them wrong.
_WRONG_HEADERS = frozenset({"avi", "flv"})
# Their headers hold a length of its own beside the index: tools that cut, join or patch leave it wrong, and
# it may count from 0 where the timestamps begin later.
_STATED = frozenset({"matroska"})
_SEGMENT = bytes.fromhex("18538067")  # what holds all but the first lines of Matroska
_TAIL_S = 0.5  # of the last packets, which may have no length
# What FFmpeg says of a format.
_NO_TIMESTAMPS = Flags.no_timestamps.value
_NO_INDEX = Flags.generic_index.value | Flags.ts_discont.value
_BACK_S = 0.5  # timestamps that go back further start a new part; less is reordering
_LONGEST_VORBIS_PACKET = 8192  # samples; Vorbis I, section 4.2.2
# Timestamps that leap further start a new part if those of all streams do (FFmpeg's dts_delta_threshold).
_LEAP_S = 10.0


@dataclass(frozen=True)
class Timeline:
    """The packets of a file.

    Attributes:
        length_s: Seconds from the file's first moment to the end of its last packet; None without packets.
        offsets_s: What to add to the timestamps of each part for the time since the file's first moment.
        leap_s: Timestamps that leap forward by more start a new part.
    """

    length_s: float | None
    offsets_s: tuple[float, ...]
    leap_s: float

    @property
    def glued(self) -> bool:
        """Whether the timestamps start again in the middle: a chained Ogg, two recordings in one file."""
        return len(self.offsets_s) > 1


class Clock:
    """The times of one stream, read in order from the start, or from anywhere if the file is not glued."""

    def __init__(self, path: Path, container: Any):
        self._path, self._origin_s = path, origin_s(container)
        self._may_be_glued = is_counted(container) and not is_untimed(container)
        self._part = 0
        self._end_s: float | None = None

    def time_s(self, stamp_s: float, length_s: float) -> float:
        """Return when a frame comes, in seconds since the file's first moment.

        Args:
            stamp_s: The frame's timestamp.
            length_s: Length of the frame.
        """
        before_s, self._end_s = self._end_s, stamp_s + length_s
        if self._may_be_glued and before_s is not None and _starts_part(stamp_s, before_s, _LEAP_S):
            timeline = read_timeline(self._path)
            if _starts_part(stamp_s, before_s, timeline.leap_s):
                self._part = min(self._part + 1, len(timeline.offsets_s) - 1)
        if not self._part:
            return stamp_s - self._origin_s
        return stamp_s + read_timeline(self._path).offsets_s[self._part]


def is_untimed(container: Any) -> bool:
    """Whether a container holds no timestamps of its own: a moment is reached by decoding to it."""
    no_stamps = bool(container.format.flags & _NO_TIMESTAMPS)
    return no_stamps or not _UNTIMED.isdisjoint(_names(container))


def is_guessed(container: Any) -> bool:
    """Whether the length that FFmpeg gives may come from a bit rate."""
    if not _LENGTH_OF_FILE_ONLY.isdisjoint(_names(container)):
        return any(stream.duration is not None for stream in container.streams)
    return is_untimed(container)


def is_counted(container: Any) -> bool:
    """Whether packets are to be counted: the container has no index, the length FFmpeg gives is no fact."""
    contexts = [stream.codec_context for stream in container.streams]
    if all(context is not None and context.name.startswith("pcm_") for context in contexts):
        return False
    if is_guessed(container) or not _WRONG_HEADERS.isdisjoint(_names(container)):
        return True
    return bool(container.format.flags & _NO_INDEX)


def _names(container: Any) -> list[str]:
    return container.format.name.split(",")


def read_timeline(path: Path) -> Timeline:
    """Read the timeline of a file; once per process, as long as the file stays the same."""
    status = path.stat()
    return _read(path, status.st_size, status.st_mtime_ns)


def packets_end_s(path: Path) -> float | None:
    """Return how far after the file's first moment the last packet of any stream ends; None without one."""
    return read_timeline(path).length_s


def confirmed_s(path: Path, stated_s: float) -> float:
    """Return the length that a header states, if the last packets end there; else where they do end.

    A header that only repeats what the index says is not asked about, nor one of a file that broke off: there
    what is stated is what was lost. Read is from the last place before the stated end that the index leads
    to: little, unless the header is wrong.

    Args:
        path: A regular file.
        stated_s: Length by the header.
    """
    with open_media(path) as container:
        if _STATED.isdisjoint(_names(container)) or _breaks_off(path):
            return stated_s
        zero_s, end_s = origin_s(container), 0.0
        try:
            container.seek(int((stated_s + zero_s) * av.time_base), backward=True)
            for packet in demuxed(container):
                if packet.pts is not None:
                    stop = (packet.pts + _ticks(packet)) * packet.time_base
                    end_s = max(end_s, float(stop) - zero_s)
        except DECODE_ERRORS as error:
            check_damage(error, path)  # what was read so far is what the file holds
    return end_s if end_s and abs(end_s - stated_s) > _TAIL_S else stated_s


def _breaks_off(path: Path) -> bool:
    """Whether a Matroska file is shorter than its segment, by the size that is written after its id."""
    with path.open("rb") as file:
        head = file.read(1 << 12)
    at = head.find(_SEGMENT) + len(_SEGMENT)
    width = 9 - head[at : at + 1].rjust(1, b"\1")[0].bit_length()
    size = int.from_bytes(head[at : at + width]) & ((1 << 7 * width) - 1)
    unknown = size == (1 << 7 * width) - 1
    return not unknown and at + width + size > path.stat().st_size


@lru_cache(maxsize=16)
def _read(path: Path, _size: int, _changed_ns: int) -> Timeline:
    with open_media(path) as container:
        tracks = {
            stream.index: _Track(stream)
            for stream in container.streams
            if stream.type in ("video", "audio") and not is_cover(container, stream)
        }
        try:
            for packet in demuxed(container):
                if packet.size and packet.stream.index in tracks:
                    tracks[packet.stream.index].add(packet)
        except DECODE_ERRORS as error:
            check_damage(error, path)  # what was read so far is what the file holds
        held = [track for track in tracks.values() if track.count]
        zero_s = origin_s(container)
        if is_untimed(container):
            lengths = [track.summed_s for track in held if track.summed_s]
            return Timeline(max(lengths, default=None), (-zero_s,), _LEAP_S)
        same = len({len(track.loose.parts) for track in held}) == 1
        leap_s = _LEAP_S if same else float("inf")
        offsets_s, end_s = _lay([(track.loose if same else track.strict).parts for track in held], zero_s)
        return Timeline(end_s if held else None, offsets_s, leap_s)


def _lay(tracks: list[list[_Part]], zero_s: float) -> tuple[tuple[float, ...], float]:
    """Put parts one behind the other, with their streams as they lie to each other: offsets, and end."""
    offsets_s, end_s = [-zero_s], 0.0
    for number in range(max(map(len, tracks), default=0)):
        parts = [track[number] for track in tracks if number < len(track)]
        if number:
            offsets_s.append(end_s - min(part.start_s for part in parts))
        end_s = max(part.end_s for part in parts) + offsets_s[-1]
    return tuple(offsets_s), end_s


@dataclass
class _Part:
    start_s: float
    end_s: float


@dataclass
class _Parts:
    """The parts of one stream, and where the last packet ended in decoding order."""

    leap_s: float
    parts: list[_Part] = field(default_factory=list)
    before_s: float = 0.0

    def add(self, order_s: float, start_s: float, length_s: float) -> None:
        if not self.parts or _starts_part(order_s, self.before_s, self.leap_s):
            self.parts.append(_Part(start_s, start_s + length_s))
        part = self.parts[-1]
        part.start_s, part.end_s = min(part.start_s, start_s), max(part.end_s, start_s + length_s)
        self.before_s = order_s + length_s


class _Track:
    """What the packets of one stream say, added in the order of the file."""

    def __init__(self, stream: Any):
        self._rate_hz = (
            stream.codec_context.sample_rate if stream.type == "audio" and stream.codec_context else 0
        )
        self.count = 0
        self.strict, self.loose = _Parts(float("inf")), _Parts(_LEAP_S)
        self._timed, self._sum_s, self._cut_s = 0, 0.0, 0.0

    def add(self, packet: Any) -> None:
        self.count += 1
        length_s = float(_ticks(packet) * packet.time_base)
        self._timed += length_s > 0
        self._sum_s += length_s
        if self._rate_hz and packet.has_sidedata("skip_samples"):
            marks = bytes(packet.get_sidedata("skip_samples"))  # AV_PKT_DATA_SKIP_SAMPLES: u32 start, u32 end
            self._cut_s += sum(int.from_bytes(marks[at : at + 4], "little") for at in (0, 4)) / self._rate_hz
        before_s = self.loose.before_s
        order = packet.dts if packet.dts is not None else packet.pts
        order_s = before_s if order is None else float(order * packet.time_base)
        start_s = order_s if packet.pts is None else float(packet.pts * packet.time_base)
        for parts in (self.strict, self.loose):
            parts.add(order_s, start_s, length_s)

    @property
    def summed_s(self) -> float:
        """The lengths of all packets, without the samples that a player skips.

        LATM packets before the first header have no length; they are as long as the others.
        """
        return self._sum_s * self.count / self._timed - self._cut_s if self._timed else 0.0


def _ticks(packet: Any) -> int:
    """Return the length of a packet in units of its time base, 0 where it is not known.

    A last packet of Vorbis whose samples are cut off at its start and beyond has a length below zero, which
    FFmpeg 8.1 keeps in 32 bits without a sign (findings/ffmpeg-vorbis-last-packet.sh).
    """
    ticks = packet.duration or 0
    return ticks - (1 << 32) if 0 < (1 << 32) - ticks <= _LONGEST_VORBIS_PACKET else ticks


def _starts_part(stamp_s: float, before_s: float, leap_s: float) -> bool:
    return stamp_s < before_s - _BACK_S or stamp_s > before_s + leap_s
