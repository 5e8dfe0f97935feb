"""The recipe of the embedded models: targets, augmentation, scores, and a few steps of training."""

import json

import numpy as np
import pytest
import torch

from encoders.mini import corpus
from encoders.mini.augment import Augmentation, augment
from encoders.mini.clap_network import make_clap
from encoders.mini.clap_train import ClapTrainer, TrainingPlan
from encoders.mini.corpus import FLOOR_DB, FRAMES, MELS, Truth, log_mel, render_views
from encoders.mini.figures import BEGIN, END, write_figures
from encoders.mini.real_media import family_of
from encoders.mini.scores import area_under_roc, average_precision, best_threshold
from encoders.mini.targets import make_targets, mix_targets, tempo_word
from encoders.mini.tokenizers import train_tokenizer
from encoders.mini.words import all_texts, describe, draw_prompts, make_vocabulary
from taxonomy.labels import load

TAXONOMY = load()
VOCABULARY = make_vocabulary(TAXONOMY)
PLACES = {mood.id: (mood.valence or 0.0, mood.arousal or 0.0) for mood in TAXONOMY.moods}
ROCK = Truth(1, "mix", ("drums", "bass guitar"), "rock", ("energetic",), 140.0, "E minor", (), 0.0)
SONG = Truth(2, "mix", ("piano",), "pop", ("calm",), 70.0, "C major", ("female vocals",), 0.0)
NOISY = Truth(3, "mix", ("piano",), "pop", ("calm",), 70.0, "C major", (), 0.8)


def column(kind: str, identity: str) -> int:
    pairs = list(zip(VOCABULARY.kinds, VOCABULARY.ids, strict=True))
    return pairs.index((kind, identity))


def test_seeds_of_training_validation_and_test_never_meet():
    assert corpus.TEST_SEEDS < corpus.TEST_SEEDS_END <= corpus.VALIDATION_SEEDS < corpus.TRAIN_SEEDS


def test_every_tag_of_the_taxonomy_is_learned_and_described():
    ids = {(kind, identity) for kind, identity in zip(VOCABULARY.kinds, VOCABULARY.ids, strict=True)}
    assert {(label.kind, label.id) for label in TAXONOMY.all_tags() + TAXONOMY.vocals} <= ids
    assert {("family", family.id) for family in TAXONOMY.families} <= ids
    prompts = draw_prompts(VOCABULARY, np.random.default_rng(0))
    assert len(prompts) == len(VOCABULARY.ids)


