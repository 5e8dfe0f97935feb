"""High dynamic range, interlaced and mirrored films come out as a player shows them."""

import itertools
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from leitmotif.filters.motion import measure_motion
from leitmotif.media.key_frames import key_frames
from leitmotif.media.probe import probe
from leitmotif.media.video import iter_luma
from tests.media.media_clips import write_video

TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
WIDTH, HEIGHT = 160, 96


def _pictures(path: Path, count: int = 4) -> list[np.ndarray]:
    """float (height, width, BGR)."""
    return [
        cv2.imdecode(np.frombuffer(data, np.uint8), 1).astype(float) for data in key_frames(path, count=count)
    ]


def _difference(path: Path, other: Path) -> float:
    """Mean over key frames, in levels of 255."""
    pairs = zip(_pictures(path), _pictures(other), strict=True)
    return float(np.mean([np.abs(one - two).mean() for one, two in pairs]))


def _scene(index: int) -> np.ndarray:
    """Light of 0 to 1 in the primaries of BT.709: patches of skin, grass, sky and cloud that slide."""
    x, y = np.linspace(0, 1, WIDTH)[None, :], np.linspace(0, 1, HEIGHT)[:, None]
    rgb = np.stack([x / 2 + 0 * y, y * 0.4 + 0 * x, (1 - x) / 2 + 0 * y], axis=2)
    for number, colour in enumerate(
        ((0.55, 0.28, 0.18), (0.1, 0.3, 0.06), (0.15, 0.3, 0.6), (0.7, 0.7, 0.7))
    ):
        left = (10 + 40 * number + 2 * index) % (WIDTH - 20)
        rgb[16 + 10 * number : 46 + 10 * number, left : left + 20] = colour
    return rgb


def _pq(nits: np.ndarray) -> np.ndarray:
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def _hlg(nits: np.ndarray) -> np.ndarray:
    """BT.2100, table 5: the display's light back to the scene's, with the luminance, then the curve."""
    light = nits / 1000
    luminance = light @ np.array([0.2627, 0.6780, 0.0593])
    scene = light * np.maximum(luminance, 1e-9)[..., None] ** (1 / 1.2 - 1)
    upper = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)


def _to_709(light: np.ndarray) -> np.ndarray:
    return light ** (1 / 2.4)


SIGNALS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "pq": lambda light: _pq(203 * light @ TO_2020.T),
    "hlg": lambda light: _hlg(203 * light @ TO_2020.T),
    "wide": lambda light: (light @ TO_2020.T) ** (1 / 2.4),
    "ordinary": _to_709,
}
# Primaries, transfer and matrix by the numbers of H.273, and the weights of red and blue in luma.
COLOURS = {
    "pq": (9, 16, 9, 0.2627, 0.0593),
    "hlg": (9, 18, 9, 0.2627, 0.0593),
    "wide": (9, 14, 9, 0.2627, 0.0593),
    "ordinary": (1, 1, 1, 0.2126, 0.0722),
}
# Recordings that do not say their matrix (2): it is that of the primaries.
for _kind in ("pq", "hlg"):
    SIGNALS[f"{_kind} without a matrix"] = SIGNALS[_kind]
    COLOURS[f"{_kind} without a matrix"] = (9, COLOURS[_kind][1], 2, 0.2627, 0.0593)


