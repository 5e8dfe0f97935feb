"""Processes that are killed, ended, stopped or run at the same time, at seeded random moments."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from tests.chaos.lab import LIMIT_S, Ended, Fault, Lab, NotSurvived, clean, expect, hidden

Strike = Callable[[int], None]


def after(share: float, seconds: float, number: int = signal.SIGKILL) -> Strike:
    """Return what sends a signal once a share of a time has passed."""

    def strike(pid: int) -> None:
        time.sleep(share * seconds)
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    return strike


def faults() -> Iterator[Fault]:
    """Yield them."""
    draw = random.Random(7)

    def shares(number: int) -> Iterator[float]:
        """Yield moments of a run, one of every part of it."""
        for part in range(number):
            yield (part + draw.uniform(0.02, 0.98)) / number

    for share in shares(12):
        yield Fault("`curate` killed (SIGKILL)", f"at {share:.2f}", _curate(signal.SIGKILL, share))
    for share in shares(3):
        for number in (signal.SIGTERM, signal.SIGINT):
            name = f"{number.name} at {share:.2f}"
            yield Fault("`curate` ended (SIGTERM, SIGINT)", name, _curate(number, share))
    yield Fault("`curate` stopped and continued", "for 3 s", _stopped)
    for share in (0.2, 0.35, 0.5, 0.7):
        yield Fault("a decoder killed", f"at {share}", _decoder(signal.SIGKILL, share))
    for share in (0.3, 0.5):
        yield Fault("a decoder that hangs (SIGSTOP)", f"at {share}", _decoder(signal.SIGSTOP, share))
    for share in shares(6):
        yield Fault("`publish` killed (SIGKILL)", f"at {share:.2f}", _publish(share))
    for share in shares(4):
        yield Fault("`report` killed (SIGKILL)", f"at {share:.2f}", _report(share))
    for share in shares(4):
        yield Fault("`takedown` killed (SIGKILL)", f"at {share:.2f}", _takedown(share))
    for share in shares(3):
        yield Fault("`train mmdm` killed (SIGKILL)", f"at {share:.2f}", _train(share))
    for share in shares(4):
        pause_s = 1.5 * share
        yield Fault("`collect` killed (SIGKILL)", f"after {pause_s:.2f} s", _collect(pause_s))
    yield Fault("commands at the same time", "two curates", _two_curates)
    yield Fault("commands at the same time", "three publishes to one place", _three_publishes)
    yield Fault("commands at the same time", "two reports and a publish", _reports_and_publish)
    yield Fault("commands at the same time", "curate and takedown", _curate_and_takedown)


def _curate(number: int, share: float) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        ended = lab.curate(place / "ws", during=after(share, lab.curate_s, number))
        if number != signal.SIGKILL:
            expect("Traceback" not in ended.output, f"traceback: {ended.last()}")
        lab.rerun(place / "ws")

    return run


def _stopped(lab: Lab, place: Path) -> None:
    def stop(pid: int) -> None:
        time.sleep(0.4 * lab.curate_s)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(3)
        os.kill(pid, signal.SIGCONT)

    ended = lab.curate(place / "ws", during=stop)
    expect(ended.code == 0, f"ends with {ended.code}: {ended.last()}")
    lab.rerun(place / "ws")


# A call of a decoder that hangs is given up after a few seconds, not after a minute; one that hangs while it
# starts, after two minutes. So long those wait, too, that are tried again while no other decoder of the
# machine works.
SOON = [word for stage in ("probe", "motion", "frames", "audio") for word in ("--set", f"{stage}.limit_s=4")]


def _decoder(number: int, share: float) -> Callable[[Lab, Path], None]:
    def strike(pid: int, seconds: float) -> None:
        time.sleep(share * seconds)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with suppress(psutil.Error):
                for child in psutil.Process(pid).children():
                    child.send_signal(number)
                    return
            time.sleep(0.02)

    def run(lab: Lab, place: Path) -> None:
        ended = lab.curate(
            place / "ws", *SOON, during=lambda pid: strike(pid, lab.curate_s), limit_s=4 * LIMIT_S
        )
        clean(ended)
        lab.rerun(place / "ws", "--retry-failed")

    return run


def whole(lab: Lab, dataset: Path) -> None:
    """Expect a dataset to be valid."""
    ended = lab.leitmotif("validate", dataset)
    clean(ended)
    expect(ended.code == 0, f"the dataset is not valid: {ended.output[:300]}")


def tidy(folder: Path) -> None:
    """Expect nothing hidden in a folder."""
    left = [path.name for path in hidden(folder)]
    expect(not left, f"left behind: {left[:3]}")


def _publish(share: float) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        dataset = lab.copy_dataset(place)
        words = ("publish", lab.workspace, "--out", dataset)
        lab.leitmotif(*words, during=after(share, lab.publish_s))
        whole(lab, dataset)
        ended = lab.leitmotif(*words)
        expect(ended.code == 0, f"publishing again ends with {ended.code}: {ended.last()}")
        whole(lab, dataset)
        tidy(place)

    return run


def _report(share: float) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        dataset = lab.copy_dataset(place)
        lab.leitmotif("report", dataset, during=after(share, lab.publish_s * 0.8))
        ended = lab.leitmotif("report", dataset)
        expect(ended.code == 0, f"reporting again ends with {ended.code}: {ended.last()}")
        whole(lab, dataset)
        tidy(place)

    return run


def _takedown(share: float) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        workspace, dataset = lab.copy(place), lab.copy_dataset(place)
        gone = lab.rows["data/" + _first_shard(lab)][0]["clip_id"]
        words = ("takedown", dataset, gone, "--workspace", workspace)
        lab.leitmotif(*words, during=after(share, lab.publish_s * 2))
        ended = lab.leitmotif(*words)
        expect(ended.code == 0, f"taking down again ends with {ended.code}: {ended.last()}")
        whole(lab, dataset)
        tidy(place)
        named = [
            path
            for path in place.rglob("*")
            if path.is_file() and path.name != "takedown.jsonl" and gone.encode() in path.read_bytes()
        ]
        expect(not named, f"{[path.name for path in named][:3]} still name what was taken down")

    return run


def _first_shard(lab: Lab) -> str:
    return next(name for name in lab.rows if name.startswith("data/train")).removeprefix("data/")


def _train(share: float) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        from tests.training.plain_clips import write_plain_dataset

        data = place / "plain"
        lab.fork(lambda: write_plain_dataset(data) and None)
        small = ("batch=2", "accumulation=2", "epochs=2", "min_steps=0", "eval_steps=2", "frames=1")
        small += ("image_side=32", "samples=1", "max_new_tokens=3", "tensorboard=false")
        words = ["train", "mmdm", data, "--out", place / "run", "--preset", "tiny"]
        for setting in small:
            words += ["--set", setting]
        lab.leitmotif(*words, during=after(share, 6.0))
        ended = lab.leitmotif(*words)
        clean(ended)
        if ended.code == 2 and "--resume" in ended.last():
            ended = lab.leitmotif(*words, "--resume")
            clean(ended)
        expect(ended.code == 0, f"training again ends with {ended.code}: {ended.last()}")
        tidy(place / "run")

    return run


def _collect(pause_s: float) -> Callable[[Lab, Path], None]:
    def run(lab: Lab, place: Path) -> None:
        import subprocess
        import sys

        from tests.collection.media_server import MediaServer, serve, tone
        from tests.collection.test_killed_run import CODE

        with serve(MediaServer()) as server:
            urls = [
                server.add(f"/{n}.wav", tone(0.5, pitch_hz=200.0 + n), etag=f'"{n}"', pause_s=0.003)
                for n in range(20)
            ]
            (place / "urls.txt").write_text("\n".join(urls))
            words = [sys.executable, "-c", CODE, str(place / "urls.txt"), str(place / "collected")]
            killed = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
            begun = time.monotonic()
            while not server.asked and time.monotonic() < begun + 30:
                time.sleep(0.01)
            time.sleep(pause_s * 0.5)
            killed.kill()
            killed.wait()
            again = subprocess.run(words, capture_output=True, text=True)
        expect(again.returncode == 0, f"collecting again fails: {again.stderr[-300:]}")
        files = list((place / "collected").rglob("*.wav"))
        expect(len(files) == 20, f"{len(files)} files of 20")
        tidy(place / "collected")

    return run


def at_once(lab: Lab, *commands: tuple[object, ...]) -> list[Ended]:
    """Run commands at the same time, each in a fork of its own, and return how they ended."""
    inner: list[Ended] = []

    def during(pid: int) -> None:
        if len(commands) > 1:
            side = Lab(
                lab.root / f"side-{len(commands)}-{os.getpid()}", lab.curate_s, lab.publish_s, lab.rows
            )
            side.root.mkdir()
            inner.extend(at_once(side, *commands[1:]))
            shutil.rmtree(side.root)

    return [lab.leitmotif(*commands[0], during=during), *inner]


def _two_curates(lab: Lab, place: Path) -> None:
    words = ("curate", lab.videos, "--recipe", "music-video", "--out", place / "ws")
    found = at_once(lab, words, words)
    for each in found:
        clean(each)
    codes = sorted(each.code for each in found)
    expect(codes in ([0, 3], [0, 0]), f"they end with {codes}")
    lab.rerun(place / "ws")


def _three_publishes(lab: Lab, place: Path) -> None:
    words = ("publish", lab.workspace, "--out", place / "ds")
    found = at_once(lab, words, words, words)
    for each in found:
        clean(each)
        expect(each.code == 0, f"one ends with {each.code}: {each.last()}")
    whole(lab, place / "ds")
    tidy(place)


def _reports_and_publish(lab: Lab, place: Path) -> None:
    dataset = lab.copy_dataset(place)
    report, publish = ("report", dataset), ("publish", lab.workspace, "--out", dataset)
    for each in at_once(lab, report, report, publish):
        clean(each)
    whole(lab, dataset)
    tidy(place)


def _curate_and_takedown(lab: Lab, place: Path) -> None:
    workspace = lab.copy(place)
    gone = lab.rows["data/" + _first_shard(lab)][0]["clip_id"]
    curate = ("curate", lab.videos, "--recipe", "music-video", "--out", workspace)
    found = at_once(lab, curate, ("takedown", workspace, gone))
    for each in found:
        clean(each)
    if any(each.code not in (0, 3) for each in found):
        raise NotSurvived(f"they end with {[each.code for each in found]}: {found[1].last()}")
    ended = lab.leitmotif("takedown", workspace, gone)
    expect(ended.code == 0, f"takedown again ends with {ended.code}: {ended.last()}")
    ended = lab.leitmotif(*curate)
    expect(ended.code == 0, f"curate again ends with {ended.code}: {ended.last()}")
    rows = lab.published(workspace)
    expect(gone not in str(rows), "what was taken down is published")
