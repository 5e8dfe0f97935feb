"""Describing with a random model: batches, draws, streams, and the model before its training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from leitmotif.storage.errors import UserError
from leitmotif.train_mmdm.describe import Decoding, Describer, _Draw, _Teller, base_model, decoding_of
from leitmotif.train_mmdm.inputs import BadInput, VisualInput, read_text
from leitmotif.train_mmdm.network import build_tiny
from leitmotif.train_mmdm.run import DescriptionModel, open_run
from tests.train_mmdm.untrained_runs import write_run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> DescriptionModel:
    return open_run(write_run(tmp_path_factory.mktemp("plain") / "run"))


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> DescriptionModel:
    return open_run(write_run(tmp_path_factory.mktemp("adapted") / "run", adapters=True))


def shown(seed: int, frames: int = 4) -> VisualInput:
    pixels = np.random.default_rng(seed).integers(0, 256, (frames, 40, 60, 3), np.uint8)
    kind = "image" if frames == 1 else "video"
    return VisualInput(f"{kind} {seed}", kind, tuple(Image.fromarray(frame) for frame in pixels))


INPUTS = [shown(1), shown(2, frames=1), read_text("The flower that smiles today tomorrow dies."), shown(3, 2)]


@pytest.mark.parametrize("greedy", [True, False])
def test_a_batch_says_what_each_input_gets_alone(model: DescriptionModel, greedy: bool) -> None:
    describer = Describer(model, decoding_of(model.settings, greedy=greedy))
    together = describer.describe(INPUTS)
    assert together == [describer.describe([each])[0] for each in INPUTS]
    assert describer.describe(INPUTS[::-1]) == together[::-1]
    assert len({answer.description for answer in together}) > 1


def test_draws_follow_the_seed_and_leave_the_global_generator_alone(model: DescriptionModel) -> None:
    before = torch.get_rng_state()
    texts = [
        Describer(model, Decoding(max_tokens=12, seed=seed)).describe(INPUTS[:1])[0].description
        for seed in (5, 5, 6)
    ]
    assert texts[0] == texts[1] != texts[2]
    assert torch.equal(torch.get_rng_state(), before)


def test_the_best_token_alone_is_the_greedy_answer(model: DescriptionModel) -> None:
    greedy = Describer(model, Decoding(max_tokens=12, greedy=True)).describe(INPUTS)
    assert Describer(model, Decoding(max_tokens=12, top_k=1)).describe(INPUTS) == greedy
    assert Describer(model, Decoding(max_tokens=12, top_p=1e-9)).describe(INPUTS) == greedy


def test_draws_have_the_probabilities_of_the_model(model: DescriptionModel) -> None:
    scores = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).repeat(4000, 1)
    draw = _Draw(Decoding(top_k=3, temperature=1.0), range(4000))
    shares = (draw(torch.zeros(4000, 1), scores) == 0).float().mean(dim=0)
    assert shares.tolist() == pytest.approx([0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0.0], abs=0.03)


def test_what_is_streamed_is_what_is_returned(model: DescriptionModel) -> None:
    pieces: list[str] = []
    answer = Describer(model, Decoding(max_tokens=12, greedy=True)).describe(INPUTS[:1], tell=pieces.append)
    assert "".join(pieces).strip() == answer[0].description


def test_words_are_streamed_one_by_one(model: DescriptionModel) -> None:
    pieces: list[str] = []
    teller = _Teller(model.tokenizer, pieces.append)
    teller.put(torch.tensor(model.tokenizer("How?")["input_ids"]))
    for token in model.tokenizer("A calm piece.<|im_end|>")["input_ids"]:
        teller.put(torch.tensor([token]))
    teller.end()
    assert pieces == ["A ", "calm ", "piece."]


def test_one_frame_is_asked_about_as_an_image_and_several_as_a_video(model: DescriptionModel) -> None:
    describer = Describer(model, Decoding())
    assert "visuals of this image, how would you compose" in describer.question(INPUTS[1])
    assert "visuals of this video, how would you compose" in describer.question(INPUTS[0])
    assert describer.question(INPUTS[2]).endswith("\nThe flower that smiles today tomorrow dies.")
    first = Describer(model, Decoding(), visuals=True).question(INPUTS[0])
    assert first.startswith("First describe the visual elements of this video")


def test_decoding_is_the_papers_unless_told_otherwise(model: DescriptionModel) -> None:
    decoding = decoding_of(model.settings, top_k=None, temperature=0.5)
    assert (decoding.top_k, decoding.top_p, decoding.temperature) == (50, 1.0, 0.5)
    assert decoding.max_tokens == 12 and not decoding.greedy


@pytest.mark.parametrize("wrong", [{"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.5}, {"temperature": 0.0}])
def test_a_wrong_decoding_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match="expected top-k and max-tokens of 1 or more"):
        Decoding(**wrong)


def test_a_text_that_is_too_long_is_refused_before_anything_is_written(model: DescriptionModel) -> None:
    describer = Describer(model, Decoding(max_tokens=12))
    describer.check(INPUTS[2])
    with pytest.raises(BadInput, match=r"and 12 for the answer; this model reads and writes 2048 at most"):
        describer.check(read_text("qwx " * 1000))


@pytest.mark.parametrize("token", ["<IMG_CONTEXT>", "<|im_end|>", "<img>"])
def test_a_text_cannot_pass_for_pictures_or_for_the_end_of_the_question(
    model: DescriptionModel, token: str
) -> None:
    with pytest.raises(BadInput, match="which this model does not read as text; leave it out"):
        Describer(model, Decoding(max_tokens=12)).check(read_text(f"A poem {token} goes on."))


def test_the_model_before_its_training_is_the_base_without_adapters(adapted: DescriptionModel) -> None:
    tuned = Describer(adapted, Decoding(max_tokens=12, greedy=True)).describe(INPUTS)
    with base_model(adapted) as base:
        before = Describer(base, Decoding(max_tokens=12, greedy=True)).describe(INPUTS)
    assert tuned != before
    assert Describer(adapted, Decoding(max_tokens=12, greedy=True)).describe(INPUTS) == tuned


def test_the_model_from_scratch_before_its_training_is_drawn_from_the_runs_seed(tmp_path: Path) -> None:
    model = open_run(write_run(tmp_path / "run"))
    with base_model(model) as base:
        assert base.net is not model.net
        fresh = build_tiny(model.settings, model.tokenizer).state_dict()
        assert all(torch.equal(weight, fresh[name]) for name, weight in base.net.state_dict().items())
