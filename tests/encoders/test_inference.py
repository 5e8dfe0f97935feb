"""How networks run, on a CPU and, where there is one, on a GPU."""

import numpy as np
import pytest
import torch
from PIL import Image

from leitmotif.encoders.clap import ClapEncoder
from leitmotif.encoders.clip import ClipEncoder
from leitmotif.encoders.encoder import inference


def test_on_a_cpu_all_is_single_precision_without_gradients():
    net = torch.nn.Linear(4, 4)
    with inference("cpu"):
        result = net(torch.ones(1, 4))
    assert result.dtype == torch.float32
    assert result.is_inference()


def test_a_full_gpu_is_want_of_memory_rather_than_a_fault_of_the_clip():
    with pytest.raises(MemoryError, match="memory of cpu is full"), inference("cpu"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


@pytest.mark.gpu
def test_a_gpu_hears_and_sees_what_a_cpu_does():
    rng = np.random.default_rng(0)
    windows = [0.1 * rng.standard_normal(48_000 * length_s).astype(np.float32) for length_s in (10, 3, 1)]
    images = [Image.fromarray(rng.integers(0, 255, (54, 96, 3), dtype=np.uint8)) for _ in range(3)]
    for kind, name, items in ((ClapEncoder, "clap-mini", windows), (ClipEncoder, "clip-mini", images)):
        slow, fast = kind(name).load("cpu"), kind(name).load("cuda")
        method = "embed_windows" if kind is ClapEncoder else "embed_images"
        expected, rows = getattr(slow, method)(items), getattr(fast, method)(items)
        assert (expected * rows).sum(axis=1).min() > 0.999
        assert np.array_equal(rows, getattr(fast, method)(items))
        texts = ["a calm scene", "fast drums"]
        np.testing.assert_allclose(slow.embed_texts(texts), fast.embed_texts(texts), atol=1e-3)
