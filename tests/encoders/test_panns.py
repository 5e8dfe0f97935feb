"""The PANNs adapter, on a tiny stand-in for Cnn14; slow tests run the network itself, with random weights."""

import importlib
import importlib.util
import os
import pickle
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from leitmotif.encoders import panns
from leitmotif.encoders.panns import PannsTagger
from leitmotif.weights.published import CNN14
from leitmotif.weights.resolve import BadModel
from tests.encoders.panns_files import TinyCnn14, noise, write_tiny_cnn14


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(panns, "cnn14_class", lambda: TinyCnn14)
    write_tiny_cnn14(tmp_path / CNN14.file)
    return tmp_path / CNN14.file


@pytest.fixture
def tagger(checkpoint: Path) -> PannsTagger:
    return PannsTagger(str(checkpoint), batch=2).load()


def test_the_labels_are_those_of_audioset():
    names = panns.labels()
    assert len(names) == len(set(names)) == panns.CLASSES == 527
    assert (names[0], names[28], names[526]) == ("Speech", "Choir", "Field recording")


def test_the_facts_at_the_top_are_those_of_the_checkpoint():
    assert (CNN14.model, CNN14.revision) == (panns.MODEL_ID, panns.REVISION)


def test_windows_become_probabilities_of_the_network(checkpoint, tagger):
    net = write_tiny_cnn14(checkpoint)
    windows = [noise(10, 0), noise(10, 1), noise(3, 2), noise(10, 3)]
    scores = tagger.score_windows(windows)
    assert scores.shape == (4, 527) and scores.dtype == np.float32
    assert scores.min() >= 0 and scores.max() <= 1
    for window, row in zip(windows, scores, strict=True):
        expected = net(torch.from_numpy(window)[None])["clipwise_output"][0].numpy(force=True)
        np.testing.assert_allclose(row, expected, atol=1e-6)


def test_neighbours_in_the_list_do_not_change_a_window(tagger):
    windows = [noise(10, seed) for seed in range(5)]
    together = tagger.score_windows(windows)
    apart = np.concatenate([tagger.score_windows([window]) for window in windows])
    np.testing.assert_allclose(together, apart, atol=1e-5)
    assert np.array_equal(tagger.score_windows(windows), together)
    assert np.abs(together[0] - together[1]).max() > 1e-5


def test_no_windows_become_no_rows(tagger):
    assert tagger.score_windows([]).shape == (0, 527)


def test_a_long_window_counts_as_its_beginning_and_a_short_one_is_padded_to_a_second(tagger):
    long = noise(12)
    assert np.array_equal(tagger.score_windows([long]), tagger.score_windows([long[:320_000]]))
    one = np.array([0.5], np.float32)
    padded = np.pad(one, (0, 31_999))
    assert np.array_equal(tagger.score_windows([one]), tagger.score_windows([padded]))


def test_silence_has_finite_scores(tagger):
    assert np.isfinite(tagger.score_windows([np.zeros(320_000, np.float32)])).all()


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (np.zeros(0, np.float32), "n >= 1"),
        (np.zeros((2, 32_000), np.float32), "mono"),
        (np.array([0.0, np.nan], np.float32), "NaN"),
        (np.array([0.0, np.inf], np.float32), "NaN"),
    ],
)
def test_a_window_that_is_no_audio_is_refused(tagger, window, message):
    with pytest.raises(ValueError, match=message):
        tagger.score_windows([window])


def test_settings_travel_to_a_worker_before_loading():
    tagger = pickle.loads(pickle.dumps(PannsTagger("somewhere.pth", batch=4)))
    assert (tagger.panns, tagger.batch) == ("somewhere.pth", 4)
    with pytest.raises(RuntimeError, match="load"):
        tagger.score_windows([])
    with pytest.raises(ValueError, match="batch=0"):
        PannsTagger(batch=0)


def test_the_checkpoint_is_found_where_models_are_fetched_to(checkpoint, monkeypatch):
    monkeypatch.setenv("LEITMOTIF_MODELS", str(checkpoint.parent))
    by_default, by_folder = PannsTagger().load(), PannsTagger(str(checkpoint.parent)).load()
    assert by_default.revision_id == by_folder.revision_id == CNN14.name(None).partition("@")[2]
    assert by_default.revision_id.startswith("sha256:")


def test_what_lies_beside_the_weights_of_an_old_checkpoint_does_not_matter(checkpoint, tmp_path):
    write_tiny_cnn14(checkpoint, iteration=600_000, sampler={"queue": np.arange(3), "at": np.float64(1)})
    assert PannsTagger(str(checkpoint)).load().score_windows([noise(1)]).shape == (1, 527)
    # As NumPy 1 wrote it, in the format of before torch 1.6.
    legacy = tmp_path / "legacy.pth"
    document = torch.load(checkpoint, weights_only=False)
    torch.save(document, legacy, _use_new_zipfile_serialization=False)
    legacy.write_bytes(legacy.read_bytes().replace(b"numpy._core.", b"numpy.core."))
    assert PannsTagger(str(legacy)).load().score_windows([noise(1)]).shape == (1, 527)


