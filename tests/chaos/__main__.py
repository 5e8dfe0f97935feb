"""Try every fault and every hostile file, print what came of it, and write it down: `make chaos`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
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
    parser.add_argument("--only", default="", metavar="TEXT", help="faults whose name holds this")
    parser.add_argument("--sample", action="store_true", help="a few quick ones")
    parser.add_argument(
        "--lab", metavar="DIR", help="keep corpus and undisturbed run there, for the next call"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (default: 2)")
    parser.add_argument("--keep", action="store_true", help="write results.json and docs/reliability.md")
    options = parser.parse_args()
    started = time.monotonic()
    load_libraries()
    with tempfile.TemporaryDirectory(prefix="leitmotif-chaos-") as temporary:
        folder = Path(options.lab or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        lab = Lab(folder)
        lab.prepare()
        print(f"undisturbed: curate {lab.curate_s:.1f} s, publish {lab.publish_s:.1f} s", flush=True)
        faults = [
            fault
            for group in options.group or GROUPS
            for fault in _module(group).faults()
            if options.only in (name := f"{fault.kind}: {fault.name}")
            and (not options.sample or name.startswith(SAMPLE))
        ]
        results = _run(lab, faults, options.jobs)
    results.sort(key=lambda result: result["number"])
    bad = [each for each in results if each["result"] == "not survived"]
    print(f"{len(results)} tried, {len(bad)} not survived, {time.monotonic() - started:.0f} s")
    for each in bad:
        print(f"  {each['kind']}: {each['name']}: {each['said']}")
    if options.keep:
        facts = merged(results)
        write_text(RESULTS, json.dumps(facts, indent=1) + "\n")
        write_text(PAGE, filled(PAGE.read_text(encoding="utf-8"), facts))
    return 1 if bad else 0


def merged(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is written down: these results, and former ones of groups that were not run now."""
    former = json.loads(RESULTS.read_text())["results"] if RESULTS.is_file() else []
    new = [{key: value for key, value in each.items() if key != "number"} for each in results]
    found = {(each["kind"], each["name"]): each for each in [*former, *new]}
    names = [(fault.kind, fault.name) for group in GROUPS for fault in _module(group).faults()]
    return {"results": [found[name] for name in names if name in found]}


def _module(group: str) -> Any:
    return import_module(f"tests.chaos.{group}")


def _run(lab: Lab, faults: list[Fault], jobs: int) -> list[dict[str, Any]]:
    """Share the faults among forked processes, which have the reference in common."""
    readers = []
    for job in range(jobs):
        mine = list(enumerate(faults))[job::jobs]
        out = lab.root / f"results-{os.getpid()}-{job}.jsonl"
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                with out.open("w") as file:
                    for number, fault in mine:
                        line = {
                            "number": number,
                            **_try(lab, fault, lab.root / f"fault-{os.getpid()}-{number}"),
                        }
                        file.write(json.dumps(line) + "\n")
                        file.flush()
                code = 0
            finally:
                sys.stdout.flush()
                os._exit(code)
        readers.append((pid, out))
    results = []
    for pid, out in readers:
        _, status = os.waitpid(pid, 0)
        results += [json.loads(line) for line in out.read_text().splitlines()]
        if status:
            raise RuntimeError("a job of the harness itself failed; see above")
    return results


def _try(lab: Lab, fault: Fault, place: Path) -> dict[str, Any]:
    started, spent = time.monotonic(), _cpu_s()
    place.mkdir()
    result, said = ("skipped", fault.skip) if fault.skip else ("survived", "")
    if not fault.skip:
        try:
            fault.run(lab, place)
        except NotSurvived as error:
            result, said = "not survived", str(error)
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
