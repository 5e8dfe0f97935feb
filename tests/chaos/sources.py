"""Sources that change, go away or come back, while a run goes on and between two."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos.lab import Fault, Lab, clean, expect, one_line


def faults() -> Iterator[Fault]:
    """Yield them."""
    for when in (0.15, 0.3, 0.5, 0.8):
        yield Fault("a source deleted, then back", f"at {when} of the run", _gone(when))
        yield Fault("a source cut, then whole again", f"at {when} of the run", _cut(when))
        yield Fault("a source replaced", f"at {when} of the run", _replaced(when))
    yield Fault("a source replaced", "between two runs", _replaced(None))
    yield Fault("a source deleted, then back", "between two runs", _gone(None))
    for when in (0.2, 0.5, None):
        name = "between two runs" if when is None else f"at {when} of the run"
        yield Fault("all sources away (unmounted), then back", name, _unmounted(when))
    yield Fault("links to a text and a device in a source's place", "between two runs", _links)
    yield Fault("sidecars replaced by rubbish, then back", "between two runs", _sidecars)


def _videos(lab: Lab, place: Path) -> Path:
    return Path(shutil.copytree(lab.videos, place / "videos"))


def _kept(lab: Lab) -> str:
    """Return the file name of a clip that is kept."""
    return str(next(rows for name, rows in lab.rows.items() if name.startswith("data/train"))[0]["source_id"])


def _film(lab: Lab, videos: Path) -> Path:
    name = _kept(lab)
    found = sorted(
        path
        for path in videos.iterdir()
        if path.name.startswith(name.split(".")[0]) and path.suffix == ".mp4"
    )
    return found[0] if found else sorted(videos.glob("*.mp4"))[0]


def _disturbed(lab: Lab, place: Path, videos: Path, when: float | None, harm: Callable[[], None]) -> None:
    """Curate with a harm in the middle, or before a second run."""

    def during(pid: int) -> None:
        if when is not None:
            time.sleep(when * lab.curate_s)
            harm()

    ended = lab.curate(place / "ws", videos=videos, during=during)
    clean(ended)
    expect(ended.code in (0, 2, 3), f"ends with {ended.code}: {ended.last()}")
    if when is None:
        harm()
        ended = lab.curate(place / "ws", videos=videos)
        clean(ended)
        expect(ended.code in (0, 2, 3), f"the second run ends with {ended.code}: {ended.last()}")


def _again(lab: Lab, place: Path, videos: Path) -> None:
    ended = lab.curate(place / "ws", videos=videos)
    clean(ended)
    expect(ended.code == 0, f"the rerun ends with {ended.code}: {ended.last()}")
    lab.same(place / "ws")


def _gone(when: float | None) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        videos = _videos(lab, place)
        film = _film(lab, videos)
        aside = place / film.name
        _disturbed(lab, place, videos, when, lambda: film.rename(aside) and None)
        aside.rename(film)
        _again(lab, place, videos)

    return run


def _cut(when: float) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        videos = _videos(lab, place)
        film = _film(lab, videos)
        content = film.read_bytes()
        _disturbed(lab, place, videos, when, lambda: film.write_bytes(content[: len(content) // 3]) and None)
        shutil.copy2(lab.videos / film.name, film)  # with its time, which says when it was fetched
        _again(lab, place, videos)

    return run


def _replaced(when: float | None) -> Callable[[Lab, Path], None]:
    """Another film under the name: the rows are those of a run that found it there from the beginning."""

    def run(lab: Lab, place: Path) -> None:
        videos = _videos(lab, place)
        film = _film(lab, videos)
        other = place / "other.mp4"
        from leitmotif.demo.corpus import render_corpus

        lab.fork(
            lambda: (
                render_corpus(place / "new", clips=1, seed=5, duration_s=3.0, size=(160, 90), fps=12.5)
                and None
            )
        )
        shutil.copyfile(next((place / "new").glob("*.mp4")), other)
        _disturbed(lab, place, videos, when, lambda: shutil.copyfile(other, film) and None)
        ended = lab.curate(place / "ws", videos=videos)
        clean(ended)
        expect(ended.code == 0, f"the rerun ends with {ended.code}: {ended.last()}")
        ended = lab.curate(place / "fresh", videos=videos)
        expect(ended.code == 0, f"a run from the beginning ends with {ended.code}: {ended.last()}")
        found, expected = lab.published(place / "ws"), lab.published(place / "fresh")
        expect(found == expected, "its rows are not those of a run from the beginning")

    return run


def _unmounted(when: float | None) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        videos = _videos(lab, place)
        away = place / "away"
        _disturbed(lab, place, videos, when, lambda: videos.rename(away) and None)
        if when is None:
            one_line(lab.curate(place / "ws", videos=videos), 2, 3)
            ended = lab.leitmotif("curate", "--out", place / "ws", "--measure-all")
            one_line(ended, 2, 3)
        away.rename(videos)
        _again(lab, place, videos)

    return run


def _links(lab: Lab, place: Path) -> None:
    videos = _videos(lab, place)
    films = sorted(videos.glob("*.mp4"))[:2]

    def harm() -> None:
        (videos / "note.txt").write_text("no film")
        for film, target in zip(films, (videos / "note.txt", Path("/dev/null")), strict=True):
            film.unlink()
            film.symlink_to(target)

    _disturbed(lab, place, videos, None, harm)
    for film in films:
        film.unlink()
        shutil.copy2(lab.videos / film.name, film)
    (videos / "note.txt").unlink()
    _again(lab, place, videos)


def _sidecars(lab: Lab, place: Path) -> None:
    videos = _videos(lab, place)
    sidecars = sorted(videos.glob("*.info.json"))
    rubbish = (
        b"",
        b"[1]",
        b"{",
        b"\xff\xfe\x00",
        b'{"title": "\\ud83d"}',
        b'{"epoch": 1e300}',
        b"[" * 100_000,
    )

    def harm() -> None:
        for path, content in zip(sidecars, rubbish, strict=False):
            path.write_bytes(content)

    _disturbed(lab, place, videos, None, harm)
    for path in sidecars:
        shutil.copy2(lab.videos / path.name, path)
    _again(lab, place, videos)
