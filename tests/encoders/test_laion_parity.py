"""Our loading of LAION's checkpoints against LAION's own package, on random weights of full size.

Skips where the package does not import; docs/laion-parity.md says how to make a place where it does.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from leitmotif.encoders import laion_clap
from leitmotif.encoders.clap import ClapEncoder
from leitmotif.encoders.laion_clap import LaionClapEncoder
from leitmotif.weights.resolve import BadModel
from tests.encoders.laion_originals import save_original, save_roberta_tokenizer

pytestmark = [
    pytest.mark.slow,
    # The package and what it imports are years older than the interpreter.
    pytest.mark.filterwarnings("ignore"),
]
TEXTS = ["the sound of a cat", "fast drums and a bass line, recorded live", "x", "th " * 100]


@pytest.fixture(scope="module")
def package():
    try:
        return laion_clap.import_package()
    except BadModel as error:
        pytest.skip(str(error))


def windows() -> list[np.ndarray]:
    """Noise, a loud tone, a short click train, a quiet chord, and silence, as files of 16 bits hold them.

    A tone without even the noise of 16 bits would show the rounding errors of the package's own spectrograms
    (float32) in filters that catch nothing else.
    """
    rng = np.random.default_rng(0)
    time_s = np.arange(480_000) / 48_000
    return [
        (np.round(sound * 32767) / 32768).astype(np.float32)
        for sound in (
            0.1 * rng.standard_normal(480_000),
            0.9 * np.sin(2 * np.pi * 440 * time_s),
            (np.arange(150_000) % 12_000 == 0) * 0.8,
            1e-3 * sum(np.sin(2 * np.pi * hz * time_s[:300_000]) for hz in (220, 277, 330)),
            np.zeros(48_000),
        )
    ]


@pytest.fixture(scope="module", params=["HTSAT-tiny", "HTSAT-tiny fused", "HTSAT-base"])
def both(request, package, tmp_path_factory) -> tuple[ClapEncoder, LaionClapEncoder]:
    """The same file, loaded by our code and by the package."""
    folder: Path = tmp_path_factory.mktemp("laion")
    tower, _, fused = request.param.partition(" ")
    torch.manual_seed(0)
    with laion_clap.without_downloads(None):
        module = package.CLAP_Module(enable_fusion=bool(fused), device="cpu", amodel=tower, tmodel="roberta")
    state = module.model.state_dict()
    for name, tensor in state.items():
        if name.endswith("bn0.running_mean"):
            tensor.fill_(-35.0)
        elif name.endswith("bn0.running_var"):
            tensor.fill_(400.0)
        elif name.endswith(("relative_position_bias_table", "bias")) or "projection" in name:
            tensor.add_(0.2 * torch.randn_like(tensor))
        elif name.endswith("weight") and tensor.ndim == 2 and "embeddings" not in name:
            tensor.mul_(2.0)
    state["text_branch.embeddings.position_ids"] = torch.arange(514)[None]
    save_original(folder / "weights.pt", state)
    tokenizer = str(save_roberta_tokenizer(folder / "tokenizer"))
    path = str(folder / "weights.pt")
    return ClapEncoder(path, tokenizer=tokenizer).load(), LaionClapEncoder(path, tokenizer=tokenizer).load()


def test_our_conversion_hears_what_the_package_hears(both):
    ours, theirs = (encoder.embed_windows(windows()) for encoder in both)
    assert ours.shape == theirs.shape == (5, 512)
    apart = 1 - np.triu(theirs @ theirs.T, 1).max()
    differences = np.abs(ours - theirs).max(axis=1)
    print(f"windows differ by {differences}; the nearest two are {apart:.1e} apart in cosine")
    assert differences.max() <= 1e-4
    assert apart > 1e-3


def test_our_conversion_reads_what_the_package_reads(both):
    ours, theirs = (encoder.embed_texts(TEXTS) for encoder in both)
    assert ours.shape == theirs.shape == (4, 512)
    difference = np.abs(ours - theirs).max()
    print(f"texts differ by {difference:.1e}")
    assert difference <= 1e-4
    assert np.triu(theirs @ theirs.T, 1).max() < 0.999


def test_scale_and_revision_are_the_same(both):
    ours, theirs = both
    assert ours.logit_scale == pytest.approx(theirs.logit_scale)
    assert (ours.dim, ours.revision_id) == (theirs.dim, theirs.revision_id)
