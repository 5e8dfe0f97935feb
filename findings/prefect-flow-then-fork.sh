#!/usr/bin/env bash
# Prefect 3.8.8: once a flow has run in a process, every process that it forks afterwards with multiprocessing does its
# work and then ends with exit code 1 instead of 0. Prefect's fork handler clears the "done" event of its event service,
# and that service's exit handler, which the child inherits, asserts that the event is there. A torch DataLoader with
# workers, or a process pool, takes such children for dead.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi<0.155'
cat > "$work/fork.py" <<'PYTHON'
import multiprocessing
import sys

from prefect import flow


@flow
def nothing() -> None:
    pass


def exit_code_of_a_child() -> int:
    child = multiprocessing.get_context("fork").Process(target=int)
    child.start()
    child.join()
    return child.exitcode


if __name__ == "__main__":
    before = exit_code_of_a_child()
    nothing()
    after = exit_code_of_a_child()
    print(f"exit code of a forked child: {before} before the flow, {after} after it")
    sys.exit(0 if (before, after) == (0, 1) else "changed: expected 0, then 1")
PYTHON
cd "$work"
HOME="$work" PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS=120 DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_LOGGING_LEVEL=CRITICAL \
    PREFECT_LOGGING_SERVER_LEVEL=CRITICAL env/bin/python fork.py 2> errors || { tail -5 errors; exit 1; }
