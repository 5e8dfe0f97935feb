"""Where weights are looked for, and what is said where they are not whole."""

import errno
import json
import pickle
from pathlib import Path

import pytest

from leitmotif.encoders import clap, clip, laion, siglip
from leitmotif.weights import hub
from leitmotif.weights.hub import local_folder, tokenizer_folder
from leitmotif.weights.load import check_complete, loading
from leitmotif.weights.published import PINNED, pinned
from leitmotif.weights.resolve import BadModel, check_folder, resolve_model, revision_of, weight_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_folder_with_weights_of_either_format_is_a_model(folder, name):
    (folder / name).write_bytes(b"weights")
    assert check_folder(folder) == folder
    assert resolve_model(str(folder)) == folder
    assert revision_of(folder, None, None).startswith("sha256:")


def test_safetensors_come_before_bin(folder):
    for name in ("model.safetensors", "pytorch_model.bin"):
        (folder / name).write_bytes(b"weights")
    assert weight_files(folder) == [folder / "model.safetensors"]


def test_weights_in_several_files_are_all_asked_for(folder):
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model-1.safetensors").write_bytes(b"1")
    with pytest.raises(BadModel, match=r"without model-2.safetensors, one of 2 files"):
        check_folder(folder)
    (folder / "model-2.safetensors").write_bytes(b"2")
    assert [path.name for path in weight_files(check_folder(folder))] == [
        "model-1.safetensors",
        "model-2.safetensors",
    ]


def test_an_index_that_is_none_is_one_line(folder):
    (folder / "model.safetensors.index.json").write_text("<html>")
    with pytest.raises(BadModel, match="no index of weights"):
        check_folder(folder)


def test_the_revision_follows_the_contents_of_all_files(folder):
    (folder / "pytorch_model.bin").write_bytes(b"one")
    first = revision_of(folder, None, None)
    (folder / "pytorch_model.bin").write_bytes(b"other")
    assert revision_of(folder, None, None) != first


def test_a_file_of_weights_is_found_by_its_path_and_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path))
    (tmp_path / "630k-best.pt").write_bytes(b"weights")
    for name in (str(tmp_path / "630k-best.pt"), "630k-best.pt"):
        assert resolve_model(name, files=(".pt",)) == tmp_path / "630k-best.pt"
    with pytest.raises(BadModel, match="no such file exists"):
        resolve_model("other.pt", files=(".pt",))
    with pytest.raises(BadModel, match="a file; expected a folder"):
        resolve_model(str(tmp_path / "630k-best.pt"))


def test_a_hub_id_has_the_pinned_commit_unless_another_is_asked_for():
    assert pinned("laion/larger_clap_general") == PINNED["laion/larger_clap_general"]
    assert pinned("laion/larger_clap_general", "main") == "main"
    assert pinned("somebody/something") == "main"
    assert revision_of("a/b", None, "main") == "main"


@pytest.mark.parametrize("module", [clap, clip, siglip])
def test_an_adapters_revision_is_the_pinned_one(module):
    assert PINNED[module.MODEL_ID] == module.REVISION
    assert len(module.REVISION) == 40
    assert laion.TOKENIZER_ID in PINNED


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """A hub that does not answer, and an empty cache; returns what was asked of the hub."""
    asked: list[dict] = []

    def snapshot_download(model, **options):
        asked.append(options)
        if options["local_files_only"]:
            raise FileNotFoundError("not in the cache")
        raise ConnectionError("no route to the hub\nretried five times")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    return asked


def test_a_model_that_cannot_be_fetched_is_one_line_that_names_the_command(offline):
    with pytest.raises(
        BadModel, match=r"cannot be fetched \(no route to the hub\).*leitmotif fetch-models"
    ) as caught:
        local_folder("laion/larger_clap_general", "abc")
    assert "\n" not in str(caught.value)
    assert "abc" in str(caught.value)
    assert [options["local_files_only"] for options in offline] == [True, False]


def test_a_full_disk_is_not_blamed_on_the_model(monkeypatch):
    def snapshot_download(model, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    with pytest.raises(OSError, match="No space"):
        local_folder("a/b", "main")


def test_what_is_in_the_cache_is_not_asked_of_the_hub(monkeypatch, folder):
    (folder / "model.safetensors").write_bytes(b"weights")

    def snapshot_download(model, **options):
        assert options["local_files_only"]
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    assert local_folder("a/b", "main") == folder


def test_a_repository_with_bin_files_only_is_fetched_whole(monkeypatch, folder):
    asked = []

    def snapshot(model, revision, *patterns, cached=False):
        if not cached:
            asked.append("*.safetensors" in patterns)
        if "pytorch_model*.bin*" in patterns:
            (folder / "pytorch_model.bin").write_bytes(b"weights")
        return folder

    monkeypatch.setattr(hub, "_snapshot", snapshot)
    assert local_folder("a/b", "main") == folder
    assert asked == [True, False]


def test_a_tokenizer_folder_must_hold_one(tmp_path, offline):
    with pytest.raises(BadModel, match=r"without tokenizer\.json or vocab\.json"):
        tokenizer_folder(str(tmp_path), "main")
    with pytest.raises(BadModel, match="no such folder"):
        tokenizer_folder(str(tmp_path / "none"), "main")
    with pytest.raises(BadModel, match="cannot be fetched"):
        tokenizer_folder("FacebookAI/roberta-base", "main")
    (tmp_path / "vocab.json").write_text("{}")
    assert tokenizer_folder(str(tmp_path), "main") == tmp_path


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("first\nsecond"),
        KeyError("x"),
        EOFError(),
        pickle.UnpicklingError("p"),
    ],
)
def test_whatever_a_library_raises_becomes_one_line(error):
    with (
        pytest.raises(
            BadModel, match=r"got model 'm', which does not load as X \(.+\); expected y"
        ) as caught,
        loading("m", "X", "y"),
    ):
        raise error
    assert "\n" not in str(caught.value)


def test_want_of_memory_is_not_blamed_on_the_model():
    with pytest.raises(MemoryError), loading("m", "X", "y"):
        raise MemoryError


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"1 weights are of another shape, a\.weight first"):
        check_complete({"missing_keys": set(), "mismatched_keys": {("a.weight", (1,), (2,))}})
