"""A machine without weights: caches lie in the test's own folder, and models come from a local server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.weights.file_server import Files, serve


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Send every cache of weights to a folder, and return it."""
    from huggingface_hub import constants

    monkeypatch.setenv("LEITMOTIF_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


@pytest.fixture
def server(caches: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """Serve files; it stands for the Hugging Face Hub too."""
    from huggingface_hub import constants

    from leitmotif.weights import fetch

    monkeypatch.setattr(fetch, "FIRST_PAUSE_S", 0.0)
    with serve(Files()) as files:
        monkeypatch.setattr(constants, "ENDPOINT", files.url)
        template = files.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield files