@pytest.mark.parametrize("where", ["nowhere", "nowhere.pth", None])
def test_a_missing_checkpoint_is_one_clear_line(where, tmp_path, monkeypatch):
    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path))
    with pytest.raises(BadModel, match="fetch-models --profile paper") as caught:
        PannsTagger(where and str(tmp_path / where)).load()
    text = str(caught.value)
    assert "\n" not in text
    assert "--set vocals.panns=" in text and "zenodo.org" in text and str(tmp_path) in text


class _Shell:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("run-by-a-checkpoint",)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:9_000]), "does not open as a checkpoint"),
        (lambda path: path.write_bytes(b""), "does not open as a checkpoint"),
        (lambda path: path.write_text("<html>Not found</html>"), "does not open as a checkpoint"),
        (lambda path: torch.save({"model": _Shell()}, path), "does not open as a checkpoint"),
        (lambda path: torch.save({"state_dict": {}}, path), "without weights under 'model'"),
        (lambda path: torch.save([1], path), "without weights under 'model'"),
        (
            lambda path: torch.save({"model": {"a": torch.ones(1)}}, path),
            "3 weights missing, fc_au",
        ),
    ],
)
def test_a_file_that_is_no_checkpoint_is_one_clear_line(checkpoint, damage, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    damage(checkpoint)
    with pytest.raises(BadModel, match=message) as caught:
        PannsTagger(str(checkpoint)).load()
    assert "\n" not in str(caught.value)
    assert not Path("run-by-a-checkpoint").exists()


def test_weights_of_another_network_are_named(checkpoint):
    document = torch.load(checkpoint)
    document["model"]["extra"] = torch.ones(1)
    document["model"]["fc_audioset.bias"] = torch.ones(3)
    torch.save(document, checkpoint)
    with pytest.raises(BadModel, match="1 weights unexpected, extra first; 1 weights of another shape"):
        PannsTagger(str(checkpoint)).load()


@pytest.fixture
def unimported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith((panns._PACKAGE, "matplotlib"))]:
        monkeypatch.delitem(sys.modules, name)


def test_the_package_is_imported_without_running_it(unimported, tmp_path, monkeypatch):
    def forbidden(command: str) -> int:
        raise AssertionError(command)

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(os, "system", forbidden)
    before = set(sys.modules)
    assert panns.cnn14_class.__wrapped__().__name__ == "Cnn14"
    assert not {name.partition(".")[0] for name in set(sys.modules) - before} & {
        "panns_inference", "matplotlib",
    }  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_many_threads_import_one_class(unimported):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(panns.cnn14_class.__wrapped__())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1
    assert "matplotlib" not in sys.modules


def test_a_failed_import_leaves_nothing_behind(unimported, monkeypatch):
    def fail(name: str) -> None:
        assert "matplotlib.pyplot" in sys.modules
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ImportError):
        panns.cnn14_class.__wrapped__()
    assert not {"panns_inference", "matplotlib", "matplotlib.pyplot"} & set(sys.modules)


def test_a_missing_package_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadModel, match=r"pip install 'leitmotif-av\[paper\]'"):
        panns.cnn14_class.__wrapped__()


@pytest.mark.slow
def test_the_scores_are_those_of_cnn14_itself(tmp_path):
    torch.manual_seed(0)
    net = panns.cnn14_class()(32_000, 1024, 320, 64, 50, 14_000, 527).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2.0)
    path = tmp_path / CNN14.file
    torch.save({"model": net.state_dict()}, path, _use_new_zipfile_serialization=False)
    assert abs(path.stat().st_size - CNN14.size_bytes) < 10_000
    tagger = PannsTagger(str(path), batch=2).load()
    windows = [noise(10, 0), noise(10, 1), noise(2.5, 2), noise(1.0, 3)]
    scores = tagger.score_windows(windows)
    assert scores.std(axis=0).max() > 1e-3
    for window, row in zip(windows, scores, strict=True):
        with torch.no_grad():
            expected = net(torch.from_numpy(window)[None])["clipwise_output"][0].numpy()
        np.testing.assert_allclose(row, expected, atol=1e-6)
        np.testing.assert_allclose(row, tagger.score_windows([window])[0], atol=1e-5)
    assert np.array_equal(tagger.score_windows(windows), scores)
    assert np.isfinite(tagger.score_windows([np.zeros(1, np.float32), np.zeros(320_000, np.float32)])).all()
    # What half precision on a GPU costs: the network after the spectrogram, under autocast.
    batch = torch.from_numpy(np.stack(windows[:2]))
    with torch.inference_mode():
        mel = tagger._mel(batch)
        with torch.autocast("cpu", torch.bfloat16):
            half = tagger._net(mel)["clipwise_output"].float().numpy()
    np.testing.assert_allclose(half, scores[:2], atol=1e-2)
