"""What a person has who installed the wheel: its environment, and a folder with files of every kind."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from leitmotif.demo.corpus import render_corpus
from leitmotif.music.render import render_music
from leitmotif.music.voice import render_voice
from tests.pages import REPOSITORY, fences

NAMESAKES = ("django-tagging", "taxonomy")  # distributions whose modules have names of our folders
RATE_HZ = 44100
APPLE_DOUBLE = bytes.fromhex("0005160700020000") + bytes(74)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a shell in which the wheel is installed, and nothing of this tree is seen."""
    place = tmp_path_factory.mktemp("installed")
    wheels, home = place / "wheels", place / "home"
    home.mkdir()
    tree = place / "tree"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    for name in listed.stdout.split("\0"):
        if name and (REPOSITORY / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, tree / name)
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "--wheel-dir", wheels, tree], check=True)
    subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True)
    ours = ("PYTHON", "VIRTUAL", "LEITMOTIF")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    found = os.environ.get("PIP_FIND_LINKS", "").split()
    shell = kept | {
        "PATH": f"{place / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "PIP_CONSTRAINT": str(REPOSITORY / "constraints.txt"),
        "PIP_FIND_LINKS": " ".join([*found, str(wheels)]),
    }
    told = re.search(
        r"pip install -c constraints\.txt '\.(\[.+?\])'",
        (REPOSITORY / "README.md").read_text(encoding="utf-8"),
    )
    assert told
    command = ["pip", "install", "-q", f"leitmotif-av{told[1]}", *NAMESAKES]
    subprocess.run(command, env=shell, cwd=home, check=True)
    return shell


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty place in which the files lie that the pages speak of, under their names."""
    place = tmp_path_factory.mktemp("first-hour")
    videos, tracks = place / "my-videos", place / "my-tracks"
    render_corpus(videos, clips=10, seed=5, duration_s=6.0, size=(160, 90))
    make_tracks(tracks)
    shutil.copyfile(tracks / "speech.wav", videos / "speech.wav")
    known = json.loads((videos / "clip-0002.info.json").read_text())
    known |= {"webpage_url": "https://video.example/watch?v=1"}  # what README has taken down
    (videos / "clip-0002.info.json").write_text(json.dumps(known))
    spoil(videos)
    film = (videos / "clip-0001.mp4").read_bytes()
    for name in ("my-video.mp4", "film.mp4", *(f"out/{each}/a.mp4" for each in ("vmb", "cmt", "vidmuse"))):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(film)
    save_pictures(place / "film.mp4", place)
    (place / "my-dance.mp4").write_bytes((videos / "clip-0003.mp4").read_bytes())
    for name in ("nc/a.flac", "free/b.flac", "free/one/c.flac"):
        (place / "media" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tracks / "tide.flac", place / "media" / name)
    song = render_music(3, duration_s=64.0, rate_hz=RATE_HZ, vocals=True).mix
    soundfile.write(place / "song.mp3", np.asarray(song).T, RATE_HZ)
    (place / "songs.csv").write_text(fence_that("docs/metadata.md", "path,"))
    (place / "my.yaml").write_text(fence_that("docs/rules.md", "# my.yaml"))
    (place / "urls.txt").write_text("# one address a line\nhttps://video.example/film.mp4\n")
    return place


def fence_that(page: str, start: str) -> str:
    """The block of a page that begins so."""
    return next(fence.text for fence in fences(REPOSITORY / page) if fence.text.startswith(start))


def make_tracks(tracks: Path) -> None:
    """Music in two formats, and somebody who speaks."""
    (tracks / "Ann").mkdir(parents=True)
    for name, seed in (("tide.flac", 1), ("Ann/Tide.mp3", 2)):
        mix = render_music(seed, duration_s=8.0, rate_hz=RATE_HZ, vocals=False).mix
        soundfile.write(tracks / name, np.asarray(mix).T, RATE_HZ)
    rng = np.random.default_rng(0)
    soundfile.write(
        tracks / "speech.wav",
        0.5 * render_voice("speech", [], rng, samples=8 * RATE_HZ, rate_hz=RATE_HZ).T,
        RATE_HZ,
    )


def spoil(videos: Path) -> None:
    """Lay beside good files what lies in folders of people."""
    film = (videos / "clip-0000.mp4").read_bytes()
    (videos / "._clip-0000.mp4").write_bytes(APPLE_DOUBLE)
    (videos / "empty.mp4").touch()
    (videos / "text.mkv").write_text("no film")
    (videos / "cut off.mp4").write_bytes(film[: len(film) // 2])
    (videos / "Été 🎬.mp4").write_bytes(film)
    (videos / "Été 🎬.info.json").write_text('{"title": ')


def save_pictures(film: Path, place: Path) -> None:
    """Save the first pictures of a film as a photo and as a folder of frames."""
    (place / "frames").mkdir()
    with av.open(str(film)) as source:
        for number, frame in zip(range(3), source.decode(video=0), strict=False):
            frame.to_image().save(place / "frames" / f"{number}.jpg")
    shutil.copyfile(place / "frames" / "0.jpg", place / "photo.jpg")
