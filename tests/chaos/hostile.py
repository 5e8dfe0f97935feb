"""Files made to break a run: seeded mutations of small ones, absurd headers, odd names, bad sidecars."""

from __future__ import annotations

import json
import math
import os
import random
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pyarrow.parquet as pq
import soundfile

from leitmotif.media.mux import Encoding, write_video
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.workspace import Workspace
from tests.chaos.lab import Fault, Lab, NotSurvived, clean, expect

RATE_HZ = 44_100
MOST_BYTES = 2_500 << 20
FILES_A_RUN = 40
# Names of errors that say what Python met, not what the file has.
RAW = {
    "TypeError",
    "ValueError",
    "KeyError",
    "IndexError",
    "AttributeError",
    "AssertionError",
    "RuntimeError",
}
RAW |= {
    "OverflowError",
    "ZeroDivisionError",
    "UnicodeError",
    "UnicodeDecodeError",
    "RecursionError",
    "OSError",
}
RAW |= {"MemoryError", "error", "Exception", "StopIteration", "ArithmeticError", "FloatingPointError"}


@dataclass(frozen=True)
class HostileFile:
    """A file: its name, what it holds, and a sidecar where it has one."""

    name: str
    content: bytes
    sidecar: bytes | None = None


def faults() -> Iterator[Fault]:
    """Yield one for every run; each takes some files, under both recipes."""
    # The number of files is that of `hostile_files`; they are made when the first run needs them.
    for start in range(0, NUMBER, FILES_A_RUN):
        for recipe in ("music-video", "music-track"):
            name = f"files {start} to {min(start + FILES_A_RUN, NUMBER) - 1}, {recipe}"
            files = min(FILES_A_RUN, NUMBER - start)
            yield Fault("hostile files, runs over them", name, _run(start, recipe), files=files)
    for recipe in ("music-video", "music-track", "auto"):
        yield Fault(
            "hostile files, runs over them",
            f"special files, links and sparse ones, {recipe}",
            _special(recipe),
            files=12,
        )


# The files


def _sound(seconds: float = 2.0) -> np.ndarray:
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tone = 0.3 * np.sin(2 * np.pi * 220 * times) + 0.1 * np.sin(2 * np.pi * 331 * times)
    return np.stack([tone, tone]).astype(np.float32)


def _pictures(seconds: float, size: tuple[int, int], fps: float) -> Iterator[np.ndarray]:
    draw = np.random.default_rng(3)
    for _ in range(round(seconds * fps)):
        yield draw.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)


def _film(place: Path, kind: str) -> bytes:
    path = place / f"film.{kind}"
    container = {"mp4": "mp4", "mkv": "matroska"}[kind]
    write_video(path, _pictures(2.0, (96, 64), 10.0), _sound(), fps=10.0, encoding=Encoding(container))
    return path.read_bytes()


