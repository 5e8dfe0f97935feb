"""The recipe of the embedded models: targets, augmentation, scores, and a few steps of training."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from leitmotif.encoders.tokenizers import train_tokenizer
from leitmotif.taxonomy.labels import load
from leitmotif.train_mini import clap_recipe, clip_recipe, corpus
from leitmotif.train_mini.augment import Augmentation, augment
from leitmotif.train_mini.batches import Batches
from leitmotif.train_mini.clap_network import WhitenedProjection, make_clap
from leitmotif.train_mini.clap_train import ClapTrainer, TrainingPlan
from leitmotif.train_mini.corpus import FLOOR_DB, FRAMES, MELS, Truth, log_mel, render_views
from leitmotif.train_mini.figures import BEGIN, END, write_figures
from leitmotif.train_mini.make import parse
from leitmotif.train_mini.prompts import all_texts, describe, draw_prompts, make_vocabulary
from leitmotif.train_mini.ranking_metrics import area_under_roc, average_precision, best_threshold
from leitmotif.train_mini.recordings import family_of
from leitmotif.train_mini.targets import make_targets, tempo_word
from leitmotif.weights.resolve import SHIPPED_DIR

TAXONOMY = load()
VOCABULARY = make_vocabulary(TAXONOMY)
PLACES = {mood.id: (mood.valence or 0.0, mood.arousal or 0.0) for mood in TAXONOMY.moods}
ROCK = Truth(1, "mix", ("drums", "bass guitar"), "rock", ("energetic",), 140.0, "E minor", (), 0.0)
SONG = Truth(2, "mix", ("piano",), "pop", ("calm",), 70.0, "C major", ("female vocals",), 0.0)
NOISY = Truth(3, "mix", ("piano",), "pop", ("calm",), 70.0, "C major", (), 0.8)


def column(kind: str, identity: str) -> int:
    pairs = list(zip(VOCABULARY.kinds, VOCABULARY.ids, strict=True))
    return pairs.index((kind, identity))


class AllAskedError(Exception):
    """The recipe has asked for all that it renders."""


def stop(*_: object, **__: object) -> None:
    raise AllAskedError


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The seeds of every set that a recipe asks for; nothing is rendered, trained or measured."""
    asked: list[set[int]] = []

    def note_seeds(first: int, count: int, cache_dir: Path, *, workers: int) -> list[Path]:
        asked.append(set(range(first, first + -(-count // corpus.CHUNK) * corpus.CHUNK)))
        return []

    monkeypatch.setattr(clap_recipe, "render_corpus_features", note_seeds)
    monkeypatch.setattr(clap_recipe, "read_corpus", lambda paths: (np.zeros((0, FRAMES, MELS)), []))
    monkeypatch.setattr(clap_recipe, "embed_features", lambda folder, features: features)
    monkeypatch.setattr(clap_recipe, "choose_family_method", stop)
    monkeypatch.setattr(torch.multiprocessing, "spawn", stop)
    monkeypatch.setattr(
        clip_recipe, "render_scenes", lambda *given, **named: (note_seeds(*given, **named), [])
    )
    monkeypatch.setattr(clip_recipe, "ClipTrainer", stop)
    monkeypatch.setattr(clip_recipe.ClipEncoder, "embed_images", stop)
    return asked


def test_clap_mini_is_trained_chosen_and_judged_on_clips_of_its_own(rendered, tmp_path):
    with pytest.raises(AllAskedError):
        clap_recipe.train_clap(tmp_path, tmp_path, clips=parse(["clap"]).clips, plan=TrainingPlan(epochs=1))
    with pytest.raises(AllAskedError):
        clap_recipe.measure_clap(SHIPPED_DIR / "clap-mini", tmp_path, media_dir=None)
    train, held, validation, test = rendered
    assert held == validation
    assert not train & validation and not train & test and not validation & test


def test_clip_mini_is_judged_on_scenes_that_it_was_never_trained_on(rendered, tmp_path):
    with pytest.raises(AllAskedError):
        clip_recipe.train_clip(tmp_path, tmp_path, scenes=parse(["clip"]).scenes, epochs=1)
    with pytest.raises(AllAskedError):
        clip_recipe.measure_clip(SHIPPED_DIR / "clip-mini", tmp_path)
    train, test = rendered
    assert train and test and not train & test


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


def tone(band: int, level_db: float) -> np.ndarray:
    view = np.full((FRAMES, MELS), FLOOR_DB, np.float16)
    view[:, band] = level_db
    return view


def part(instrument: str, seed: int = 1) -> Truth:
    return Truth(seed, "part", (instrument,), None, (), 140.0, None, (), 0.0)


def batches_of(parts: list[str], **settings: float) -> Batches:
    """One view of a rock clip, one of a voice, and one of each part in a band of its own."""
    voice = Truth(1, "voice", (), None, (), 140.0, None, ("female vocals",), 0.0)
    truths = [ROCK, voice, *(part(name) for name in parts)]
    features = np.stack([tone(band, -20.0) for band in range(len(truths))])
    targets = make_targets(truths, VOCABULARY, PLACES)
    return Batches(features, truths, targets, VOCABULARY, np.random.default_rng(0), **settings)


FIVE = ["piano", "violin", "drums", "flute", "organ"]


def test_a_new_mix_has_the_labels_of_what_is_heard_in_it_and_no_genre():
    batch = batches_of(FIVE, mixed_share=1.0).draw(200)
    power = torch.pow(10.0, batch.features / 10).mean(1)  # (200, bands)
    share_db = 10 * torch.log10(power / power.sum(1, keepdim=True))
    assert (batch.rows == -1).all()
    bands = {name: 2 + band for band, name in enumerate(FIVE)}
    for name, band in bands.items():
        labels, weights = (
            t[:, column("instrument", name)] for t in (batch.targets.labels, batch.targets.labels_weight)
        )
        loud, soft = share_db[:, band] > -14.9, share_db[:, band] < -25.1
        assert labels[loud].all() and weights[loud].all()
        assert not labels[soft].any() and weights[soft].all()
        assert not weights[~loud & ~soft & (share_db[:, band] > -24.9) & (share_db[:, band] < -15.1)].any()
        assert 30 < loud.sum() < 170
    sings = share_db[:, 1] > -14.9
    assert batch.targets.voice[sings].all()
    assert not batch.targets.voice[share_db[:, 1] < -25.1].any()
    assert not batch.targets.labels_weight[:, column("genre", "rock")].any()
    assert not batch.targets.described.any()


def test_a_batch_holds_clips_as_rendered_and_new_mixes():
    batch = batches_of(FIVE).draw(20)
    assert (batch.rows == 0).sum() == 9  # the only view that is no part and no voice
    assert (batch.rows == -1).sum() == 11
    assert batch.features.shape == (20, FRAMES, MELS)
    assert batch.targets.labels[0, column("genre", "rock")] == 1


def test_a_part_that_does_not_sound_is_never_mixed():
    truths = [ROCK, *(part(name) for name in FIVE), replace(SONG, view="voice", instruments=())]
    features = np.stack([tone(3, -20.0) for _ in truths])
    features[1] = FLOOR_DB  # the piano
    targets = make_targets(truths, VOCABULARY, PLACES)
    batches = Batches(features, truths, targets, VOCABULARY, np.random.default_rng(0))
    assert len(batches.parts) == 4
    assert batches.mixed_share == 0.0


def test_reverberation_adds_a_tail_and_nothing_before_the_sound():
    features = torch.full((1, FRAMES, MELS), FLOOR_DB)
    features[:, 100] = 0.0
    truths = make_targets([ROCK], VOCABULARY, PLACES)
    dry = dict.fromkeys(("equalise", "shift", "tile", "silence", "floor", "noise", "mask", "empty"), 0.0)
    changed, _ = augment(
        features, truths, torch.Generator().manual_seed(0), Augmentation(reverberate=1.0, **dry)
    )
    clip = torch.roll(changed[0], 100 - int(changed[0].sum(1).argmax()), dims=0)
    tail = clip[101:110].mean(1)
    assert (tail[:-1] > tail[1:]).all()
    assert clip[:90].mean() < tail.mean() - 20


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
    _, changed = augment(features, targets, torch.Generator().manual_seed(0), Augmentation(empty=1.0))
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


def test_a_folded_projection_that_is_taken_up_again_says_the_same():
    torch.manual_seed(0)
    model = make_clap(train_tokenizer(["a"], style="roberta", size=300), width=16, depths=(1, 1))
    pooled = 3 + 5 * torch.randn(400, 32)
    whitened = WhitenedProjection(model)
    whitened.fold(pooled)
    folded = torch.nn.functional.normalize(model.audio_projection(pooled), dim=-1)
    whitened.unfold(pooled)
    again, white = whitened(pooled)
    assert torch.allclose(again, folded, atol=1e-2)
    assert float(white.mean().abs()) < 1e-3


def test_a_few_steps_of_training_lower_the_loss():
    torch.manual_seed(0)
    clips = [render_views(seed) for seed in range(corpus.TRAIN_SEEDS, corpus.TRAIN_SEEDS + 4)]
    features = np.stack([view for views, _ in clips for view in views])
    truths = [truth for _, known in clips for truth in known]
    tokenizer = train_tokenizer(all_texts(VOCABULARY, TAXONOMY), style="roberta", size=600)
    plan = TrainingPlan(epochs=100, batch=16, peak_rate=2e-3, warmup_steps=2, bfloat16=False)
    model = make_clap(tokenizer, width=16, depths=(1, 1))
    trainer = ClapTrainer(model, tokenizer, TAXONOMY, VOCABULARY, features, truths, plan)
    losses = [trainer.step() for _ in range(16)]
    assert np.mean(losses[-4:]) < 0.9 * np.mean(losses[:3])
    assert trainer.average.steps == 16
