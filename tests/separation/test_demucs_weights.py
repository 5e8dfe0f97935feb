import pytest
import torch

from leitmotif.separation import demucs
from leitmotif.separation.demucs import MODEL_ID, REVISION, DemucsSeparator, weights
from leitmotif.separation.separator import BadWeights
from tests.separation.demucs_models import TINY, save_model

FETCH = "leitmotif fetch-models --profile paper"


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """An empty torch hub, and no way to fill it."""

    def refuse(*arguments, **settings):
        raise AssertionError("a run must download nothing")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    monkeypatch.setattr("demucs.hf.get_hf_model", refuse)


def refusal(match: str, **settings) -> str:
    with pytest.raises(BadWeights, match=match) as caught:
        DemucsSeparator(**settings).load()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_published_models_are_known_by_what_their_files_are_named():
    assert DemucsSeparator().model() == f"{MODEL_ID}@{REVISION}" == "htdemucs@8726e21a"
    tuned = DemucsSeparator(model="htdemucs_ft")
    assert tuned.model() == "htdemucs_ft@ba3fe64a+e57c48e6+ef3bcb9c+f3cf25b2"
    (file,) = weights()
    assert file.url == "https://dl.fbaipublicfiles.com/demucs/hybrid_transformer/955717e8-8726e21a.th"
    assert file.sha256 == "8726e21a"


def test_missing_weights_name_the_files_and_the_command(tmp_path):
    text = refusal(FETCH)
    assert "955717e8-8726e21a.th" in text and str(tmp_path) in text
    assert refusal(FETCH, model="htdemucs_ft").count(".th") == 4


def test_an_unknown_model_lists_the_known_ones(repo):
    assert "htdemucs_ft" in refusal("'htdemcus'", model="htdemcus")
    assert "both, tuned" in refusal("'htdemucs'", repo=repo)
    with pytest.raises(BadWeights, match="'htdemcus'"):
        DemucsSeparator(model="htdemcus").model()


def test_fetched_weights_are_loaded_from_the_torch_hub(monkeypatch, tmp_path):
    published = tmp_path / "published"
    path = save_model(tmp_path / "torch" / "hub" / "checkpoints", "0123abcd")
    published.mkdir()
    (published / "files.txt").write_text(f"root: somewhere/\n{path.name}\n")
    (published / "htdemucs.yaml").write_text("models: ['0123abcd']\n")
    monkeypatch.setattr("demucs.api.REMOTE_ROOT", published)
    monkeypatch.setattr(demucs, "REMOTE_ROOT", published)
    separator = DemucsSeparator().load()
    assert separator.rate_hz == TINY["samplerate"]
    assert separator.model() == f"htdemucs@{path.stem.split('-')[1]}"
    path.write_bytes(path.read_bytes()[:-1])
    refusal("does not load .*checksum")


def test_a_repo_that_is_not_there_is_named(tmp_path):
    refusal("nowhere", repo=tmp_path / "nowhere")


def test_an_empty_repo_says_what_belongs_there(tmp_path):
    refusal(r"NAME\.th", repo=tmp_path)


def test_a_bag_without_its_models_names_them(tmp_path):
    (tmp_path / "bag.yaml").write_text("models: [one, two]\n")
    refusal("lacks one, two", model="bag", repo=tmp_path)


@pytest.mark.parametrize("text", ["models: 3", "[]", "{weights: []}", "models: [", ""])
def test_a_bag_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "bag.yaml").write_text(text)
    refusal("'bag'.*does not load", model="bag", repo=tmp_path)


def test_a_truncated_file_is_refused_by_its_checksum_or_without(tmp_path):
    path = save_model(tmp_path, "tiny")
    path.write_bytes(path.read_bytes()[:-100])
    refusal("does not load .*checksum", model="tiny", repo=tmp_path)
    path.rename(tmp_path / "tiny.th")
    refusal("does not load", model="tiny", repo=tmp_path)


def test_files_of_another_kind_are_refused(tmp_path):
    (tmp_path / "text.th").write_text("weights")
    torch.save({"state": {}}, tmp_path / "bare.th")
    for name in ("text", "bare"):
        refusal("does not load", model=name, repo=tmp_path)


def test_weights_of_another_architecture_are_refused(tmp_path):
    path = save_model(tmp_path, "tiny")
    package = torch.load(path, weights_only=False)
    package["kwargs"]["channels"] = 8
    torch.save(package, tmp_path / "wide.th")
    refusal("does not load .*size mismatch", model="wide", repo=tmp_path)


def test_a_quantised_model_names_its_package(tmp_path):
    package = torch.load(save_model(tmp_path, "tiny"), weights_only=False)
    package["state"]["__quantized"] = True
    torch.save(package, tmp_path / "small.th")
    refusal("diffq", model="small", repo=tmp_path)


def test_two_files_of_one_name_are_refused(tmp_path):
    save_model(tmp_path, "tiny")
    save_model(tmp_path, "other").rename(tmp_path / "tiny.th")
    refusal("does not load .*[Dd]uplicate", model="tiny", repo=tmp_path)


@pytest.mark.parametrize("settings", [{"audio_channels": 1}, {"sources": ["drums", "bass"]}])
def test_a_mono_model_and_one_without_vocals_are_refused(tmp_path, settings):
    save_model(tmp_path, "tiny", **TINY, **settings)
    refusal("expected 2 channels and vocals", model="tiny", repo=tmp_path)


def test_a_device_that_is_not_there_is_named(repo):
    with pytest.raises(ValueError, match="'nonsense'"):
        DemucsSeparator(model="tiny", repo=repo).load("nonsense")


def test_separating_before_loading_says_so(repo):
    with pytest.raises(RuntimeError, match="load"):
        DemucsSeparator(model="tiny", repo=repo).separate(torch.zeros(1, 2, 9).numpy(), 8000)
