"""Sound lies where its timestamps say, in a whole file and in a window alike."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from leitmotif.media.audio import iter_audio
from leitmotif.media.video import iter_frames

RATE_HZ = 48000
FRAME = 960  # 20 ms
# What codecs take: format, type, and the level of a click. The second needs no conversion.
SAMPLES = {"pcm_s16le": ("s16", np.int16, 20000), "wavpack": ("fltp", np.float32, 0.6)}
Stamp = Callable[[float], float | None]


def _write(
    path: Path,
    length_s: float,
    stamp_s: Stamp,
    *,
    picture_from_s: float | None = None,
    codec: str = "pcm_s16le",
) -> np.ndarray:
    """PCM whose frames have the times `stamp_s` gives (None: the frame is lost), and maybe a picture.

    A click begins every second that was recorded; their times are returned.
    """
    clicks, second = [], 0
    with av.open(str(path), "w", format="matroska") as container:
        sound = container.add_stream(codec, rate=RATE_HZ, layout="mono")
        sound.codec_context.format = SAMPLES[codec][0]
        if picture_from_s is not None:
            _add_picture(container, picture_from_s)
        for number in range(round(length_s * RATE_HZ / FRAME)):
            time_s = stamp_s(number * FRAME / RATE_HZ)
            if time_s is None:
                continue
            samples = np.zeros((1, FRAME), SAMPLES[codec][1])
            if number * FRAME >= second * RATE_HZ:
                samples[0, :48] = SAMPLES[codec][2]
                clicks.append(time_s)
                second += 1
            frame = av.AudioFrame.from_ndarray(samples, format=SAMPLES[codec][0], layout="mono")
            frame.sample_rate = RATE_HZ
            frame.time_base = Fraction(1, RATE_HZ)
            frame.pts = round(time_s * RATE_HZ)
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return np.array(clicks)


def _add_picture(container: av.container.OutputContainer, from_s: float) -> None:
    video = container.add_stream("mpeg4", rate=5)
    video.width = video.height = 32
    grey = av.VideoFrame.from_ndarray(np.zeros((32, 32), np.uint8), format="gray")
    for number in range(20):
        picture = grey.reformat(format="yuv420p")
        picture.pts, picture.time_base = number + round(from_s * 5), Fraction(1, 5)
        container.mux(video.encode(picture))
    container.mux(video.encode(None))


def _sound(path: Path, **window: float) -> np.ndarray:
    return np.concatenate(list(iter_audio(path, rate_hz=RATE_HZ, channels=1, **window)), axis=1)[0]  # type: ignore[arg-type]


def _clicks_s(sound: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(np.abs(sound) > 0.3)
    return loud[np.diff(loud, prepend=-RATE_HZ) > RATE_HZ // 4] / RATE_HZ


CLOCKS: dict[str, Stamp] = {
    "runs fast by 0.2 %": lambda t: t * (1 - 0.002),
    "runs slow by 0.2 %": lambda t: t * (1 + 0.002),
    "runs fast, then slow": lambda t: t * 0.998 if t < 12 else 12 * 0.998 + (t - 12) * 1.002,
    "is right": lambda t: t,
    "jitters by 15 ms": lambda t: t + 0.015 * np.sin(1e3 * t),
    "has gaps of 57 ms": lambda t: t + 0.057 * (t // 7),
    "has gaps of 30 ms": lambda t: t + 0.030 * (t // 7),
    "lost single frames": lambda t: None if round(t * 50) % 300 == 299 else t,
    "says a piece twice": lambda t: t - 0.015 * ((t + 3.5) // 7),
}


@pytest.mark.parametrize(
    ("clock", "codec"),
    [
        *((clock, "pcm_s16le") for clock in CLOCKS),
        *((clock, "wavpack") for clock in CLOCKS if "runs" in clock),  # its encoder joins frames at gaps
    ],
)
def test_sound_stays_with_its_timestamps_whole_and_in_a_window(
    tmp_path: Path, clock: str, codec: str
) -> None:
    path = tmp_path / "sound.mka"
    truth_s = _write(path, 25.0, CLOCKS[clock], codec=codec)
    found_s = _clicks_s(_sound(path))
    assert len(found_s) == len(truth_s)
    off_s = np.abs(found_s[:, None] - truth_s).min(axis=1).max()
    assert off_s < (0.02 if clock == "jitters by 15 ms" else 0.01)
    for start_s in (3.5, 13.5):
        window_s = _clicks_s(_sound(path, start_s=start_s, duration_s=10.0)) + start_s
        same_s = found_s[(found_s >= start_s) & (found_s < start_s + 10)]
        assert window_s == pytest.approx(same_s, abs=(0.02 if clock == "jitters by 15 ms" else 0.008))


def test_a_rate_that_was_declared_8_percent_wrong_is_followed_in_small_steps(tmp_path: Path) -> None:
    path = tmp_path / "sound.mka"
    truth_s = _write(path, 25.0, lambda t: t / 1.08)
    found_s = _clicks_s(_sound(path))
    assert len(found_s) > 0.8 * len(truth_s)  # a step may leave out a click
    assert np.abs(found_s[:, None] - truth_s).min(axis=1).max() < 0.035


@pytest.mark.parametrize("sound_from_s", [0.0, 0.6, 1.3])
def test_sound_that_starts_earlier_or_later_than_the_picture_lies_where_it_belongs(
    tmp_path: Path, sound_from_s: float
) -> None:
    path = tmp_path / "film.mkv"
    truth_s = _write(path, 5.0, lambda t: t + sound_from_s, picture_from_s=0.6)
    first_s = min(sound_from_s, 0.6)
    assert _clicks_s(_sound(path)) == pytest.approx(truth_s - first_s, abs=1e-3)
    assert next(iter_frames(path))[0] == pytest.approx(0.6 - first_s, abs=1e-3)
    window_s = _clicks_s(_sound(path, start_s=2.5, duration_s=2.0)) + 2.5
    assert set(np.round(window_s, 2)) <= set(np.round(truth_s - first_s, 2)) and len(window_s) == 2


def test_a_clock_that_stands_almost_still_does_not_eat_the_sound(tmp_path: Path) -> None:
    path = tmp_path / "sound.mka"
    _write(path, 10.0, lambda t: t / 10)
    assert len(_sound(path)) == 10 * RATE_HZ


def test_after_a_stall_that_the_recorder_made_up_for_the_sound_is_with_its_timestamps_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "sound.mka"
    stall_s, made_up_s = 0.8, 1.6  # what waited is stamped twice as fast as it sounds
    truth_s = _write(path, 23.0, lambda t: t + (t > 6) * max(0.0, stall_s * (1 - (t % 6) / made_up_s)))
    sound = _sound(path)
    settled_s = truth_s[(truth_s % 6 > made_up_s) | (truth_s < 6)]
    assert len(settled_s) > 15
    assert np.abs(settled_s[:, None] - _clicks_s(sound)).min(axis=1).max() < 0.05
    assert len(sound) / RATE_HZ == pytest.approx(23.0, abs=0.05)
