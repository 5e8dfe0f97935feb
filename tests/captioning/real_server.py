"""`vllm serve` on the tiny Llama, in the environment that `make vllm` makes."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / ".venv-vllm" / "bin" / "python"
MODEL = "meta-llama/Llama-3.1-8B-Instruct"
# On a CPU, vLLM 0.32 dies of a request with a seed whose prompt it reads in parts.
WHOLE_PROMPTS = ("--no-enable-chunked-prefill", "--max-num-batched-tokens", "8192")
SMALL = ("--max-model-len", "2048", "--dtype", "float32", "--enforce-eager", *WHOLE_PROMPTS)
# One core, little memory, no network.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "PYTHONPATH": str(REPOSITORY),
}


def environment() -> dict[str, str]:
    """Return what a process in `.venv-vllm` needs."""
    return os.environ | ENVIRONMENT


def write_model(folder: Path, width: int = 64, layers: int = 2) -> Path:
    """Write the tiny Llama."""
    command = [PYTHON, Path(__file__).with_name("tiny_llama.py"), folder, str(width), str(layers)]
    subprocess.run(command, check=True, env=environment(), capture_output=True)
    return folder


class RealServer:
    """A server in a process group of its own, so that it can be killed with all its workers."""

    def __init__(
        self, model: Path | str, log: Path, *, name: str = MODEL, options: Sequence[str] = SMALL
    ) -> None:
        self.model, self.log, self.name, self.options = model, log, name, options
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Start it; `wait` until it answers."""
        command = [PYTHON.with_name("vllm"), "serve", self.model, "--served-model-name", self.name]
        command += ["--host", "127.0.0.1", "--port", str(self.port), *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment(), stdout=log, stderr=log, start_new_session=True
            )

    def wait(self, limit_s: float = 900.0) -> None:
        """Wait until it answers."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/models", timeout=5):
                    return
            except OSError:
                time.sleep(1.0)
        raise RuntimeError(f"vllm serve did not start; its log ends with {self.log.read_text()[-2000:]!r}")

    def kill(self) -> None:
        """Kill it and all its workers, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
