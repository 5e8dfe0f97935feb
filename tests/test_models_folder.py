"""The tests' own promise: no fetched models, but for those that ask, in whichever process of `make test`."""

import os
from pathlib import Path

from leitmotif.weights.files import models_dir


def test_no_test_sees_fetched_models_and_each_process_knows_where_they_lie() -> None:
    assert not [*models_dir().glob("*")]
    # A process of `make test` is started by one that sees none itself.
    assert not Path(os.environ["LEITMOTIF_FETCHED_MODELS"]).name.startswith("no-models-of-")
