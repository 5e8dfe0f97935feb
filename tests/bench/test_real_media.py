"""Tracks out of Debian's packages, with a package made here in the place of its archive."""

import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.real_media import INDEX, Package, Track, fetch, main, read_index

RATE_HZ = 8000
GAME = Package("game-music", "CC0-1.0", "electronic", least_s=2.0)


def tone(path: Path, seconds: float, hz: float = 440.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ), RATE_HZ)


def write_command(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package of a game, which an `apt-get` in front of the path hands out, noting that it was asked.

    It is a tar file, and what stands there for `dpkg-deb` reads it: the test runs where there is no Debian.
    """
    games = tmp_path / "package" / "usr" / "share" / "games"
    tone(games / "theme.ogg", 3.0)
    tone(games / "level" / "theme.ogg", 2.5, 660.0)
    shutil.copy(games / "theme.ogg", games / "zz once more.ogg")
    (games / "linked.ogg").symlink_to("theme.ogg")
    tone(games / "click.ogg", 0.5)
    tone(games / "sounds" / "wind.ogg", 3.5, 880.0)
    (games / "broken.ogg").write_bytes(b"OggS and no more")
    (games / "README").write_text("no music")
    tone(tmp_path / "boss.ogg", 4.0, 220.0)
    with zipfile.ZipFile(games / "data.pk3", "w") as bundle:
        bundle.write(tmp_path / "boss.ogg", "music/boss.ogg")
    with tarfile.open(tmp_path / "made.deb", "w") as package:
        package.add(tmp_path / "package", ".")
    write_command(
        tmp_path / "bin" / "apt-get",
        f'echo "$@" >> {tmp_path}/asked; cp {tmp_path}/made.deb game-music_1.2-3_all.deb',
    )
    unpack = 'mkdir tree && tar -xf "$2" -C tree'
    write_command(
        tmp_path / "bin" / "dpkg-deb",
        f'case "$1 $3" in "--field Version") echo 1.2-3 ;; "--extract tree") {unpack} ;; *) exit 2 ;; esac',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    return tmp_path


def test_music_is_taken_once_and_effects_are_left(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tracks = fetch(archive / "music", [GAME])
    assert [track.file for track in tracks] == [
        "game-music/boss.ogg",
        "game-music/games-theme.ogg",
        "game-music/theme.ogg",
    ]
    assert tracks[0] == Track("game-music/boss.ogg", "game-music", "1.2-3", 4.0, "electronic", "CC0-1.0")
    assert sorted(path.name for path in (archive / "music" / "game-music").iterdir()) == [
        "boss.ogg",
        "games-theme.ogg",
        "theme.ogg",
    ]
    assert read_index(archive / "music") == tracks
    assert "broken.ogg is left out" in capsys.readouterr().out


def test_what_is_there_is_not_fetched_again(archive: Path) -> None:
    first = fetch(archive / "music", [GAME])
    assert fetch(archive / "music", [GAME]) == first
    (archive / "music" / INDEX).unlink()  # a run that was killed before it wrote the index
    assert fetch(archive / "music", [GAME]) == first
    assert (archive / "asked").read_text().splitlines() == ["download -q game-music"] * 2


def test_without_debian_it_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main([str(tmp_path / "music")]) == 1
    assert "there is no apt-get here" in capsys.readouterr().err
    write_command(tmp_path / "apt-get", "echo 'E: Unable to locate package' >&2; exit 100")
    assert main([str(tmp_path / "music")]) == 1
    assert "E: Unable to locate package; see whether `apt-get update` helps" in capsys.readouterr().err
    assert read_index(tmp_path / "music") == []
