"""Files as they come: each ends with one clear line, and none is lost."""

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from leitmotif.pipelines.curate import curate
from leitmotif.pipelines.entries import Outcome
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.workspace import Workspace

RATE_HZ = 44100


def write_video(
    path: Path,
    *,
    seconds: float = 3.0,
    size: tuple[int, int] = (160, 90),
    audio: str | None = "stereo",
    rate_hz: int = RATE_HZ,
    video: bool = True,
    frames: int | None = None,
    variable: bool = False,
    rotated: bool = False,
) -> Path:
    """Write a moving picture with a melody, odd in whatever way is asked for."""
    rng = np.random.default_rng(len(path.name))
    # Odd sizes need a pixel format without shared chroma, and a container that takes any name.
    with av.open(str(path), "w", format="matroska" if size[0] % 2 else "mp4") as container:
        picture = sound = None
        if video:
            picture = container.add_stream("libx264", rate=25)
            picture.width, picture.height = size
            picture.pix_fmt = "yuv444p" if size[0] % 2 else "yuv420p"
            picture.codec_context.time_base = Fraction(1, 1000)
        if audio:
            sound = container.add_stream("aac", rate=rate_hz, layout=audio)
        if picture:
            scene = cv2.resize(rng.integers(0, 255, (9, 64, 3), np.uint8), (size[0] * 4, size[1]))
            for number in range(round(seconds * 25) if frames is None else frames):
                shift = number * 7 % (size[0] * 3)
                # Two halves that move apart: no camera move explains that.
                halves = np.concatenate(
                    [
                        scene[: size[1] // 2, shift:][:, : size[0]],
                        scene[size[1] // 2 :, ::-1][:, shift:][:, : size[0]],
                    ]
                )
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(halves))
                frame.pts = number * 40 + (number % 5 * 6 if variable else 0)
                frame.time_base = Fraction(1, 1000)
                container.mux(picture.encode(frame))
            container.mux(picture.encode())
        if sound:
            time_s = np.arange(int(seconds * rate_hz)) / rate_hz
            tone = np.sin(2 * np.pi * 220 * 2 ** (np.floor(time_s * 4) % 12 / 12) * time_s)
            samples = np.tile((tone * 0.3).astype(np.float32), (sound.layout.nb_channels, 1))
            for start in range(0, samples.shape[1], 1024):
                chunk = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(samples[:, start : start + 1024]), format="fltp", layout=audio
                )
                chunk.sample_rate, chunk.pts, chunk.time_base = rate_hz, start, Fraction(1, rate_hz)
                container.mux(sound.encode(chunk))
            container.mux(sound.encode())
    return path


@pytest.fixture(scope="module")
def fates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What became of a folder of odd files."""
    folder = tmp_path_factory.mktemp("odd")
    good = write_video(folder / "plain.mp4")
    (folder / "text.mp4").write_text("This is not a video.\n" * 200)
    (folder / "zero.mp4").touch()
    (folder / "truncated.mp4").write_bytes(good.read_bytes()[: good.stat().st_size * 2 // 3])
    shutil.copy(good, folder / "the same as plain.mp4")
    write_video(folder / "no audio.mp4", audio=None)
    write_video(folder / "no video.mp4", video=False)
    write_video(folder / "variable rate.mp4", variable=True)
    write_video(folder / "odd size.mkv", size=(161, 91))
    write_video(folder / "mono 8 kHz.mp4", audio="mono", rate_hz=8000)
    write_video(folder / "surround.mp4", audio="5.1")
    write_video(folder / "one frame.mp4", frames=1)
    write_video(folder / 'it\'s "quoted"\nand 🎵.mp4', seconds=3.5)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    workspace = Workspace(tmp_path_factory.mktemp("odd-ws"))
    plan = make_plan("music-video", "embedded")
    summary = curate([folder], workspace, plan)
    ledger = Ledger(workspace.stores(plan))
    ledger.decide()
    assert summary.kept + summary.rejected + summary.quarantined == summary.catalogued == 13
    return {entry.source_id: entry.outcome for entry in ledger.entries}


@pytest.mark.parametrize(
    "name",
    [
        "plain.mp4",
        "variable rate.mp4",
        "odd size.mkv",
        "mono 8 kHz.mp4",
        "surround.mp4",
        'it\'s "quoted"\nand 🎵.mp4',
    ],
)
def test_what_is_merely_unusual_is_kept(fates: dict[str, Outcome], name: str) -> None:
    assert fates[name].is_kept, fates[name]


@pytest.mark.parametrize("name", ["text.mp4", "zero.mp4", "truncated.mp4"])
def test_what_cannot_be_read_is_quarantined_with_a_line_that_says_what_to_do(
    fates: dict[str, Outcome], name: str
) -> None:
    fate = fates[name]
    assert fate.stage == ("catalog" if name == "zero.mp4" else "probe")
    assert fate.message and "\n" not in fate.message and len(fate.message) < 250
    assert ";" in fate.message  # what is wrong; what to do


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("no audio.mp4", "audio-stream"),
        ("no video.mp4", "video-stream"),
        ("the same as plain.mp4", "exact-duplicate"),
    ],
)
def test_what_is_missing_or_there_already_is_rejected_by_a_rule(
    fates: dict[str, Outcome], name: str, rule: str
) -> None:
    # Of two files with the same bytes, the first by path goes on.
    names = {name} if rule != "exact-duplicate" else {"plain.mp4", "the same as plain.mp4"}
    assert rule in {fates[name].rule for name in names}
    assert all(fates[name].rule == rule or fates[name].is_kept for name in names)


def test_a_single_frame_does_not_move(fates: dict[str, Outcome]) -> None:
    assert not fates["one frame.mp4"].is_kept
    assert fates["one frame.mp4"].error is None


def test_a_full_disk_ends_the_run_and_blames_no_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from leitmotif.pipelines import runner
    from leitmotif.storage.errors import OutsideError

    source = tmp_path / "source"
    source.mkdir()
    write_video(source / "a.mp4")
    workspace, plan = Workspace(tmp_path / "ws"), make_plan("music-video", "embedded")
    usage: Callable = shutil._ntuple_diskusage
    with monkeypatch.context() as full:
        full.setattr(runner.shutil, "disk_usage", lambda path: usage(10, 10, 0))
        full.setattr(
            "soundfile.SoundFile.write", lambda self, data: (_ for _ in ()).throw(RuntimeError("full"))
        )
        full.setattr("leitmotif.filters.motion.measure_motion", None, raising=False)
        with pytest.raises(OutsideError, match="make room"):
            curate([source], workspace, plan)
    assert curate([source], workspace, plan).kept == 1


def test_music_tracks_need_no_picture_and_say_when_there_is_no_sound(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    write_video(source / "tune.mp4", video=False, seconds=4.0)
    write_video(source / "silent film.mp4", audio=None)
    workspace, plan = Workspace(tmp_path / "ws"), make_plan("music-track", "embedded")
    curate([source], workspace, plan)
    ledger = Ledger(workspace.stores(plan))
    ledger.decide()
    fates = {entry.source_id: entry.outcome for entry in ledger.entries}
    assert fates["silent film.mp4"].rule == "audio-stream"
    assert fates["tune.mp4"].error is None
    assert fates["tune.mp4"].rule in (None, "vocal", "pam")
