"""Throughput of captions from a server over that of vLLM's own offline batch, on the same prompts.

Both engines run in `.venv-vllm` (`make vllm`) with the same model and options, and both stay loaded, so that
runs can take turns. The model is a random Llama, wide enough that arithmetic and not HTTP takes the time; set
LEITMOTIF_BENCH_LLAMA to a folder or hub id for real weights, on a GPU that holds them twice.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.figure import figure
from leitmotif.captioning.chat import ChatTask, Sampling
from leitmotif.captioning.facts import CaptionFacts

REPOSITORY = Path(__file__).resolve().parents[2]
PAIRS = int(os.environ.get("LEITMOTIF_BENCH_PAIRS", "5"))
CLIPS = int(os.environ.get("LEITMOTIF_BENCH_CLIPS", "256"))
WIDTH, LAYERS = 768, 12
# One try for each clip, as offline.
TASK = ChatTask("music-context-v1", Sampling(max_tokens=64), tries=1)
SMALL = {
    "max_model_len": 2048,
    "dtype": "float32",
    "enforce_eager": True,
    "enable_chunked_prefill": False,  # on a CPU, vLLM 0.32 dies of seeded requests with it
    "max_num_batched_tokens": 8192,
}
REAL = {"max_model_len": 8192, "gpu_memory_utilization": 0.45}


def figures() -> Iterator[dict[str, Any]]:
    """Yield `caption/vllm-offline`."""
    sys.path.append(str(REPOSITORY))
    from leitmotif.captioning.vllm_server import ServerCaptioner
    from tests.captioning.real_server import PYTHON, RealServer, environment, write_model

    if not PYTHON.is_file():
        raise FileNotFoundError("no .venv-vllm; run `make vllm`")
    with tempfile.TemporaryDirectory(prefix="leitmotif-bench-") as folder:
        model = os.environ.get("LEITMOTIF_BENCH_LLAMA")
        options = REAL if model else SMALL
        model = model or str(write_model(Path(folder) / "llama", WIDTH, LAYERS))
        server = RealServer(model, Path(folder) / "server.log", options=_as_arguments(options))
        server.start()
        try:
            server.wait()
            with _Offline(PYTHON, model, environment()) as offline:
                captioner = ServerCaptioner(TASK, url=server.url, timeout_s=3600.0).load()
                ratios = [_pair(captioner, offline, number) for number in range(PAIRS + 1)][1:]
        finally:
            server.kill()
    yield figure(
        "caption/vllm-offline",
        ratios,
        unit="times as fast",
        against=f"LLM.chat of vLLM on the same {CLIPS} prompts, seeds and sampling, in one batch",
        target=">= 0.9",
    )


def _pair(captioner: Any, offline: _Offline, number: int) -> float:
    """Seconds of vLLM alone over ours, on clips that neither has seen; in turns."""

    def ours() -> float:
        started = time.perf_counter()
        captioner.caption(clips(number))
        return time.perf_counter() - started

    if number % 2:
        spent_s, theirs_s = ours(), offline.seconds(number)
    else:
        theirs_s, spent_s = offline.seconds(number), ours()
    return theirs_s / spent_s


def clips(number: int) -> list[CaptionFacts]:
    """Clips of one run; no other run has their prompts, so that a prefix cache holds only instructions."""
    about = (
        "A song about the sea and the long way home, written on a boat in the winter and played by friends."
    )
    return [
        CaptionFacts(
            f"run{number} clip{index}",
            title=f"The song number {index} of run {number}",
            description=about,
            instruments=("piano", "strings"),
            genres=("folk",),
            moods=("calm", "sad"),
            tempo_bpm=60.0 + index % 90,
            key="D minor",
        )
        for index in range(CLIPS)
    ]


def _as_arguments(options: dict[str, Any]) -> list[str]:
    """Return options of `vllm.LLM` as those of `vllm serve`."""
    arguments = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            arguments += [f"--{flag}", str(value)]
    return arguments


class _Offline:
    """A process of `.venv-vllm` that captions a run's clips whenever it is told the run's number."""

    def __init__(self, python: Path, model: str, environment: dict[str, str]) -> None:
        command = [python, "-m", "bench.speed.caption", model]
        self.process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> _Offline:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def seconds(self, number: int) -> float:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("seconds "):
                return float(line.split()[1])
        raise RuntimeError("vllm ended; run `python -m bench.speed.caption MODEL` in .venv-vllm to see why")


def run_offline(model: str) -> None:
    """Load vLLM; for each number on standard input print how long its clips take."""
    from vllm import LLM, SamplingParams

    options = SMALL if model != os.environ.get("LEITMOTIF_BENCH_LLAMA") else REAL
    llm = LLM(model=model, enable_prefix_caching=True, **options)
    for line in sys.stdin:
        facts = clips(int(line))
        sampling = TASK.sampling
        started = time.perf_counter()
        params = [
            SamplingParams(
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                max_tokens=sampling.max_tokens,
                seed=TASK.seed(each.clip_id, 0),
            )
            for each in facts
        ]
        llm.chat([TASK.messages(each) for each in facts], params, use_tqdm=False)
        print(f"\nseconds {time.perf_counter() - started}", flush=True)


if __name__ == "__main__":
    run_offline(sys.argv[1])