def test_the_tokenizer_spells_words_it_never_saw():
    tokenizer = train_tokenizer(all_texts(VOCABULARY, TAXONOMY), style="roberta")
    ids = tokenizer("Gqxzwy über piano")["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == "gqxzwy über piano"


def test_a_description_claims_only_what_is_true():
    for seed in range(50):
        text, said = describe(
            genre="rock", moods=("energetic",), instruments=("drums", "bass guitar"), vocals=("choir",),
            tempo="fast", key=None, rng=np.random.default_rng(seed),
        )  # fmt: skip
        assert set(said) <= {"rock", "energetic", "drums", "bass guitar", "choir", "fast"}
        assert all(word in text for word in said)


def test_targets_say_what_the_truth_says():
    targets = make_targets([ROCK, SONG, NOISY], VOCABULARY, PLACES)
    assert targets.labels[0, column("instrument", "drums")] == 1
    assert targets.labels[0, column("family", "percussion")] == 1
    assert targets.labels[1, column("vocal", "female vocals")] == 1
    assert targets.labels[0].sum() == 6  # two instruments, their two families, genre, mood
    assert targets.voice.tolist() == [0, 1, 0]
    assert targets.degraded.tolist() == [0, 0, 1]
    assert [tempo_word(t) for t in (None, 70.0, 100.0, 140.0)] == [None, "slow", "medium", "fast"]


def test_clips_that_sound_together_have_the_instruments_of_both_and_the_genre_of_neither():
    targets = make_targets([ROCK, SONG], VOCABULARY, PLACES)
    mixed = mix_targets(
        targets, torch.tensor([1, 0]), torch.tensor([True, False]), torch.tensor([-3.0, -3.0])
    )
    assert mixed.labels[0, column("instrument", "piano")] == 1
    assert mixed.labels_weight[0, column("instrument", "piano")] == 1
    assert (
        mixed.labels_weight[0, column("genre", "pop")] == mixed.labels_weight[0, column("genre", "rock")] == 0
    )
    assert mixed.voice.tolist() == [1, 1]
    assert torch.equal(mixed.labels[1], targets.labels[1])


def test_augmentation_is_drawn_from_its_generator_and_stays_in_range():
    features = torch.randn(6, FRAMES, MELS) * 10 - 20
    targets = make_targets([ROCK, SONG, NOISY] * 2, VOCABULARY, PLACES)
    twice = [augment(features, targets, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(twice[0][0], twice[1][0])
    assert twice[0][0].shape == features.shape
    assert float(twice[0][0].min()) >= FLOOR_DB


def test_a_clip_replaced_by_noise_has_no_labels():
    features = torch.zeros(4, FRAMES, MELS)
    targets = make_targets([ROCK, SONG, NOISY, ROCK], VOCABULARY, PLACES)
    _, changed = augment(
        features, targets, torch.Generator().manual_seed(0), Augmentation(mix=0.0, empty=1.0)
    )
    assert changed.labels.sum() == 0
    assert changed.voice.sum() == 0


def test_features_have_the_shape_that_the_network_reads():
    features = log_mel(np.zeros(corpus.RATE_HZ * corpus.WINDOW_S, np.float32))
    assert features.shape == (FRAMES, MELS)
    assert float(features.max()) == FLOOR_DB


def test_scores_of_a_known_ranking():
    truth = np.array([1, 0, 1, 0])
    assert average_precision(truth, np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx((1 + 2 / 3) / 2)
    assert area_under_roc(truth, np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx(0.75)
    assert area_under_roc(truth, np.ones(4)) == pytest.approx(0.5)
    threshold, f1, precision, recall = best_threshold(
        np.array([[1, 0], [1, 0]]), np.array([[0.9, 0.1], [0.8, 0.2]])
    )
    assert (threshold, f1, precision, recall) == pytest.approx((0.8, 1.0, 1.0, 1.0))


def test_figures_are_written_into_the_card_between_its_marks(tmp_path):
    card = tmp_path / "card.md"
    card.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_figures({"model": "x", "size": {"weights, MB": 1.23456}}, tmp_path, card)
    text = card.read_text()
    assert "| weights, MB | 1.235 |" in text
    assert "old" not in text
    assert text.startswith("before")
    assert text.endswith("after\n")
    assert json.loads((tmp_path / "figures.json").read_text())["model"] == "x"
    card.write_text("no marks")
    with pytest.raises(ValueError, match="marks"):
        write_figures({}, tmp_path, card)


def test_a_recording_of_one_family_is_known_and_a_mix_is_not():
    assert family_of("MTG_sms-tools-materials/flute-A4.wav") == "winds"
    assert family_of("urinieto_msaf/Mindless_cut.mp3") is None


def test_a_few_steps_of_training_lower_the_loss():
    torch.manual_seed(0)
    clips = [render_views(seed) for seed in range(corpus.TRAIN_SEEDS, corpus.TRAIN_SEEDS + 4)]
    features = np.stack([view for views, _ in clips for view in views])
    truths = [truth for _, known in clips for truth in known]
    tokenizer = train_tokenizer(all_texts(VOCABULARY, TAXONOMY), style="roberta", size=600)
    plan = TrainingPlan(epochs=100, batch=len(features), peak_rate=2e-3, warmup_steps=2, bfloat16=False)
    model = make_clap(tokenizer, width=16, depths=(1, 1))
    trainer = ClapTrainer(model, tokenizer, TAXONOMY, VOCABULARY, features, truths, plan)
    losses = [trainer.step(np.arange(len(features))) for _ in range(16)]
    assert np.mean(losses[-4:]) < 0.9 * np.mean(losses[:3])
    assert trainer.average.steps == 16
