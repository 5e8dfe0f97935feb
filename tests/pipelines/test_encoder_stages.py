"""The stages that run CLAP and CLIP over clips: the same rows alone, together, and after a crash."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leitmotif.encoders.musicnn import LABELS
from leitmotif.media.flac import write_flac
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.finite import check_finite
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip, StageContext
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.pipelines.stages.frames import pack_frames
from leitmotif.pipelines.stages.tagging import TaggingStage
from leitmotif.pipelines.stages.vision import VisionStage
from leitmotif.storage.parquet import DamagedError
from leitmotif.storage.table import KEY, AppendOnlyTable
from leitmotif.taxonomy import labels
from leitmotif.weights.published import MSCLAP_2023
from leitmotif.weights.resolve import BadModel
from leitmotif.weights.wheel_table import MUSICNN
from tests.encoders.msclap_files import write_tiny_msclap, write_tokenizer
from tests.encoders.musicnn_files import write_tiny_musicnn

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """A workspace with sounds of several lengths and frames of several clips."""
    workspace = tmp_path_factory.mktemp("ws")
    rng = np.random.default_rng(0)
    for number, length_s in enumerate((3.0, 10.0, 0.2, 21.0, 12.5)):
        sound = 0.2 * rng.standard_normal((2, round(length_s * RATE_HZ))).astype(np.float32)
        write_flac([sound], workspace / f"{number}.flac", rate_hz=RATE_HZ)
        (workspace / f"{number}.zip").write_bytes(
            pack_frames([jpeg(rng) for _ in range(number + 1)], range(number + 1))
        )
    write_flac([np.zeros((2, RATE_HZ), np.float32)], workspace / "silent.flac", rate_hz=RATE_HZ)
    write_flac([], workspace / "empty.flac", rate_hz=RATE_HZ)
    (workspace / "empty.zip").write_bytes(pack_frames([], []))
    return StageContext(workspace, workspace / "files", workspace / "scratch", SandboxedWorker())


def jpeg(rng: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (54, 96, 3), dtype=np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def clip(name: object) -> Clip:
    inputs = {"separation": {"file": f"{name}.flac"}, "frames": {"file": f"{name}.zip"}}
    return Clip(str(name), Path("video.mp4"), inputs=inputs)


def opened(kind: Any, place: StageContext, *assignments: str) -> Any:
    stage = kind(make_plan("music-video", "embedded", assignments))
    stage.open(place)
    return stage


@pytest.fixture(scope="module", params=[TaggingStage, VisionStage])
def stage(request: pytest.FixtureRequest, place: StageContext) -> Any:
    return opened(request.param, place)


def numbers(row: dict[str, Any]) -> np.ndarray:
    return np.concatenate([np.ravel(value) for value in row.values()])


def test_rows_have_the_columns_of_the_store(stage: Any) -> None:
    rows = list(stage.measure([clip(number) for number in range(5)]))
    for row in rows:
        assert set(row) <= set(stage.COLUMNS.names)
        assert np.isfinite(numbers(row)).all()
        assert np.linalg.norm(
            row["clap_embedding" if "windows" in row else "clip_embedding"]
        ) == pytest.approx(1.0, abs=1e-5)
    if "windows" in rows[0]:
        assert [len(row["windows"]) for row in rows] == [1, 1, 1, 3, 2]


def test_rows_are_the_same_to_the_bit_however_clips_come(stage: Any) -> None:
    clips = [clip(number) for number in range(5)]
    together = [numbers(row) for row in stage.measure(clips)]
    alone = [numbers(row) for one in clips for row in stage.measure([one])]
    backwards = [numbers(row) for row in stage.measure(clips[::-1])][::-1]
    after_a_crash = [numbers(row) for part in (clips[:2], clips[2:]) for row in stage.measure(part)]
    for other in (alone, backwards, after_a_crash):
        assert all(np.array_equal(one, two) for one, two in zip(together, other, strict=True))


def test_what_cannot_be_read_is_its_own_clips_fault(stage: Any) -> None:
    rows = list(stage.measure([clip(0), clip("empty"), clip(1)]))
    assert [isinstance(row, Exception) for row in rows] == [False, True, False]
    assert "empty" in str(rows[1])


def test_a_file_that_is_gone_is_no_clips_fault(stage: Any) -> None:
    with pytest.raises(DamagedError, match="missing"):
        list(stage.measure([clip(0), clip("missing"), clip(1)]))


def test_silence_is_tagged_like_any_sound(place: StageContext) -> None:
    (row,) = opened(TaggingStage, place).measure([clip("silent")])
    assert np.isfinite(numbers(row)).all()


def test_ms_clap_embeds_sound_for_sentences_to_find(place: StageContext, tmp_path: Path) -> None:
    write_tiny_msclap(tmp_path / MSCLAP_2023.file)
    names = {"backend": "ms-clap", "model": tmp_path / MSCLAP_2023.file}
    names["tokenizer"] = write_tokenizer(tmp_path / "gpt2")
    stage = opened(TaggingStage, place, *(f"tagging.{key}={value}" for key, value in names.items()))
    one, *_ = rows = list(stage.measure([clip(0), clip(3)]))
    assert [len(row["windows"]) for row in rows] == [1, 3]  # windows of seven seconds
    cosines = stage.encoder.embed_texts(["a song at the sea"]) @ one["clap_embedding"]
    assert np.abs(cosines).max() <= 1 and stage.model().startswith("microsoft/msclap@sha256:")
    published = make_plan(
        "music-video", "embedded", ["tagging.backend=ms-clap", "tagging.model=microsoft/msclap"]
    )
    assert TaggingStage(published).model() == f"microsoft/msclap@{MSCLAP_2023.revision}"


@pytest.fixture(scope="module")
def joined(place: StageContext, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Tagging by musicnn, with few random weights, beside clap-mini."""
    patch = pytest.MonkeyPatch()
    patch.setenv("LEITMOTIF_MODELS", str(tmp_path_factory.mktemp("models")))
    write_tiny_musicnn(MUSICNN.folder)
    yield opened(TaggingStage, place, "tagging.backend=musicnn+clap")
    patch.undo()


