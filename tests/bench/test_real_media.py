"""Tracks out of Debian's packages, with a package made here in the place of its archive."""

import shutil
import subprocess
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


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package of a game, which an `apt-get` in front of the path hands out, noting that it was asked."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("no dpkg-deb: packages of Debian are made and read by it")
    games = tmp_path / "package" / "usr" / "share" / "games"
    tone(games / "theme.ogg", 3.0)
    tone(games / "level" / "theme.ogg", 2.5, 660.0)
    shutil.copy(games / "theme.ogg", games / "zz once more.ogg")
    (games / "linked.ogg").symlink_to("theme.ogg")
    tone(games / "click.ogg", 0.5)
    (games / "broken.ogg").write_bytes(b"OggS and no more")
    (games / "README").write_text("no music")
    tone(tmp_path / "boss.ogg", 4.0, 220.0)
    with zipfile.ZipFile(games / "data.pk3", "w") as bundle:
        bundle.write(tmp_path / "boss.ogg", "music/boss.ogg")
    control = tmp_path / "package" / "DEBIAN" / "control"
    control.parent.mkdir()
    control.write_text(
        "Package: game-music\nVersion: 1.2-3\nArchitecture: all\nMaintainer: nobody <n@example.org>\n"
        "Description: music\n"
    )
    subprocess.run(
        ["dpkg-deb", "--build", tmp_path / "package", tmp_path / "made.deb"], check=True, capture_output=True
    )
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    handed_out = f"cp {tmp_path}/made.deb game-music_1.2-3_all.deb"
    apt.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n{handed_out}\n')
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{apt.parent}:/usr/bin:/bin")
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
    (tmp_path / "apt-get").write_text("#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n")
    (tmp_path / "apt-get").chmod(0o755)
    assert main([str(tmp_path / "music")]) == 1
    assert "E: Unable to locate package; see whether `apt-get update` helps" in capsys.readouterr().err
    assert read_index(tmp_path / "music") == []
