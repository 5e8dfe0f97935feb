"""Collecting as a Prefect flow."""

from pathlib import Path

import pytest

from leitmotif.collection.settings import Settings
from leitmotif.pipelines.collect import collect_flow
from leitmotif.storage.errors import UserError


@pytest.mark.slow
def test_the_flow_does_what_the_function_does(tmp_path: Path) -> None:
    (tmp_path / "urls.txt").write_text("http://10.0.0.1/a.wav\n")
    tally = collect_flow([str(tmp_path / "urls.txt")], tmp_path / "out", Settings(pause_s=0.0))
    assert (tally.wanted, tally.refused) == (1, 1)
    with pytest.raises(UserError, match="neither an address"):
        collect_flow([str(tmp_path / "nothing")], tmp_path / "out", Settings())
