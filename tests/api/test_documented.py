"""The examples of docs/python.md run, one after the other, on the demo's videos."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


def test_every_example_of_the_page_runs(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").symlink_to(videos)
    namespace: dict[str, object] = {}
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) >= 8
    for example in examples:
        exec(example, namespace)
    said = capsys.readouterr().out
    assert "did you mean motion.threshold" in said
    assert "'catalogued': 3" in said