def _remuxed(content: bytes, place: Path, kind: str, video: str, audio: str) -> bytes:
    """Encode again for a container that asks for its own codecs."""
    source, out = place / "source.mp4", place / f"out.{kind}"
    source.write_bytes(content)
    with av.open(str(source)) as film, av.open(str(out), "w") as made:
        pictures: Any = made.add_stream(video, rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 96, 64, "yuv420p"
        sound: Any = made.add_stream(audio, rate=48_000 if audio == "libopus" else RATE_HZ)
        for frame in film.decode(video=0):
            frame.pts = None
            made.mux(pictures.encode(frame))
        film.seek(0)
        resampler = av.AudioResampler(
            format=sound.codec_context.format or "fltp",
            layout="stereo",
            rate=sound.rate,
            frame_size=1152 if audio == "libmp3lame" else 960,
        )
        for piece in film.decode(audio=0):
            piece.pts = None
            for part in resampler.resample(piece):
                made.mux(sound.encode(part))
        for stream in (pictures, sound):
            made.mux(stream.encode(None))
    return out.read_bytes()


def _audio(place: Path, form: str, subtype: str | None = None) -> bytes:
    path = place / "sound"
    soundfile.write(path, _sound().T, RATE_HZ, format=form, subtype=subtype)
    return path.read_bytes()


def seeds(place: Path) -> dict[str, bytes]:
    """Return small sound files by their ending."""
    place.mkdir(parents=True, exist_ok=True)
    mp4 = _film(place, "mp4")
    found = {
        "mp4": mp4,
        "mkv": _film(place, "mkv"),
        "wav": _audio(place, "WAV", "PCM_16"),
        "flac": _audio(place, "FLAC"),
        "ogg": _audio(place, "OGG", "VORBIS"),
    }
    for kind, video, audio in (
        ("webm", "libvpx", "libopus"),
        ("flv", "flv", "libmp3lame"),
        ("avi", "mpeg4", "libmp3lame"),
    ):
        with suppress(av.FFmpegError, ValueError):  # a build without an encoder
            found[kind] = _remuxed(mp4, place, kind, video, audio)
    return found


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Return a file with one thing done to it: bits flipped, cut, boxes exchanged or doubled, huge sizes."""
    data = bytearray(content)
    way = draw.randrange(8)
    place = draw.randrange(len(data))
    if way == 0:
        for _ in range(draw.choice((1, 8, 64, 512))):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    elif way == 1:
        del data[draw.randrange(1, len(data)) :]
    elif way == 2:
        length = draw.randrange(1, 4000)
        del data[place : place + length]
    elif way == 3:
        length = draw.randrange(1, 4000)
        data[place:place] = data[place : place + length] * draw.choice((1, 2, 50))
    elif way == 4:
        number = draw.choice((0, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0x01000000))
        head = draw.randrange(0, max(1, min(len(data) - 4, 3000)))
        struct.pack_into(draw.choice((">I", "<I")), data, head, number)
    elif way == 5:
        length = draw.randrange(1, 2000)
        other = draw.randrange(len(data))
        data[place : place + length], data[other : other + length] = (
            data[other : other + length],
            data[place : place + length],
        )
    elif way == 6:
        data[: draw.randrange(1, 600)] = b""
    else:
        for _ in range(draw.choice((1, 4, 20))):
            head = draw.randrange(0, min(len(data), 2000))
            data[head] = draw.choice((0, 0xFF, 0x7F, 0x80))
    return bytes(data)


def _wav(
    rate: int, channels: int, data: bytes, *, form: int = 3, bits: int = 32, length: int | None = None
) -> bytes:
    block = channels * bits // 8
    head = struct.pack(
        "<HHIIHH", form, channels, rate & 0xFFFFFFFF, (rate * block) & 0xFFFFFFFF, block & 0xFFFF, bits
    )
    size = len(data) if length is None else length
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(0xFFFFFFFF, 36 + size)) + body


def _waves() -> Iterator[HostileFile]:
    constants = {
        "inf": math.inf,
        "minus-inf": -math.inf,
        "nan": math.nan,
        "1e38": 3e38,
        "-1e38": -3e38,
        "tiny": 1e-45,
    }
    for name, value in constants.items():
        samples = np.full((2 * RATE_HZ, 2), value, np.float32)
        yield HostileFile(f"constant {name}.wav", _wav(RATE_HZ, 2, samples.tobytes()))
        mixed = _sound().T.copy()
        mixed[1000:1010] = value
        yield HostileFile(f"ten samples of {name}.wav", _wav(RATE_HZ, 2, mixed.tobytes()))
    doubles = np.full((RATE_HZ, 2), 1e308)
    yield HostileFile("constant 1e308.wav", _wav(RATE_HZ, 2, doubles.tobytes(), bits=64))
    quiet = (_sound().T * 20_000).astype(np.int16).tobytes()
    for rate in (0, 1, 7, 999, 384_000, 10_000_000, 0x7FFFFFFF, 0xFFFFFFFF):
        yield HostileFile(f"rate {rate}.wav", _wav(rate, 2, quiet, form=1, bits=16))
    for channels in (0, 3, 32, 255, 1024, 65535):
        yield HostileFile(f"channels {channels}.wav", _wav(RATE_HZ, channels, quiet, form=1, bits=16))
    for length in (0, 0x7FFFFFFF, 0xFFFFFFFF, 1):
        yield HostileFile(f"says {length} bytes.wav", _wav(RATE_HZ, 2, quiet, form=1, bits=16, length=length))
    for bits in (0, 1, 7, 24, 33, 64, 255):
        yield HostileFile(f"bits {bits}.wav", _wav(RATE_HZ, 2, quiet, form=1, bits=bits))


PLAYLISTS = {
    "list.m3u8": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n",
    "list.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n",
    "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\nfile http://127.0.0.1:9/\n",
    "list.mp3": b"[playlist]\nFile1=file:///etc/passwd\nNumberOfEntries=1\n",
    "page.mp4": b"<?xml version='1.0'?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>",
    "list.wav": b"http://127.0.0.1:9/\n" * 100,
}
SIDECARS: dict[str, bytes] = {
    "deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "huge epoch": b'{"epoch": 1e300, "timestamp": 1e300}',
    "minus epoch": b'{"epoch": -1e18, "timestamp": -99999999999999}',
    "surrogate": b'{"title": "a \\ud83d b", "artist": "\\udc00"}',
    "no object": b"[1, 2, 3]",
    "null": b"null",
    "binary": bytes(range(256)) * 20,
    "empty": b"",
    "NaN": b'{"duration": NaN, "view_count": Infinity, "like_count": -Infinity}',
    "long number": b'{"view_count": 1' + b"0" * 5000 + b"}",
    "other types": json.dumps(
        {key: [{}] for key in ("title", "artist", "tags", "upload_date", "comments")}
    ).encode(),
    "NUL": b'{"title": "a\\u0000b", "artist": "c\\u0000d"}',
    "line ends": b'{"title": "a\\u2028b\\u2029c\\u0085d", "webpage_url": "https://a.example/\\u2028x"}',
    "bidi": '{"title": "\u202egnp.exe", "artist": "\u2066x"}'.encode(),
    "long text": json.dumps({"title": "t" * 300_000, "description": "d " * 200_000}).encode(),
    "long blanks": json.dumps({"description": "\u3042" * 40_000, "artist": "(" * 20_000}).encode(),
    "script": b'{"webpage_url": "javascript:alert(1)", "title": "</script><script>alert(1)</script>"}',
    "credentials": b'{"webpage_url": "https://user:secret@a.example/v", "id": "../../x"}',
    "utf-16": '{"title": "x"}'.encode("utf-16"),
    "many comments": json.dumps({"comments": [{"text": "x", "like_count": 1e400}] * 5000}).encode(),
}


def _names() -> Iterator[str]:
    yield "n" * 250 + ".wav"
    yield "n" * 244 + ".wav"
    yield "\u97f3" * 80 + ".wav"
    yield from (
        "-rf.wav",
        "--out=x.wav",
        " .wav",
        "a\nb.wav",
        "a\tb.wav",
        "tab\x1b[2Jb.wav",
        "per%cent%s{0}.wav",
    )
    yield from ("quote'\".wav", "a\\b.wav", "\u202egpj.wav", "\u2028line.wav", "UPPER.WAV", "two.dots..wav")
    yield from ("$(touch x).wav", "a;b|c.wav", "[id].wav", "\U0001f3b5.wav", "e\u0301.wav", "\u00e9.wav")


def _pictures_of_size(place: Path) -> Iterator[HostileFile]:
    for size, fps in (((16, 16), 10.0), ((4096, 16), 10.0), ((16, 4096), 10.0), ((3840, 2160), 5.0)):
        path = place / "size.mp4"
        frames = (np.full((size[1], size[0], 3), 40 * number, np.uint8) for number in range(6))
        with suppress(av.FFmpegError, ValueError):
            write_video(path, frames, _sound(6 / fps), fps=fps, encoding=Encoding())
            yield HostileFile(f"size {size[0]}x{size[1]}.mp4", path.read_bytes())
    for width, height in ((16_000, 16_000), (30_000, 8_000)):
        path = place / "huge.mp4"
        with suppress(av.FFmpegError, ValueError), av.open(str(path), "w") as made:
            stream: Any = made.add_stream("mjpeg", rate=2)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
            sound: Any = made.add_stream("aac", rate=RATE_HZ)
            frame = av.VideoFrame(width, height, "yuvj420p")
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            for _ in range(2):
                made.mux(stream.encode(frame))
            block = av.AudioFrame.from_ndarray(_sound(1.0), format="fltp", layout="stereo")
            block.rate = RATE_HZ
            made.mux(sound.encode(block))
            made.mux(stream.encode(None))
            made.mux(sound.encode(None))
        if path.is_file():
            yield HostileFile(f"pictures {width}x{height}.mp4", path.read_bytes())


NUMBER = 320


def hostile_files(place: Path) -> list[HostileFile]:
    """Return the files, always the same ones: `NUMBER` of them."""
    draw = random.Random(29)
    small = seeds(place)
    tone = _wav(RATE_HZ, 2, (_sound().T * 20_000).astype(np.int16).tobytes(), form=1, bits=16)
    files = [*_waves()]
    files += [HostileFile(name, content) for name, content in PLAYLISTS.items()]
    files += [
        HostileFile(f"sidecar {name}.wav", tone[: 44 + 4 * (20_000 + 40 * number)], content)
        for number, (name, content) in enumerate(SIDECARS.items())
    ]
    files += [
        HostileFile(
            name, tone[: 44 + 4 * (30_000 + 40 * number)], b"{}" if len(name.encode()) < 240 else None
        )
        for number, name in enumerate(_names())
    ]
    files += [*_pictures_of_size(place)]
    kinds = [*small]
    number = 0
    while len(files) < NUMBER:
        kind = kinds[number % len(kinds)]
        files.append(HostileFile(f"mutated {number:03d}.{kind}", mutated(small[kind], draw)))
        number += 1
    return files[:NUMBER]


# The runs


def _run(start: int, recipe: str) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        cache = lab.root / f"hostile-{os.getpid()}.npz"
        if not cache.exists():
            ended = lab.fork(lambda: _store(cache, place / "seeds"))
            expect(ended.code == 0, f"the files cannot be made: {ended.output[-300:]}")
        folder = place / "files"
        folder.mkdir()
        for file in _stored(cache)[start : start + FILES_A_RUN]:
            (folder / file.name).write_bytes(file.content)
            if file.sidecar is not None:
                (folder / file.name).with_suffix(".info.json").write_bytes(file.sidecar)
        over(lab, folder, place / "ws", recipe, catalogued=None)

    return run


def _store(cache: Path, place: Path) -> None:
    import pickle

    cache.write_bytes(pickle.dumps(hostile_files(place)))


def _stored(cache: Path) -> list[HostileFile]:
    import pickle

    files: list[HostileFile] = pickle.loads(cache.read_bytes())
    return files


def _special(recipe: str) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        folder = place / "files"
        (folder / "folder.mp4").mkdir(parents=True)
        os.mkfifo(folder / "fifo.mp4")
        (folder / "loop.mp4").symlink_to(folder / "loop.mp4")
        (folder / "null.mp4").symlink_to("/dev/null")
        (folder / "zero.wav").symlink_to("/dev/zero")
        (folder / "gone.mp3").symlink_to("/nowhere/x.mp3")
        (folder / "up").symlink_to(folder)
        (folder / "passwd.mp4").symlink_to("/etc/passwd")
        for name in ("sparse.mp4", "sparse.wav", "sparse.mkv"):
            with (folder / name).open("wb") as file:
                file.truncate(3 << 30)
        with socket.socket(socket.AF_UNIX) as listening:
            with suppress(OSError):
                listening.bind(str(folder / "socket.mp4"))
            over(lab, folder, place / "ws", recipe, catalogued=None)

    return run


def over(lab: Lab, folder: Path, workspace: Path, recipe: str, *, catalogued: int | None) -> None:
    """Curate and publish a folder of hostile files, and check what came of it."""
    peaks: dict[int, int] = {}

    def watch(pid: int) -> None:
        """Note the most memory that the run and each of its decoders had, until it ends."""
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            deadline = time.monotonic() + 500
            while time.monotonic() < deadline and process.status() != psutil.STATUS_ZOMBIE:
                for each in (pid, *(child.pid for child in process.children(recursive=True))):
                    peaks[each] = max(peaks.get(each, 0), _peak_bytes(each))
                time.sleep(0.2)

    ended = lab.leitmotif("curate", folder, "--recipe", recipe, "--out", workspace, during=watch, limit_s=550)
    clean(ended)
    expect(ended.code == 0, f"the run ends with {ended.code}: {ended.last()}")
    # One decoder takes the place of another, so that the run and the largest of them were there at once.
    most = sum(sorted(peaks.values())[-2:])
    expect(most < MOST_BYTES, f"{most >> 20} MB at the most")
    seen = lab.fork(lambda: _check(workspace))
    expect(seen.code == 0, seen.last())
    for words in (("status", workspace), ("publish", workspace, "--out", workspace.with_name("ds"))):
        ended = lab.leitmotif(*words, limit_s=300)
        clean(ended)
        expect(ended.code == 0, f"{words[0]} ends with {ended.code}: {ended.last()}")
    ended = lab.leitmotif("validate", workspace.with_name("ds"))
    clean(ended)
    expect(ended.code == 0, f"what is published is not valid: {ended.output[:300]}")
    absurd = [*_absurd(workspace.with_name("ds"))]
    expect(not absurd, f"kept though absurd: {absurd[:3]}")


def _peak_bytes(pid: int) -> int:
    """Return the most memory that a process has had in use, libraries included."""
    with suppress(OSError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) << 10
    return 0


def _check(workspace: Path) -> None:
    """Check in a fork that the counts add up and that no reason is Python's."""
    space = Workspace(workspace)
    ledger = Ledger(*space.kinds(space.plan()))
    ledger.decide()
    counts = ledger.counts()
    if counts["catalogued"] != counts["kept"] + counts["rejected"] + counts["quarantined"]:
        raise NotSurvived(f"counts do not add up: {counts}")
    for entry in ledger.entries:
        end, name = entry.outcome, Path(entry.source.path).name
        if end.error in RAW:
            raise NotSurvived(f"{name!r}: {end.stage}: {end.error}: {end.message}")
        if "\n" in (end.message or ""):
            raise NotSurvived(f"{name!r}: a reason of several lines: {end.message!r}")


def _absurd(dataset: Path) -> Iterator[str]:
    """Yield numbers of rows that cannot be those of music."""
    for path in sorted((dataset / "data").glob("*.parquet")):
        for row in pq.ParquetFile(path).read().to_pylist():
            for name, value in row.items():
                if isinstance(value, float) and (not math.isfinite(value) or abs(value) > 1e7):
                    yield f"{row['clip_id']} {name} {value}"
            if (row.get("level_db") or -20.0) > 12.0:
                yield f"{row['clip_id']} level_db {row['level_db']}"