def _coloured(path: Path, kind: str, *, full_range: bool = False) -> Path:
    """The scene of 40 frames, 10 bits, in one of `COLOURS`."""
    primaries, transfer, matrix, red, blue = COLOURS[kind]
    black, luma_steps, chroma_steps = (0, 1023, 1023) if full_range else (64, 876, 896)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "8", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv444p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = primaries, transfer, matrix
        context.color_range = 2 if full_range else 1
        for index in range(40):
            rgb = SIGNALS[kind](_scene(index))
            luma = rgb @ np.array([red, 1 - red - blue, blue])
            planes = np.stack(
                [
                    black + luma_steps * luma,
                    512 + chroma_steps * (rgb[..., 2] - luma) / (2 - 2 * blue),
                    512 + chroma_steps * (rgb[..., 0] - luma) / (2 - 2 * red),
                ]
            )
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv444p10le")
            for plane, values in zip(frame.planes, np.rint(planes).astype("<u2"), strict=True):
                padded = np.zeros((HEIGHT, plane.line_size // 2), "<u2")
                padded[:, :WIDTH] = values
                plane.update(padded.tobytes())
            frame.color_primaries, frame.color_trc, frame.colorspace = primaries, transfer, matrix
            frame.color_range = 2 if full_range else 1
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _coloured(tmp_path_factory.mktemp("colours") / "ordinary.mp4", "ordinary")


@pytest.mark.parametrize(
    ("kind", "full_range"),
    [
        ("pq", False),
        ("pq", True),
        ("hlg", False),
        ("wide", False),
        ("ordinary", True),
        ("pq without a matrix", False),
        ("hlg without a matrix", False),
    ],
)
def test_key_frames_of_every_range_and_colour_space_show_the_same_scene(
    tmp_path: Path, ordinary: Path, kind: str, full_range: bool
) -> None:
    assert _difference(_coloured(tmp_path / "film.mp4", kind, full_range=full_range), ordinary) < 3.0


@pytest.mark.parametrize("kind", ["pq", "hlg"])
def test_high_dynamic_range_moves_as_much_as_the_ordinary_film(
    tmp_path: Path, ordinary: Path, kind: str
) -> None:
    motion, expected = measure_motion(_coloured(tmp_path / "film.mp4", kind)), measure_motion(ordinary)
    assert motion.mean == pytest.approx(expected.mean, rel=0.2)
    assert motion.spread == pytest.approx(expected.spread, rel=0.1)


@pytest.mark.parametrize("kind", ["pq", "hlg"])
def test_what_is_brighter_than_white_stays_brighter(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Steps of grey from a tenth of white to three times white: 20 to 610 cd/m².
    steps = np.repeat(np.geomspace(0.1, 3, 8), WIDTH // 8)
    monkeypatch.setitem(
        SIGNALS, kind, lambda light, signal=SIGNALS[kind]: signal(0 * light + steps[None, :, None])
    )
    grey = _pictures(_coloured(tmp_path / "steps.mp4", kind), count=1)[0].mean(axis=(0, 2))[10::20]
    assert np.all(np.diff(grey) > 3)
    assert grey[:3] == pytest.approx(255 * np.geomspace(0.1, 3, 8)[:3] ** (1 / 2.4), abs=3)


def _fields(moment: int, *, still_share: float = 0.0) -> np.ndarray:
    """Texture that moves four pixels a moment, the left part still."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    still = columns < WIDTH * still_share
    shifted = np.where(still, columns, columns - 4 * moment)
    edges = np.sin(shifted / 6) * np.cos(rows / 7)
    lines = np.where(still & (rows.astype(int) % 4 < 2), 40, 0)  # as fine as one frame holds without flicker
    return np.clip(100 + 70 * np.sign(edges) + lines, 0, 255).astype(np.uint8)


def _woven(first_row: int, **options: float) -> list[np.ndarray]:
    """40 frames, rows from `first_row` on of an even moment and the others of the odd one after it."""
    frames = []
    for index in range(40):
        frame = _fields(2 * index + 1, **options)
        frame[first_row::2] = _fields(2 * index, **options)[first_row::2]
        frames.append(frame)
    return frames


def _whole(**options: float) -> list[np.ndarray]:
    return [_fields(2 * index, **options) for index in range(40)]


def _combing(path: Path) -> float:
    """How much rows differ from their neighbours."""
    grey = [picture.mean(axis=2) for picture in _pictures(path)]
    return float(np.mean([np.abs(g[1:-1] - (g[:-2] + g[2:]) / 2).mean() for g in grey]))


@pytest.mark.parametrize("fields", ["tff", "bff"])
def test_key_frames_of_interlaced_film_have_no_combs(tmp_path: Path, fields: str) -> None:
    woven = write_video(tmp_path / "woven.mp4", _woven(int(fields == "bff")), fields=fields)
    whole = write_video(tmp_path / "whole.mp4", _whole())
    assert _combing(woven) < 1.3 * _combing(whole) + 0.5
    assert _difference(woven, whole) < 8


def test_interlaced_film_keeps_its_times_and_moves_as_much_as_the_whole_film(tmp_path: Path) -> None:
    woven = write_video(tmp_path / "woven.mp4", _woven(0), fields="tff")
    whole = write_video(tmp_path / "whole.mp4", _whole())
    assert [time_s for time_s, _ in iter_luma(woven)] == pytest.approx(np.arange(40) / 25)
    assert [time_s for time_s, _ in iter_luma(woven, start_s=0.6, duration_s=0.4)] == pytest.approx(
        np.arange(15, 25) / 25
    )
    assert measure_motion(woven).mean == pytest.approx(measure_motion(whole).mean, rel=0.1)


def test_what_stands_still_in_interlaced_film_stays_sharp(tmp_path: Path) -> None:
    woven = write_video(tmp_path / "woven.mp4", _woven(0, still_share=0.5), fields="tff")
    whole = write_video(tmp_path / "whole.mp4", _whole(still_share=0.5))
    half = slice(0, WIDTH // 2 - 12)
    for one, two in zip(_pictures(woven), _pictures(whole), strict=True):
        assert np.abs(one[:, half] - two[:, half]).mean() < 2.5


def test_whole_pictures_that_are_flagged_as_fields_are_hardly_touched(tmp_path: Path) -> None:
    flagged = write_video(tmp_path / "flagged.mp4", _whole(), fields="tff")
    assert _difference(flagged, write_video(tmp_path / "whole.mp4", _whole())) < 5


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"), [(".ts", "mpeg2video", "yuv420p"), (".mov", "mjpeg", "yuvj420p")]
)
def test_fields_are_found_where_only_frames_or_only_the_container_tell_of_them(
    tmp_path: Path, suffix: str, codec: str, pix_fmt: str
) -> None:
    path = tmp_path / f"woven{suffix}"
    options = {"b": "8M"} if codec == "mpeg2video" else {"qmin": "2", "qmax": "2"}
    write_video(path, _woven(0), codec=codec, pix_fmt=pix_fmt, options=options, fields="tff")
    assert _combing(path) < 1.3 * _combing(write_video(tmp_path / "whole.mp4", _whole())) + 0.5


@pytest.mark.parametrize(("transposed", "flip_x", "flip_y"), list(itertools.product([False, True], repeat=3)))
def test_each_of_the_eight_display_matrices_is_followed(
    tmp_path: Path, transposed: bool, flip_x: bool, flip_y: bool
) -> None:
    frame = np.zeros((64, 96), np.uint8)
    frame[:32, :48], frame[:32, 48:], frame[32:, :48] = 240, 160, 80
    path = write_video(tmp_path / "film.mp4", [frame] * 3)
    x, y = (-1 if flip_x else 1), (-1 if flip_y else 1)
    # x' = a x + c y and y' = b x + d y.
    a, b, c, d = (0, y, x, 0) if transposed else (x, 0, 0, y)
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40  # version 0: ISO/IEC 14496-12, 8.3.2
    one = 1 << 16
    data[place : place + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)

    expected = frame.T if transposed else frame
    expected = expected[::y, ::x]
    picture = cv2.imdecode(np.frombuffer(key_frames(path, count=1)[0], np.uint8), 0)
    assert picture.shape == expected.shape
    assert np.abs(picture.astype(float) - expected).mean() < 4
    assert (probe(path).width, probe(path).height) == picture.shape[::-1]
