"""vLLM serves an export, and says the same."""

import base64
import io
import json
import subprocess
import urllib.request
from pathlib import Path

import pytest

from leitmotif.train_mmdm.describe import Decoding, Describer
from leitmotif.train_mmdm.export import export_run
from leitmotif.train_mmdm.run import open_run
from tests.captioning.real_server import PYTHON, WHOLE_PROMPTS, RealServer, environment
from tests.train_mmdm.test_describe import shown
from tests.train_mmdm.untrained_runs import write_run

OPTIONS = ("--max-model-len", "1024", "--dtype", "float32", "--enforce-eager", *WHOLE_PROMPTS)
LIMITS = ("--limit-mm-per-prompt", '{"image": 10, "video": 0}')


@pytest.mark.slow
def test_a_served_export_says_what_the_run_says(tmp_path: Path) -> None:
    if not PYTHON.is_file():
        pytest.skip("vLLM is not installed; `make vllm` makes .venv-vllm")
    if subprocess.run(
        [PYTHON, "-c", "import torchvision"], env=environment(), capture_output=True
    ).returncode:
        pytest.skip("the environment of vLLM has no torchvision that loads, which its InternVL imports")
    model = open_run(write_run(tmp_path / "run"))
    video = shown(1)
    describer = Describer(model, Decoding(max_tokens=12, greedy=True))
    export_run(tmp_path / "run", tmp_path / "exported")
    content: list[dict[str, object]] = []
    for number, frame in enumerate(video.frames, 1):
        buffer = io.BytesIO()
        frame.save(buffer, "PNG")
        url = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        content.append({"type": "text", "text": f"Frame{number}: "})
        content.append({"type": "image_url", "image_url": {"url": url}})
    content.append({"type": "text", "text": describer.question(video)})
    server = RealServer(tmp_path / "exported", tmp_path / "log.txt", name="mmdm", options=(*OPTIONS, *LIMITS))
    server.start()
    try:
        server.wait()
        body = {
            "model": "mmdm",
            "messages": [{"role": "user", "content": content}],
            "max_tokens": 12,
            "temperature": 0,
        }
        request = urllib.request.Request(
            f"{server.url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=300) as response:
            answer = json.load(response)
    finally:
        server.kill()
    asked = model.tokenizer(model.processor.write(4, describer.question(video)))["input_ids"]
    assert answer["usage"]["prompt_tokens"] == len(asked)
    said = answer["choices"][0]["message"]["content"].strip()
    # A random model may end within a character, which vLLM leaves out.
    assert said == describer.describe([video])[0].description.rstrip("\ufffd") != ""
