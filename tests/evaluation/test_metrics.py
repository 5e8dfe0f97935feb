"""Every metric: known answers, and what holds for all that are found."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from leitmotif.encoders.clap import ClapEncoder
from leitmotif.encoders.tokenizers import train_tokenizer
from leitmotif.evaluation.bertscore import BertScoreMetric
from leitmotif.evaluation.bleu import BleuMetric
from leitmotif.evaluation.clap_score import ClapScoreMetric
from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.metric import Metric, Tools, choose_metrics, find_metrics
from leitmotif.evaluation.mood_quadrant import MoodQuadrantMetric
from leitmotif.evaluation.rouge import RougeLMetric
from leitmotif.evaluation.tags import TagPrecisionMetric, TagRecallMetric
from leitmotif.evaluation.tempo_class import TempoClassMetric, TempoWords
from leitmotif.storage.errors import UserError

CAPTION = "A calm, dreamlike ambient piece featuring piano and strings at a slow tempo of about 72 BPM."
OTHER = "A fast, aggressive metal track with electric guitar and drums."
METRICS = find_metrics()


@pytest.fixture(scope="module")
def clap() -> ClapEncoder:
    return ClapEncoder("clap-mini").load()


@pytest.fixture(scope="module")
def clip(clap: ClapEncoder) -> Clip:
    """A clip whose music lies exactly where its caption does."""
    return Clip(
        clip_id="a",
        caption=CAPTION,
        instruments=("piano", "strings"),
        genres=("ambient",),
        moods=("calm", "dreamy"),
        tempo_class="slow",
        clap=clap.embed_texts([CAPTION])[0],
        clap_model=f"clap-mini@{clap.revision_id}",
    )


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    tokenizer = train_tokenizer([CAPTION, OTHER], style="roberta", size=300, max_length=64)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=66,
        pad_token_id=tokenizer.pad_token_id,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tools(clip: Clip, bert: Path) -> Tools:
    return Tools(clap=clip.clap_model, bertscore=str(bert))


def value_of(metric: Metric, texts: list[str], clips: list[Clip]) -> float:
    rows = metric.measure(texts, clips)
    return metric.value(rows.sum(axis=0), len(clips))


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_states_its_range_sign_and_paper(name: str) -> None:
    kind = METRICS[name]
    assert name == kind.NAME == name.lower()
    assert kind.RANGE[0] < kind.RANGE[1] and kind.HIGHER_IS_BETTER in (True, False)
    assert kind.TITLE and len(kind.REFERENCE) > 10
    assert kind.NEEDS is None or hasattr(Tools(), kind.NEEDS)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_likes_the_caption_best_and_stays_in_its_range(
    name: str, tools: Tools, clip: Clip
) -> None:
    metric = METRICS[name](tools)
    same, other, nothing = (value_of(metric, [text], [clip]) for text in (CAPTION, OTHER, ""))
    low, high = metric.RANGE
    assert low <= nothing <= high and low <= other < same <= high + 1e-3
    assert same == pytest.approx(high, abs=1e-3)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_gives_one_row_a_clip_and_none_where_nothing_is_known(
    name: str, tools: Tools, clip: Clip
) -> None:
    metric = METRICS[name](tools)
    rows = metric.measure([CAPTION, CAPTION, OTHER], [clip, Clip("b"), clip])
    assert rows.shape[0] == 3 and rows.dtype == np.float64
    assert np.isnan(rows).any(axis=1).tolist() == [False, True, False]
    assert np.allclose(rows[0], metric.measure([CAPTION], [clip])[0], atol=1e-4)
    assert metric.measure([], []).shape == (0, rows.shape[1])


def test_clap_score_is_the_cosine_in_hundredths(clap: ClapEncoder, clip: Clip, tools: Tools) -> None:
    cosine = float(clap.embed_texts([OTHER])[0] @ clip.clap)
    assert value_of(ClapScoreMetric(tools), [OTHER], [clip]) == pytest.approx(100 * cosine, abs=1e-4)


def test_a_text_without_a_word_scores_nothing(clip: Clip, tools: Tools) -> None:
    assert ClapScoreMetric(tools).measure(["", " \n"], [clip, clip]).tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        (Tools(), "no clap_embedding"),
        (
            Tools(clap="clap-mini@sha256:000000000000"),
            "by clap-mini@sha256:000000000000, and the model here is",
        ),
        (Tools(clap="./nowhere@sha256:000000000000"), "no such folder exists"),
        (Tools(clap="clap-mini@x", clap_folder="./nowhere"), "no such folder exists"),
    ],
)
def test_clap_score_without_the_clips_model_says_what_to_do(tools: Tools, said: str) -> None:
    with pytest.raises(UserError, match=said) as raised:
        ClapScoreMetric(tools)
    assert "\n" not in str(raised.value)


def test_an_embedding_of_another_size_is_refused(tools: Tools) -> None:
    with pytest.raises(UserError, match="have 3 dimensions, those of the CLAP model 128"):
        ClapScoreMetric(tools).measure([CAPTION], [Clip("a", clap=np.ones(3, np.float32))])


def test_bleu_of_several_is_that_of_sacrebleu_and_no_mean(tools: Tools) -> None:
    from sacrebleu.metrics import BLEU

    texts = ["the cat sat on the mat today", "a slow piano piece", "one two"]
    captions = ["the cat sat on a mat today", "a slow piano piece in D minor", "three four five"]
    clips = [Clip(str(number), caption=caption) for number, caption in enumerate(captions)]
    theirs = BLEU().corpus_score(texts, [captions]).score
    assert value_of(BleuMetric(tools), texts, clips) == pytest.approx(theirs, abs=1e-9)
    # 85.7, 66.7, 40 and 25 percent of the words, pairs, triples and quadruples; as long as the caption.
    one = 100 * (6 / 7 * 4 / 6 * 2 / 5 * 1 / 4) ** 0.25
    assert value_of(BleuMetric(tools), texts[:1], clips[:1]) == pytest.approx(one, abs=1e-6)


def test_rouge_l_is_the_f_measure_of_the_longest_common_subsequence(tools: Tools) -> None:
    # "the cat on the mat" has five of its five words in order, and five of the caption's six.
    precision, recall = 5 / 5, 5 / 6
    found = value_of(
        RougeLMetric(tools), ["the cat on the mat"], [Clip("a", caption="the cat sat on the mat")]
    )
    assert found == pytest.approx(100 * 2 * precision * recall / (precision + recall))


def test_tag_recall_counts_the_tags_that_are_named_by_any_of_their_names(tools: Tools) -> None:
    clip = Clip("a", instruments=("piano", "bass guitar"), genres=("electronic",), moods=("calm",))
    metric = TagRecallMetric(tools)
    assert value_of(metric, ["Relaxed techno with a grand-piano."], [clip]) == 75.0
    assert value_of(metric, ["An electric piano and a bass."], [clip]) == 0.0
    assert value_of(metric, ["BASS GUITARS!"], [clip]) == 25.0


def test_tag_precision_is_over_all_texts_together(tools: Tools) -> None:
    clips = [Clip("a", instruments=("piano",)), Clip("b", moods=("sad",)), Clip("c")]
    texts = ["piano, violin, harp", "sad", "trumpet"]
    rows = TagPrecisionMetric(tools).measure(texts, clips)
    assert rows[:2].tolist() == [[1, 3], [1, 1]] and np.isnan(rows[2]).all()
    assert TagPrecisionMetric(tools).value(rows[:2].sum(axis=0), 2) == 50.0
    assert TagPrecisionMetric(tools).value(np.zeros(2), 2) == 0.0


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("A joyful tune.", 0.0),
        ("An ominous and fierce piece.", 100.0),  # (-0.65, 0.5)
        ("Suspenseful.", 100.0),
        ("Mournful.", 0.0),
        ("Piano in D major.", 0.0),
        ("Tense, then serene, peaceful, calm.", 0.0),  # the mean is pleasant and still
    ],
)
def test_mood_quadrant_compares_where_the_moods_lie(tools: Tools, text: str, right: float) -> None:
    clip = Clip("a", moods=("tense", "aggressive", "dark"))
    assert value_of(MoodQuadrantMetric(tools), [text], [clip]) == right


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("An up-tempo track", {"fast"}),
        ("Mood: calm. Tempo: medium. Genre: folk.", {"medium"}),
        ("a medium sized choir", set()),
        ("moving at an unhurried pace of around 63 BPM", {"slow"}),
        ("a slow tempo of about 119 BPM", {"slow", "medium"}),
        ("128bpm", {"fast"}),
        ("at 89.5 beats per minute", {"slow"}),
        ("at 1280 BPM or B128 BPM", set()),
        ("MID‑TEMPO, moderate pace", {"medium"}),
        ("steadfast and breakfast", set()),
        ("a slowly building piece that ends fast", {"slow", "fast"}),
        ("", set()),
    ],
)
def test_tempo_words_and_numbers_name_classes(text: str, classes: set[str]) -> None:
    assert TempoWords().named(text) == classes


def test_a_text_that_names_two_tempo_classes_is_wrong(tools: Tools) -> None:
    clip = Clip("a", tempo_class="slow")
    assert value_of(TempoClassMetric(tools), ["a slow and fast piece"], [clip]) == 0.0
    assert value_of(TempoClassMetric(tools), ["a slow piece"], [clip]) == 100.0


def test_bertscore_is_that_of_the_package(bert: Path, tools: Tools) -> None:
    from bert_score import BERTScorer

    theirs = BERTScorer(model_type=str(bert), num_layers=2, device="cpu").score([OTHER], [CAPTION])[2].item()
    found = value_of(BertScoreMetric(tools), [OTHER], [Clip("a", caption=CAPTION)])
    assert found == pytest.approx(100 * theirs, abs=1e-3)
    assert theirs < 0.99


def test_bertscore_without_weights_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(UserError, match=r"without model\.safetensors"):
        BertScoreMetric(Tools(bertscore=str(tmp_path)))
    with pytest.raises(UserError, match="give one, such as --bertscore FacebookAI/roberta-large"):
        BertScoreMetric(Tools())


def test_bertscore_refuses_weights_in_part(bert: Path, tmp_path: Path) -> None:
    weights = load_file(bert / "model.safetensors")
    for path in bert.iterdir():
        shutil.copy(path, tmp_path)
    whole = {name: tensor for name, tensor in weights.items() if not name.startswith("pooler.")}
    save_file(whole, tmp_path / "model.safetensors", metadata={"format": "pt"})
    BertScoreMetric(Tools(bertscore=str(tmp_path)))
    part = {name: tensor for name, tensor in whole.items() if "layer.1" not in name}
    save_file(part, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="weights are missing"):
        BertScoreMetric(Tools(bertscore=str(tmp_path)))


def test_metrics_are_chosen_by_name_or_by_what_is_given() -> None:
    names = [metric.NAME for metric in choose_metrics(None, Tools())]
    assert names == ["bleu", "mood-quadrant", "rouge-l", "tag-precision", "tag-recall", "tempo-class"]
    assert [metric.NAME for metric in choose_metrics(["bleu"], Tools())] == ["bleu"]
    with pytest.raises(UserError, match=r"metric 'blue' is not known; did you mean bleu\?"):
        choose_metrics(["blue"], Tools())
    with pytest.raises(UserError, match="no clap_embedding"):
        choose_metrics(["clap-score"], Tools())
