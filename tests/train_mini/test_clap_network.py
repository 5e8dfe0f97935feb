"""The network of clap-mini."""

import torch

from leitmotif.encoders.tokenizers import train_tokenizer
from leitmotif.train_mini.clap_network import WhitenedProjection, make_clap


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
