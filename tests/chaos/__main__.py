"""Try every fault and every hostile file, print what came of it, and write it down: `make chaos`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from leitmotif.storage.atomic import write_text
from tests.chaos.lab import Fault, Lab, NotSurvived, load_libraries
from tests.chaos.page import PAGE, RESULTS, filled

# Quick ones, for the ordinary tests: some of every group but whole commands.
SAMPLE = (
    "`curate` killed (SIGKILL): at 0.3",
    "files may not grow (EFBIG): at curate, 60 kB",
    "a stage's part damaged or gone: tagging with a bit flipped",
    "a media file of a workspace damaged or gone: separation truncated",
    "all sources away (unmounted), then back: between two runs",
    "a published dataset damaged: shard: a bit flipped in the sound",
    "a caption server that answers what is of no use: HTML",
)
GROUPS = ("kills", "machine", "damage", "sources", "datasets", "servers", "commands", "hostile")


def main() -> int:
    """Run groups of faults; exit with 1 if one was not survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("group", nargs="*", choices=[*GROUPS, []], help="all of them by default")
    parser.add_argument(
        "--only", action="append", metavar="TEXT", help="faults whose name holds this; can be repeated"
    )
    parser.add_argument("--sample", action="store_true", help="a few quick ones")
    parser.add_argument(
        "--lab",
        metavar="DIR",
        help="keep corpus and undisturbed run there, for the next call; what was interrupted goes on there",
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (default: 2)")
    parser.add_argument("--keep", action="store_true", help="write results.json and docs/reliability.md")
    options = parser.parse_args()
    started = time.monotonic()
    # A shell starts what runs in the background without it, and what is started here would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    load_libraries()
    with tempfile.TemporaryDirectory(prefix="leitmotif-chaos-") as temporary:
        lab = Lab(Path(options.lab or temporary).resolve())
        lab.prepare()
        print(f"undisturbed: curate {lab.curate_s:.1f} s, publish {lab.publish_s:.1f} s", flush=True)
        faults = [
            fault
            for group in options.group or GROUPS
            for fault in _module(group).faults()
            if any(only in (name := f"{fault.kind}: {fault.name}") for only in options.only or [""])
            and (not options.sample or name.startswith(SAMPLE))
        ]
        try:
            results = _run(lab, faults, options.jobs)
        except KeyboardInterrupt:
            print("ended before all were tried" + "; the same command goes on" * bool(options.lab))
            return 130
    bad = [each for each in results if each["result"] == "not survived"]
    cpu_s = sum(each["cpu_s"] for each in results)
    took = f"{time.monotonic() - started:.0f} s, {cpu_s:.0f} s of CPU"
    print(f"{len(results)} tried, {len(bad)} not survived, {took}")
    for each in bad:
        print(f"  {each['kind']}: {each['name']}: {each['said']}")
    if options.keep:
        facts = merged(results)
        write_text(RESULTS, json.dumps(facts, indent=1) + "\n")
        write_text(PAGE, filled(PAGE.read_text(encoding="utf-8"), facts))
    return 1 if bad else 0


def merged(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is written down: these results, and former ones of faults that were not tried now."""
    former = json.loads(RESULTS.read_text())["results"] if RESULTS.is_file() else []
    found = {(each["kind"], each["name"]): each for each in [*former, *results]}
    faults = [fault for group in GROUPS for fault in _module(group).faults()]
    return {
        "results": [
            found[fault.kind, fault.name] | ({"files": fault.files} if fault.files else {})
            for fault in faults
            if (fault.kind, fault.name) in found
        ]
    }


def _module(group: str) -> Any:
    return import_module(f"tests.chaos.{group}")


def _run(lab: Lab, faults: list[Fault], jobs: int) -> list[dict[str, Any]]:
    """Try faults in forked processes, which have the reference in common, and return the results in order.

    Each result is appended to a file of the lab as soon as it is there. What is in it from a call that was
    interrupted is not tried again, unless it was not survived.
    """
    done = lab.root / "done.jsonl"
    known = {name for name, each in _read(done).items() if each["result"] != "not survived"}
    # The last ones take longest, and so come first.
    left = [fault for fault in reversed(faults) if (fault.kind, fault.name) not in known]
    taken, given = os.pipe()  # numbers of faults; whoever is free takes the next
    os.write(given, b"".join(number.to_bytes(2, "big") for number in range(len(left))))
    os.close(given)
    parent, pids = os.getpid(), []
    for _ in range(jobs):
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                while os.getppid() == parent and (number := os.read(taken, 2)):
                    fault = left[int.from_bytes(number, "big")]
                    result = _try(
                        lab, fault, lab.root / f"fault-{os.getpid()}-{int.from_bytes(number, 'big')}"
                    )
                    with done.open("ab", buffering=0) as file:
                        file.write(json.dumps(result).encode() + b"\n")
                code = 0
            except KeyboardInterrupt:
                pass
            finally:
                sys.stdout.flush()
                os._exit(code)
        pids.append(pid)
    os.close(taken)
    codes = [os.waitpid(pid, 0)[1] for pid in pids]
    if any(codes):
        raise KeyboardInterrupt
    found = _read(done)
    done.unlink(missing_ok=True)
    return [found[fault.kind, fault.name] for fault in faults]


def _read(done: Path) -> dict[tuple[str, str], dict[str, Any]]:
    lines = done.read_text().splitlines() if done.is_file() else []
    return {(each["kind"], each["name"]): each for each in map(json.loads, lines)}


def _try(lab: Lab, fault: Fault, place: Path) -> dict[str, Any]:
    started, spent = time.monotonic(), _cpu_s()
    place.mkdir()
    result, said = ("skipped", fault.skip) if fault.skip else ("survived", "")
    if not fault.skip:
        try:
            fault.run(lab, place)
        except NotSurvived as error:
            result, said = "not survived", str(error)
        except Exception as error:
            result, said = "not survived", f"the harness itself failed: {type(error).__name__}: {error}"
    shutil.rmtree(place, ignore_errors=True)
    seconds = time.monotonic() - started
    print(f"{result:<13}{seconds:6.1f} s  {fault.kind}: {fault.name}{said and f': {said}'}", flush=True)
    facts = {"kind": fault.kind, "name": fault.name, "result": result, "said": said}
    return {**facts, "cpu_s": round(_cpu_s() - spent, 1)}


def _cpu_s() -> float:
    """Return the processor time of this process and of those that it waited for."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    sys.exit(main())
