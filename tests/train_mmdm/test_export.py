"""An export is the merged model, in the format of transformers."""

import json
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoTokenizer,
    InternVLForConditionalGeneration,
)

from leitmotif.cli.main import main
from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.train_mmdm.export import export_run, merged
from leitmotif.train_mmdm.processor import normalise, question_of
from leitmotif.train_mmdm.run import NETWORK, open_run
from tests.train_mmdm.test_describe import shown
from tests.train_mmdm.untrained_runs import write_run


@pytest.fixture(scope="module", params=[True, False], ids=["adapters", "from scratch"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run") / "run", adapters=request.param)


@pytest.fixture(scope="module")
def exported(run: Path) -> Path:
    out = run.parent / "exported"
    assert export_run(run, out).name == "step-00000003"
    return out


def logits(net: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.inference_mode():
        return net(**{name: value for name, value in batch.items() if name != "labels"}).logits


def test_transformers_loads_it_with_the_logits_of_the_run(run: Path, exported: Path) -> None:
    model = open_run(run)
    processor = model.processor
    batch = processor.collate([processor.encode(processor.resize(shown(1).frames), question_of(4))])
    net = AutoModelForImageTextToText.from_pretrained(exported).eval()
    assert isinstance(net, InternVLForConditionalGeneration)
    whole = merged(model.checkpoint / NETWORK, model.settings)
    assert torch.equal(logits(net, batch), logits(whole, batch))
    assert torch.allclose(logits(net, batch), logits(model.net, batch), atol=2e-4)
    assert not any("lora" in name for name in net.state_dict())


def test_its_tokenizer_and_pictures_are_those_of_the_run(run: Path, exported: Path) -> None:
    model = open_run(run)
    tokenizer = AutoTokenizer.from_pretrained(exported)
    said = model.processor.write(2, "How?")
    assert tokenizer(said)["input_ids"] == model.tokenizer(said)["input_ids"]
    assert tokenizer.context_image_token_id == model.net.config.image_token_id
    frames = shown(1).frames
    pixels = AutoImageProcessor.from_pretrained(exported, backend="pil")(
        images=list(frames), return_tensors="pt"
    )["pixel_values"]
    mine = normalise(model.processor.encode(model.processor.resize(frames), "How?")["pixels"])
    assert torch.allclose(pixels, mine, atol=1e-5)


def test_the_chat_template_takes_pictures_where_the_run_writes_them(run: Path, exported: Path) -> None:
    model, tokenizer = open_run(run), AutoTokenizer.from_pretrained(exported)
    parts: list[dict[str, str]] = []
    for number in (1, 2):
        parts += [{"type": "text", "text": f"Frame{number}: "}, {"type": "image"}]
    parts.append({"type": "text", "text": "How?"})
    if model.settings.model_id is not None:  # a pretrained model brings a template of its own
        assert tokenizer.chat_template == model.tokenizer.chat_template
        return
    messages = [{"role": "user", "content": parts}]
    said = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    # The processor of transformers puts the tokens of a picture in the place of one.
    picture = f"<img>{'<IMG_CONTEXT>' * model.settings.tokens_a_frame}</img>"
    assert said.replace("<IMG_CONTEXT>", picture) == model.processor.write(2, "How?")


def test_processors_and_sampling_are_written_down(exported: Path) -> None:
    read = {path.name: json.loads(path.read_text()) for path in exported.glob("*.json")}
    assert read["processor_config.json"] == {"processor_class": "InternVLProcessor", "image_seq_length": 4}
    assert read["preprocessor_config.json"]["crop_to_patches"] is False
    assert read["video_preprocessor_config.json"]["num_frames"] == 4
    generation = read["generation_config.json"]
    assert (generation["top_k"], generation["do_sample"]) == (50, True)
    assert read["config.json"]["architectures"] == ["InternVLForConditionalGeneration"]
    assert read["config.json"]["text_config"]["use_cache"] is True


def test_what_lies_there_already_is_left_alone(run: Path, exported: Path) -> None:
    with pytest.raises(UserError, match="exists and is not empty; choose another --out"):
        export_run(run, exported)


def test_a_full_disk_leaves_nothing_behind(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(InternVLForConditionalGeneration, "save_pretrained", refuse)
    with pytest.raises(OutsideError, match=r"No space left on device.*export again"):
        export_run(run, tmp_path / "exported")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_how_to_serve_and_what_is_wrong(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "exported"
    assert main(["export", str(run), "--out", str(out)]) == 0
    assert f"vllm serve {out} --limit-mm-per-prompt '{{\"image\": 4}}'" in capsys.readouterr().out
    assert main(["export", str(run), "--out", str(tmp_path / "again"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told == {"model": str(tmp_path / "again"), "checkpoint": "step-00000003"}
    assert main(["export", str(tmp_path / "nowhere"), "--out", str(tmp_path / "x")]) == 2
    assert "give a folder that `leitmotif train mmdm` wrote" in capsys.readouterr().err
