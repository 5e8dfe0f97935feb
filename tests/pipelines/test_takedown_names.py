"""What names a source, and what a word that names none may have meant."""

from pathlib import Path
from typing import Any

import pytest

from leitmotif.pipelines.takedown.run import plan_takedown
from leitmotif.pipelines.takedown.sources import Fact, Index
from leitmotif.pipelines.takedown.targets import Targets
from leitmotif.storage.documents import yaml_text
from leitmotif.storage.errors import UserError
from tests.retrieval.known_rows import a_row, write_dataset


def of_one_name(folder: Path, *recordings: str, window_s: float | None) -> Targets:
    """Write a dataset of clips that are all called song.mp3, and have no address."""
    rows = [
        a_row(number, source_id="song.mp3", source_url=None, recording_id=recording)
        for number, recording in enumerate(recordings)
    ]
    dataset = write_dataset(folder / "ds", rows)
    (dataset / "recipe.yaml").write_text(yaml_text({"version": "0.1.0", "window_s": window_s}))
    return Targets(dataset=dataset)


def clips_of(word: str, targets: Targets) -> list[int]:
    removals: list[Any] = plan_takedown([word], targets)
    return [int(clip, 16) for removal in removals for clip in removal.clip_ids]


def test_windows_of_a_file_go_together(tmp_path: Path) -> None:
    targets = of_one_name(tmp_path, "one", "one", window_s=4.0)
    assert clips_of("song.mp3", targets) == clips_of(f"{1:032x}", targets) == [0, 1]


@pytest.mark.parametrize("window_s", [None, 4.0])
def test_files_of_one_name_in_a_dataset_are_sources_of_their_own(
    tmp_path: Path, window_s: float | None
) -> None:
    targets = of_one_name(tmp_path, "one", "another", window_s=window_s)
    with pytest.raises(UserError, match=r"'song.mp3' names 2 sources \("):
        plan_takedown(["song.mp3"], targets)
    assert clips_of(f"{1:032x}", targets) == [1]


def test_windows_of_two_files_of_one_name_are_told_apart_by_their_recording(tmp_path: Path) -> None:
    targets = of_one_name(tmp_path, "one", "another", "one", window_s=4.0)
    assert clips_of(f"{2:032x}", targets) == [0, 2]
    with pytest.raises(UserError, match="names 2 sources"):
        plan_takedown(["song.mp3"], targets)


def test_an_address_is_never_taken_for_a_similar_one_which_is_of_another_work() -> None:
    index = Index([Fact(source_id="2.mp3", urls=frozenset({"https://example.org/v/1"}))])
    assert index.near("https://example.org/v/2") == []


def test_a_file_that_is_nearly_known_is_told() -> None:
    assert Index([Fact(source_id="deep/song.mp3")]).near("song.mp3") == ["deep/song.mp3"]
    assert Index([Fact(source_id="songs.mp3")]).near("song.mp3") == ["songs.mp3"]
