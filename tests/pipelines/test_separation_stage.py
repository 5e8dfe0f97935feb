import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from leitmotif.media.flac import write_flac
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip, StageContext
from leitmotif.pipelines.stages.separation import RATE_HZ, SeparationStage
from leitmotif.pipelines.workspace import Workspace
from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.weights.adapters import adapters

SECOND = RATE_HZ


class Fake:
    """Four stems of known shares, in chunks of half a second."""

    stems = ("drums", "bass", "other", "vocals")
    shares = (0.5, 0.25, 0.125, 0.0625)
    chunk_s, overlap_s, batch = 0.5, 0.1, 2
    heard_db = -30.0  # the vocals are 23 dB below the rest

    def __init__(self) -> None:
        self.fails_at = float("inf")
        self.error: Exception = RuntimeError("no")
        self.chunks = 0

    def load(self, device: str = "cpu") -> "Fake":
        return self

    def separate(self, mixes: np.ndarray, rate_hz: int) -> np.ndarray:
        self.chunks += len(mixes)
        if self.chunks > self.fails_at:
            raise self.error
        return np.stack([mixes * np.float32(share) for share in self.shares], axis=1)


@pytest.fixture
def place(tmp_path: Path) -> StageContext:
    files = tmp_path / "ws" / "stages" / "separation-x" / "files"
    return StageContext(tmp_path / "ws", files, tmp_path / "ws" / "scratch", SandboxedWorker())


@pytest.fixture
def clip(place: StageContext) -> Clip:
    """A clip of two seconds of noise."""
    place.workspace.mkdir()
    mix = 0.2 * np.random.default_rng(0).standard_normal((2, 2 * SECOND))
    write_flac([mix.astype(np.float32)], place.workspace / "mix.flac", rate_hz=RATE_HZ)
    return Clip("c1", Path("video.mp4"), inputs={"audio": {"file": "mix.flac"}})


def open_stage(
    place: StageContext, monkeypatch: pytest.MonkeyPatch, fake: Fake, *assignments: str
) -> SeparationStage:
    plan = make_plan("music-video", "embedded", [f"separation.{text}" for text in assignments])
    stage = SeparationStage(plan)
    monkeypatch.setattr("leitmotif.pipelines.stages.separation.make", lambda backend, **settings: fake)
    stage.open(place)
    return stage


def read(path: Path) -> np.ndarray:
    sound, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == RATE_HZ
    return sound.T


def test_the_instrumental_is_written_as_long_as_the_mix(place, clip, monkeypatch):
    (row,) = open_stage(place, monkeypatch, Fake()).measure([clip])
    path = place.workspace / row["file"]
    hashed = hashlib.sha256(path.read_bytes()).hexdigest()
    size_bytes = path.stat().st_size
    assert row == {
        "file": "stages/separation-x/files/c1.flac",
        "size_bytes": size_bytes,
        "sha256": hashed,
        "voice_db": pytest.approx(20 * np.log10(0.0625 / 0.875), abs=0.01),
        "removed_db": pytest.approx(-20 * np.log10(0.875 / 0.9375), abs=0.01),
        "instrumental_db": pytest.approx(20 * np.log10(0.875 * 0.2), abs=0.1),
    }
    mix = read(place.workspace / "mix.flac")
    np.testing.assert_allclose(read(path), 0.875 * mix, atol=1e-4)
    assert [entry.name for entry in place.files.iterdir()] == ["c1.flac"]


def test_stems_are_kept_beside_it_when_asked_for(place, clip, monkeypatch):
    (row,) = open_stage(place, monkeypatch, Fake(), "keep_stems=true").measure([clip])
    mix = read(place.workspace / "mix.flac")
    for name, share in zip(Fake.stems, Fake.shares, strict=True):
        np.testing.assert_allclose(read(place.files / f"c1.{name}.flac"), share * mix, atol=1e-4)
    np.testing.assert_allclose(read(place.workspace / row["file"]), 0.875 * mix, atol=1e-4)
    assert len(list(place.files.iterdir())) == 5


def test_the_embedded_separator_keeps_only_what_the_instrumental_is_not(place, clip):
    stage = SeparationStage(make_plan("music-video", "embedded", ["separation.keep_stems=true"]))
    stage.open(place)
    (row,) = stage.measure([clip])
    assert sorted(path.name for path in place.files.iterdir()) == ["c1.flac", "c1.vocals.flac"]
    both = read(place.workspace / row["file"]) + read(place.files / "c1.vocals.flac")
    np.testing.assert_allclose(both, read(place.workspace / "mix.flac"), atol=1e-3)


def test_where_no_voice_is_heard_the_mix_is_kept_to_the_byte(place, clip, monkeypatch):
    fake = Fake()
    fake.heard_db = -20.0
    (row,) = open_stage(place, monkeypatch, fake, "keep_stems=true").measure([clip])
    assert (place.workspace / row["file"]).read_bytes() == (place.workspace / "mix.flac").read_bytes()
    assert row["sha256"] == hashlib.sha256((place.workspace / "mix.flac").read_bytes()).hexdigest()
    assert row["voice_db"] == pytest.approx(-22.9, abs=0.1)
    assert row["removed_db"] == 0
    assert row["instrumental_db"] == pytest.approx(20 * np.log10(0.2 * 0.9375), abs=0.1)
    assert (place.files / "c1.vocals.flac").is_file()


