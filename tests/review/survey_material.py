"""Small media for surveys, and responses that participants might send."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import soundfile

from leitmotif.review.survey.key import Key
from leitmotif.review.survey.server import SurveyServer

RATE_HZ = 8000


def write_sound(path: Path, *, seconds: float = 1.0, pitch_hz: float = 440.0) -> Path:
    """A tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * pitch_hz * times), RATE_HZ)
    return path


def write_film(
    path: Path, *, seconds: float = 1.0, codec: str = "libx264", sound: bool = True, title: str = ""
) -> Path:
    """A brightening picture with a tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as film:
        if title:
            film.metadata["title"] = title
        video = film.add_stream(codec, rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = film.add_stream("aac", rate=44100, layout="mono") if sound else None
        count = int(seconds * 10)
        for number in range(count):
            grey = np.full((48, 64, 3), 255 * number // count, np.uint8)
            film.mux(video.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        film.mux(video.encode(None))
        if audio is not None:
            samples = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 44100)) / 44100)
            frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
            frame.sample_rate = 44100
            fifo = av.AudioFifo()
            fifo.write(frame)
            while (piece := fifo.read(1024, partial=True)) is not None:
                film.mux(audio.encode(piece))
            film.mux(audio.encode(None))
    return path


def systems_in(root: Path, *names: str, clips: tuple[str, ...] = ("one.wav", "two.wav")) -> dict[str, Path]:
    """A folder of tones for each system."""
    for number, name in enumerate(names):
        for clip in clips:
            write_sound(root / name / clip, pitch_hz=220.0 * (number + 1))
    return {name: root / name for name in names}


def response_to(
    key: Key, participant: str, order: int, ratings: dict[tuple[str, str], int]
) -> dict[str, Any]:
    """A full response: `ratings` by (system, question), the same for every clip; 3 where nothing is said."""
    answers = []
    for group in key.orders[order]:
        for name in group:
            system = key.versions[name].system
            given = {question: ratings.get((system, question), 3) for question in key.questions}
            answers.append({"version": name, "ratings": given, "listened_s": 5.0})
    return {
        "survey": key.survey,
        "participant": participant,
        "order": order,
        "started": "2026-01-01T10:00:00.000Z",
        "finished": "2026-01-01T10:30:00.000Z",
        "answers": answers,
        "comments": [],
    }


def write_responses(folder: Path, *responses: dict[str, Any]) -> list[Path]:
    """Each response as a file."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"response-{number}.json" for number in range(len(responses))]
    for path, response in zip(paths, responses, strict=True):
        path.write_text(json.dumps(response))
    return paths


@contextmanager
def client_of(survey: Path, **options: Any) -> Iterator[httpx.Client]:
    """Serve a survey, and give what asks it."""
    with SurveyServer(survey, port=0, **options) as server:
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{server.address[1]}", trust_env=False) as client:
                yield client
        finally:
            server.stop()
            thread.join()