def test_beside_clap_a_tagger_changes_scores_alone(joined: Any, place: StageContext) -> None:
    clips, known = [clip(number) for number in range(5)], labels.load()
    for both, alone in zip(joined.measure(clips), opened(TaggingStage, place).measure(clips), strict=True):
        assert set(both) == set(joined.COLUMNS.names)
        assert np.array_equal(both["clap_embedding"], alone["clap_embedding"])
        assert np.array_equal(both["windows"], alone["windows"])
        np.testing.assert_allclose(both["clap_scores"][: len(alone["scores"])], alone["scores"], atol=1e-6)
        assert len(both["tagger_scores"]) == 100 and len(both["voices"]) == len(known.vocals)
        tags = dict(zip((label.id for label in known.all_tags()), both["scores"], strict=True))
        assert tags["timpani"] is None and 0 < tags["violin"] < 1
        assert tags["violin"] == pytest.approx(both["tagger_scores"][LABELS.index("mtt:violin")], abs=1e-6)


def test_a_tagger_hears_whole_windows_alone_where_there_are_any(joined: Any) -> None:
    size = round(joined.tagger.window_s * joined.tagger.rate_hz)
    long, short = joined._read_both(clip(3)), joined._read_both(clip(2))
    assert [len(window) for window in long.tagger] == [size] * 6  # of 21 s, whose last 2.95 s are left
    assert len(long.clap) == 3
    assert len(short.tagger) == 1 and len(short.tagger[0]) < size


def test_rows_of_both_models_are_the_same_to_the_bit_however_clips_come(joined: Any) -> None:
    clips = [clip(number) for number in range(5)]
    together = list(joined.measure(clips))
    for other in (
        [row for one in clips for row in joined.measure([one])],
        [*joined.measure(clips[::-1])][::-1],
    ):
        for one, two in zip(together, other, strict=True):
            assert all(np.array_equal(one[name], two[name]) for name in one)


def test_scores_that_nobody_gave_are_stored_as_null(joined: Any, tmp_path: Path) -> None:
    (row,) = joined.measure([clip(0)])
    check_finite(row)
    table = AppendOnlyTable(tmp_path / "tagging", TaggingStage.COLUMNS, scratch=tmp_path / "scratch")
    table.append([{KEY: "a", **row}])
    (stored,) = table.read(["scores"]).to_pylist()
    assert [score is None for score in stored["scores"]] == [score is None for score in row["scores"]]


def test_each_model_is_loaded_once(place: StageContext) -> None:
    assert opened(TaggingStage, place).encoder is opened(TaggingStage, place).encoder
    settings = make_plan("music-video", "embedded").stages["tagging"]
    assert encoder_cache.clap_of(settings) is opened(TaggingStage, place).encoder


def test_every_setting_reaches_the_encoder(place: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    class Recorder:
        def __init__(self, model: str, **settings: Any) -> None:
            given.update(model=model, **settings)

        def load(self, device: str) -> "Recorder":
            given.update(device=device)
            return self

        def embed_texts(self, texts: list[str]) -> np.ndarray:
            return np.ones((len(texts), 4), np.float32)

    monkeypatch.setattr("leitmotif.encoders.clap.AUDIO_ENCODER", Recorder)
    opened(TaggingStage, place, "tagging.model=/x.pt", "tagging.tokenizer=/t", "tagging.revision=r")
    assert given == {"model": "/x.pt", "revision": "r", "tokenizer": "/t", "device": "cpu"}


@pytest.mark.parametrize(
    ("kind", "assignments", "said"),
    [
        (TaggingStage, ("tagging.model=nowhere.pt",), "no such file"),
        (TaggingStage, ("tagging.model=./nowhere",), "no such folder"),
        (TaggingStage, ("tagging.backend=laion-clap",), r"expected a \.pt file"),
        (TaggingStage, ("tagging.model=clip-mini",), "model_type 'clip'"),
        (VisionStage, ("vision.backend=siglip",), "model_type 'clip'"),
        (VisionStage, ("vision.model=./nowhere",), "no such folder"),
    ],
)
def test_an_unfit_model_is_one_clear_line(
    place: StageContext, kind: Any, assignments: Any, said: str
) -> None:
    with pytest.raises(BadModel, match=said) as caught:
        opened(kind, place, *assignments)
    assert "\n" not in str(caught.value)


def test_another_backend_or_model_is_another_store() -> None:
    plain = make_plan("music-video", "embedded")
    other = make_plan("music-video", "embedded", ["vision.backend=siglip", "tagging.tokenizer=roberta"])
    assert VisionStage(plain).identity() != VisionStage(other).identity()
    assert TaggingStage(plain).identity() != TaggingStage(other).identity()
    assert encoder_cache.model_of("tagging", "clap", {"model": "laion/clap-htsat-fused"}).endswith(
        "cca9e288ab447cee67d9ada1f85ddb46500f1401"
    )