def test_always_takes_what_the_separator_leaves(place, clip, monkeypatch):
    fake = Fake()
    fake.heard_db = -20.0
    (row,) = open_stage(place, monkeypatch, fake, "always=true").measure([clip])
    mix = read(place.workspace / "mix.flac")
    np.testing.assert_allclose(read(place.workspace / row["file"]), 0.875 * mix, atol=1e-4)
    assert row["removed_db"] > 0


def test_silence_is_left_as_it_is(place, clip, monkeypatch):
    write_flac([np.zeros((2, SECOND), np.float32)], place.workspace / "mix.flac", rate_hz=RATE_HZ)
    (row,) = open_stage(place, monkeypatch, Fake(), "always=true").measure([clip])
    assert (row["voice_db"], row["removed_db"], row["instrumental_db"]) == (0, 0, -120)


def test_a_clip_that_fails_half_way_leaves_no_file_and_the_next_is_measured(place, clip, monkeypatch):
    fake = Fake()
    fake.fails_at = 2
    stage = open_stage(place, monkeypatch, fake, "keep_stems=true")
    measured = iter(stage.measure([clip, clip]))
    assert isinstance(next(measured), RuntimeError)
    assert not any(place.workspace.glob("**/c1*"))
    fake.fails_at = float("inf")
    assert next(measured)["size_bytes"]


def test_want_of_memory_ends_the_run_and_is_not_the_clips_fault(place, clip, monkeypatch):
    fake = Fake()
    fake.fails_at, fake.error = 2, MemoryError("set separation.batch to less")
    stage = open_stage(place, monkeypatch, fake)
    with pytest.raises(OutsideError, match=r"separation\.batch"):
        list(stage.measure([clip]))


def models(tmp_path: Path, *assignments: str) -> dict[str, str]:
    plan = make_plan("music-video", "embedded", [f"separation.{text}" for text in assignments])
    return Workspace(tmp_path / "ws").stores(plan).models


def test_the_model_is_named_without_its_weights(tmp_path):
    assert models(tmp_path)["separation"] == "repet-sim@1"
    assert models(tmp_path, "backend=demucs")["separation"] == "htdemucs@8726e21a"
    assert models(tmp_path, "backend=demucs", "model=mdx")["separation"].count("+") == 3


@pytest.mark.parametrize(
    ("assignments", "match"),
    [
        (["model=htdemucs"], "separation: got model for separation backend 'spleeter'; expected none; "),
        (["overlap=0.1", "repo=here"], "got overlap, repo for .* 'repet'"),
        (["backend=demucs", "overlap=0.7"], "got overlap=0.7"),
        (["backend=demucs", "model=demcus"], "'demcus'.*htdemucs_ft"),
        (["backend=demucs", "repo=nowhere"], "/nowhere'; expected a folder"),
        (["backend=demcus"], "got 'demcus', expected 'demucs', 'repet' or 'spleeter'"),
    ],
)
def test_settings_that_a_backend_does_not_know_end_a_run_before_it_begins(tmp_path, assignments, match):
    with pytest.raises(UserError, match=match):
        models(tmp_path, *assignments)


def test_a_setting_that_no_backend_has_is_refused_with_the_near_ones():
    with pytest.raises(UserError, match=r"'separation\.shifts' is not known"):
        make_plan("music-video", "embedded", ["separation.shifts=2"])


def test_missing_weights_end_the_run_and_are_not_the_clips_fault(place, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    stage = SeparationStage(make_plan("music-video", "embedded", ["separation.backend=demucs"]))
    with pytest.raises(UserError, match=r"separation: got no weights.*fetch-models --profile paper"):
        stage.open(place)


def test_what_does_not_change_the_sound_is_not_in_the_fingerprint():
    def identity(*assignments: str) -> dict:
        plan = make_plan("music-video", "embedded", [f"separation.{text}" for text in assignments])
        return dict(SeparationStage(plan).identity())

    plain = identity()
    assert identity("repo=/elsewhere", "batch=8", "device=cuda") == plain
    for changing in ("keep_stems=true", "overlap=0.1", "model=htdemucs_ft", "backend=demucs"):
        assert identity(changing) != plain


def test_every_backend_is_a_choice_of_the_stage(monkeypatch):
    monkeypatch.setattr(
        "leitmotif.separation.spleeter.check_wheel", lambda wheel: None
    )  # as if it were fetched
    for backend in adapters("separation"):
        assert SeparationStage(
            make_plan("music-video", "embedded", [f"separation.backend={backend}"])
        ).model()


def test_a_separator_whose_level_tells_nothing_of_a_voice_takes_what_it_takes(place, clip, monkeypatch):
    fake = Fake()
    fake.heard_db = None
    (row,) = open_stage(place, monkeypatch, fake).measure([clip])
    assert row["voice_db"] is row["removed_db"] is None
    assert row["instrumental_db"] == pytest.approx(20 * np.log10(0.875 * 0.2), abs=0.1)
    np.testing.assert_allclose(
        read(place.workspace / row["file"]), 0.875 * read(place.workspace / "mix.flac"), atol=1e-4
    )
