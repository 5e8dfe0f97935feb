"""The architecture of InternVL3-1B with random weights: a step of training fits into 20 GiB."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MOST_GIB = 20

# In a process of its own, whose peak of memory is its own too.
SCRIPT = """
import json, sys, time
from bench.peak_memory import peak_bytes
import numpy as np, torch
from transformers import InternVLConfig, InternVLForConditionalGeneration, InternVLVisionConfig, Qwen2Config
from leitmotif.train_mmdm.network import add_adapters, checkpoint_activations
from leitmotif.train_mmdm.processor import Processor, instruction_of
from leitmotif.train_mmdm.settings import choose_settings
from leitmotif.train_mmdm.task import sum_loss
from leitmotif.train_mmdm.tokens import learn_tokenizer
from leitmotif.train_mmdm.train import make_optimizer

settings = choose_settings("internvl3-1b", ["learning_rate=1e-3"])
tokenizer = learn_tokenizer(["a gentle piano melody"])
config = InternVLConfig(
    vision_config=InternVLVisionConfig(attention_bias=True),
    text_config=Qwen2Config(
        vocab_size=151674, hidden_size=896, num_hidden_layers=24, num_attention_heads=14,
        num_key_value_heads=2, intermediate_size=4864, max_position_embeddings=32768, rope_theta=1e6,
        tie_word_embeddings=False, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    ),
    image_token_id=tokenizer.context_image_token_id, tie_word_embeddings=False,
)
torch.set_default_dtype(torch.bfloat16)
base = InternVLForConditionalGeneration(config)
torch.set_default_dtype(torch.float32)
weights = sum(weight.numel() for weight in base.parameters())
net = add_adapters(base, settings).train()
checkpoint_activations(base)
processor = Processor(tokenizer, settings)
frames = [np.random.default_rng(n).integers(0, 256, (270, 480, 3), dtype=np.uint8) for n in range(10)]
example = processor.encode(processor.resize(frames), instruction_of(10), "a gentle piano melody")
batch = processor.collate([example])
optimizer = make_optimizer(net, settings)
learning = [weight for weight in net.parameters() if weight.requires_grad]
before = [weight.detach().clone() for weight in learning]
start = time.monotonic()
with torch.autocast("cpu", torch.bfloat16):
    loss = sum_loss(net, batch)
loss.backward()
optimizer.step()
moved = sum(not torch.equal(old, new) for old, new in zip(before, learning))
print(json.dumps({
    "weights": weights, "learning": sum(weight.numel() for weight in learning), "moved": moved,
    "tokens": batch["input_ids"].shape[1], "loss": loss.item(), "seconds": time.monotonic() - start,
    "peak_gib": peak_bytes() / 2**30,
}))
"""


@pytest.mark.slow
def test_a_step_of_internvl3_1b_fits_into_20_gib(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=REPOSITORY, capture_output=True, text=True, timeout=3600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    facts = json.loads(done.stdout.splitlines()[-1])
    print(facts)
    assert facts["weights"] == 938_193_024
    assert facts["learning"] == 8_798_208
    assert facts["moved"] == 24 * 7 * 2
    assert facts["tokens"] > 2560
    assert facts["peak_gib"] < MOST_GIB
