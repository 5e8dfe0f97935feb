from pathlib import Path

import pytest

from tests.separation.demucs_models import save_model


@pytest.fixture(scope="session")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny models and two bags of them: one averages, one takes each for what it was tuned to."""
    folder = tmp_path_factory.mktemp("demucs")
    save_model(folder, "tiny")
    save_model(folder, "other", seed=1)
    (folder / "both.yaml").write_text("models: [tiny, other]\n")
    weights = "[[1, 1, 1, 0], [0, 0, 0, 1]]"
    (folder / "tuned.yaml").write_text(f"models: [tiny, other]\nweights: {weights}\n")
    return folder
