"""The sentences that clap-mini learns from."""

import numpy as np

from leitmotif.encoders.tokenizers import train_tokenizer
from leitmotif.train_mini.prompts import all_texts, describe, draw_prompts
from tests.train_mini.known_clips import TAXONOMY, VOCABULARY


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
