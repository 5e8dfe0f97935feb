"""A few steps of the training of clap-mini."""

import numpy as np
import torch

from leitmotif.encoders.tokenizers import train_tokenizer
from leitmotif.train_mini import corpus
from leitmotif.train_mini.clap_network import make_clap
from leitmotif.train_mini.clap_train import ClapTrainer, TrainingPlan
from leitmotif.train_mini.corpus import render_views
from leitmotif.train_mini.prompts import all_texts
from tests.train_mini.known_clips import TAXONOMY, VOCABULARY


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
