"""Damage of every kind, at random and always the same: each file is read, or ends in a sentence of ours."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from leitmotif.filters.motion import measure_motion
from leitmotif.media import audio, key_frames
from leitmotif.media.container import demuxed
from leitmotif.media.errors import DecodeFailed, MediaError, NotMedia
from leitmotif.media.mux import Encoding, write_video
from leitmotif.media.probe import probe
from leitmotif.media.tags import read_tags
from tests.media.media_clips import write_tone

MUTATIONS = 25  # of each kind of file
LONGEST_S = 30.0  # that one file may take; in the run a decoder has its own limit
_FILMS = ("mp4", "matroska", "avi", "flv", "mpegts")
_SOUNDS = ("wav", "flac", "ogg", "mp3")
_CODECS = {"wav": "pcm_s16le", "flac": "flac", "ogg": "libopus", "mp3": "libmp3lame"}
_EXTREMES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A second of picture and sound in each container."""
    folder = tmp_path_factory.mktemp("whole")
    ramp = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)
    frames = [np.roll(ramp, 3 * number, axis=1) for number in range(25)]
    tone = np.tile(0.3 * np.sin(np.arange(48000) / 20), (2, 1)).astype(np.float32)
    files = {}
    for kind in _FILMS:
        write_video(folder / kind, frames, tone[:, :44100], fps=25, encoding=Encoding(kind, key_every=10))
        files[kind] = (folder / kind).read_bytes()
    for kind in _SOUNDS:
        path = write_tone(folder / f"tone.{kind}", tone, rate_hz=48000, codec=_CODECS[kind])
        files[kind] = path.read_bytes()
    return files


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Flip bits, cut, leave out, exchange, or write extremes and noise into the headers."""
    data, kind = bytearray(content), rng.randrange(6)
    first, second = sorted(rng.randrange(len(data)) for _ in range(2))
    if kind == 0:
        for _ in range(rng.choice((1, 10, 100))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del data[first:]
    elif kind == 2:
        del data[first:second]
    elif kind == 3:
        size = rng.randrange(1, 2000)
        data[first : first + size], data[second : second + size] = (
            data[second : second + size],
            data[first : first + size],
        )
    elif kind == 4:
        place = rng.randrange(min(len(data), 2000))
        data[place : place + 4] = rng.choice(_EXTREMES)
    else:
        for _ in range(rng.choice((1, 3, 8))):
            data[rng.randrange(min(len(data), 1500))] = rng.randrange(256)
    return bytes(data)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    def end(*_: object) -> None:
        raise TimeoutError(f"a damaged file took more than {seconds:g} s")

    former = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


@pytest.mark.parametrize("kind", [*_FILMS, *_SOUNDS])
def test_damaged_files_are_read_or_refused_in_a_sentence(
    kind: str, whole: dict[str, bytes], tmp_path: Path
) -> None:
    rng = random.Random(kind)
    path = tmp_path / f"damaged.{kind}"
    reads: list[Callable[[Path], object]] = [
        read_tags,
        lambda path: audio.extract_flac(path, tmp_path / "out.flac"),
        lambda path: key_frames.timed_key_frames(path, count=3),
        measure_motion,
    ]
    for number in range(MUTATIONS):
        path.write_bytes(damaged(whole[kind], rng))
        try:
            with at_most(LONGEST_S):
                probe(path)
                reads_now = reads
        except MediaError as error:
            check_sentence(error)
            reads_now = reads[:1]  # no stage goes on
        for read in reads_now:
            try:
                with at_most(LONGEST_S):
                    read(path)
            except MediaError as error:
                check_sentence(error)
            except Exception as error:
                error.add_note(f"over damaged file {number} of {kind}")
                raise


def check_sentence(error: MediaError) -> None:
    said = str(error)
    assert "\n" not in said and len(said) > 40, said
    assert ";" in said or ":" in said, said  # what is wrong, and what to do


def test_flac_of_which_less_than_half_is_there_is_damaged_rather_than_short(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 10 * 44100)).astype(np.float32)
    path = write_tone(tmp_path / "tone.flac", noise, codec="flac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 14])
    with pytest.raises(DecodeFailed, match=r"only 0\.\d s of 10\.0 s of the sound of 'tone.flac' are there"):
        probe(path)


def test_a_length_that_the_bytes_of_a_file_cannot_hold_is_damage(tmp_path: Path) -> None:
    """A timestamp with one bit too many: hours of silence would be written."""
    path = tmp_path / "film.flv"
    frames = [np.full((48, 64, 3), 10 * number, np.uint8) for number in range(25)]
    write_video(path, frames, np.zeros((2, 44100), np.float32), fps=25, encoding=Encoding("flv"))
    data, at, sounds = bytearray(path.read_bytes()), 13, []
    while at < len(data):  # tags: kind, size in 3 bytes, timestamp in 3 and its upper byte, …, size of all
        sounds += [at] if data[at] == 8 else []
        at += 11 + int.from_bytes(data[at + 1 : at + 4]) + 4
    data[sounds[-1] + 7] = 2  # 2^25 milliseconds
    path.write_bytes(data)
    with pytest.raises(NotMedia, match=r"lasts 9\.3 hours and has only \d+ bytes; it is damaged"):
        probe(path)


class BeginsAnotherStream:
    """A container as PyAV gives it where a stream begins in the middle: its packets raise IndexError."""

    def __init__(self) -> None:
        self.left = iter([1, None, 2, None, None, 3])

    def demux(self, *_: object) -> Iterator[int]:
        for packet in self.left:
            if packet is None:
                raise IndexError("list index out of range")
            yield packet


def test_a_stream_that_begins_in_the_middle_of_a_file_is_passed_over() -> None:
    assert list(demuxed(BeginsAnotherStream())) == [1, 2, 3]
