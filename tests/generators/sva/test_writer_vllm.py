"""Real servers of vLLM: a tiny model that sees, and one that only reads; neither writes a scheme."""

import io
import subprocess
from pathlib import Path

import pytest

from leitmotif.captioning.chat import Sampling
from leitmotif.generators.sva import writer
from leitmotif.generators.sva.writer import SchemeWriter, server_at
from leitmotif.storage.errors import UserError
from leitmotif.train_mmdm.export import export_run
from tests.captioning.real_server import MODEL, PYTHON, RealServer, environment, write_model
from tests.train_mmdm.test_describe import shown
from tests.train_mmdm.test_export_vllm import LIMITS, OPTIONS
from tests.train_mmdm.untrained_runs import write_run

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    if not PYTHON.is_file():
        pytest.skip("vLLM is not installed; `make vllm` makes .venv-vllm")
    monkeypatch.setattr(writer, "TIMEOUT_S", 300.0)


def pictures() -> list[bytes]:
    found = []
    for frame in shown(1).frames:
        buffer = io.BytesIO()
        frame.save(buffer, "JPEG")
        found.append(buffer.getvalue())
    return found


def refused(server: RealServer) -> str:
    """Return the one line with which a scheme is given up."""
    asking = SchemeWriter(server_at(server.url, server.name), sampling=Sampling(max_tokens=16))
    server.start()
    try:
        server.wait()
        with pytest.raises(UserError) as caught:
            asking.write(pictures())
    finally:
        server.kill()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_model_that_sees_reads_the_pictures_and_is_asked_again(tmp_path: Path) -> None:
    loads = subprocess.run([PYTHON, "-c", "import torchvision"], env=environment(), capture_output=True)
    if loads.returncode:
        pytest.skip("the environment of vLLM has no torchvision that loads, which its InternVL imports")
    write_run(tmp_path / "run")
    export_run(tmp_path / "run", tmp_path / "exported")
    server = RealServer(tmp_path / "exported", tmp_path / "log.txt", name="mmdm", options=(*OPTIONS, *LIMITS))
    line = refused(server)
    assert f"mmdm at {server.url} did not describe the film in 3 tries" in line


def test_a_model_that_reads_only_is_said_to_see_no_pictures(tmp_path: Path) -> None:
    server = RealServer(write_model(tmp_path / "llama"), tmp_path / "log.txt")
    line = refused(server)
    assert f"{MODEL} at {server.url} takes no request to describe the film" in line
    assert "expected a model that sees pictures" in line
