#!/usr/bin/env bash
# absl-py 2.5.1 closes a stream that is not its own: if `absl.logging` is first imported while standard error is redirected
# (contextlib.redirect_stderr, a test's capture, a notebook), its handler keeps that stream. The next
# `logging.config.dictConfig`, with which Python 3.11 closes all handlers, closes it under whoever redirected it; a
# handler of the standard library that holds a stream leaves it open. rouge-score 0.1.2 imports absl, and frameworks set
# their logging up by dictConfig, so scoring texts before is enough.
# Met when tests of metrics ran before tests of flows: the capture of the test runner was closed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet --disable-pip-version-check absl-py==2.5.1 rouge-score==0.1.2
cd "$work"
"$work/env/bin/python" - <<'PYTHON'
import io
import logging.config
from contextlib import redirect_stderr

kept = io.StringIO()
handler = logging.StreamHandler(kept)
logging.getLogger("mine").addHandler(handler)

with redirect_stderr(io.StringIO()) as redirected:
    from rouge_score import rouge_scorer

    score = rouge_scorer.RougeScorer(["rougeL"]).score("a calm piano", "a calm piano")
assert score["rougeL"].fmeasure == 1.0
assert not redirected.closed

logging.config.dictConfig({"version": 1})

print(f"after dictConfig: stream that absl met closed: {redirected.closed}, that of StreamHandler: {kept.closed}")
if not redirected.closed or kept.closed:
    raise SystemExit("changed: expected the first to be closed and the second to be open")
PYTHON
