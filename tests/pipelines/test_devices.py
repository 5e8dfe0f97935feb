from pathlib import Path

import pytest

from leitmotif.pipelines import runner
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.runner import Batch, on_this_machine
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stages import STAGES
from leitmotif.pipelines.workspace import Workspace
from leitmotif.storage.errors import UserError
from leitmotif.weights.device import resolve_device


def devices_of(plan: Plan) -> set[str]:
    return {settings["device"] for settings in plan.stages.values() if "device" in settings}


def batch_of(workspace: Path, plan: Plan) -> Batch:
    return Batch(str(workspace), plan.model_dump_json(), "tagging", "fingerprint", (), {}, {})


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One number: how many CUDA devices torch sees."""
    import torch

    count = [0]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count[0] > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count[0])
    return count


def test_a_device_is_that_of_every_stage_that_has_one() -> None:
    plan = make_plan("music-video", "embedded", device="cuda:1")
    assert devices_of(plan) == {"cuda:1"}
    assert {name for name in plan.stages if "device" in plan.stages[name]} >= {
        "separation",
        "tagging",
        "vision",
    }


def test_without_a_device_the_stages_keep_their_own() -> None:
    assert devices_of(make_plan("music-video", "embedded")) == {"cpu"}


def test_a_stages_own_setting_wins_over_the_device() -> None:
    plan = make_plan("music-video", "embedded", ["tagging.device=cpu"], device="cuda")
    assert plan.stages["tagging"]["device"] == "cpu"
    assert plan.stages["vision"]["device"] == "cuda"


def test_auto_leaves_what_a_profile_names_and_a_device_does_not(tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text("stages: {tagging: {device: 'cuda:3'}}")
    assert make_plan("music-video", str(profile), device="auto").stages["tagging"]["device"] == "cuda:3"
    assert make_plan("music-video", str(profile), device="auto").stages["vision"]["device"] == "auto"
    assert make_plan("music-video", str(profile), device="cpu").stages["tagging"]["device"] == "cpu"


@pytest.mark.parametrize("setting", ["tagging.device=gpu", "tagging.device=cuda:x", "vision.device=''"])
def test_a_device_that_is_none_is_one_line(setting: str) -> None:
    with pytest.raises(UserError, match=r"setting \w+\.device: .* expected auto, cpu, cuda or cuda:N"):
        make_plan("music-video", "embedded", [setting])


@pytest.mark.parametrize(
    ("count", "asked", "found"),
    [
        (0, "auto", "cpu"),
        (2, "auto", "cuda"),
        (2, "cuda:1", "cuda:1"),
        (1, "cuda", "cuda"),
        (0, "cpu", "cpu"),
    ],
)
def test_a_device_is_resolved_by_what_the_machine_has(
    count: int, asked: str, found: str, gpus: list[int]
) -> None:
    gpus[0] = count
    assert resolve_device(asked) == found


@pytest.mark.parametrize(("count", "asked"), [(0, "cuda"), (1, "cuda:1")])
def test_a_gpu_that_is_not_there_is_one_line(count: int, asked: str, gpus: list[int]) -> None:
    gpus[0] = count
    with pytest.raises(UserError, match="use --device auto or cpu"):
        resolve_device(asked)


def test_each_machine_decides_what_auto_means(gpus: list[int]) -> None:
    plan = make_plan("music-video", "embedded", device="auto")
    assert devices_of(plan) == {"auto"}
    assert devices_of(on_this_machine(plan)) == {"cpu"}
    gpus[0] = 1
    assert devices_of(on_this_machine(plan)) == {"cuda"}


def test_the_device_is_no_part_of_a_fingerprint(tmp_path: Path) -> None:
    prints = [
        Workspace(tmp_path).stores(make_plan("music-video", "embedded", device=device)).fingerprints
        for device in (None, "auto", "cuda:1")
    ]
    assert prints[0] == prints[1] == prints[2]
    assert set(prints[0]) <= set(STAGES)


def test_a_model_that_does_not_load_is_one_line_that_names_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leitmotif.weights.resolve import BadModel

    def fail(*_: object) -> None:
        raise BadModel("got no weights; fetch them")

    monkeypatch.setattr(STAGES["tagging"], "open", fail)
    monkeypatch.setattr(runner, "_decoder", lambda: None)
    with pytest.raises(UserError, match=r"^tagging: got no weights; fetch them$"):
        runner.open_stage(batch_of(tmp_path, make_plan("music-video", "embedded")))


def test_a_batch_is_measured_on_the_device_of_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    opened = []
    monkeypatch.setattr(runner, "resolve_device", lambda device: f"here:{device}")
    monkeypatch.setattr(STAGES["tagging"], "open", lambda stage, place: opened.append(stage.settings.device))
    monkeypatch.setattr(runner, "_decoder", lambda: None)
    plan = make_plan("music-video", "embedded", device="auto")
    runner.open_stage(batch_of(tmp_path, plan))
    assert opened == ["here:auto"]
