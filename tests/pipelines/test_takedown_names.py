"""What names a source, and what a word that names none may have meant."""

from leitmotif.pipelines.takedown.sources import Fact, Index


def test_an_address_that_is_nearly_known_is_told_as_it_was_written() -> None:
    index = Index([Fact(source_id="a.mp3", urls=frozenset({"https://www.example.org/vibe"}))])
    assert index.near("https://example.org/vibes") == ["https://www.example.org/vibe"]


def test_a_file_that_is_nearly_known_is_told() -> None:
    assert Index([Fact(source_id="deep/song.mp3")]).near("song.mp3") == ["deep/song.mp3"]
    assert Index([Fact(source_id="songs.mp3")]).near("song.mp3") == ["songs.mp3"]
