#!/usr/bin/env bash
# transformers 5.23.0 cannot embed words by themselves with PE-AV's classes, though its whole forward pass does:
# `PeAudioModel.get_text_audio_embeds(input_ids)` reads hidden states that it does not ask the text model for, and ends
# with "TypeError: 'NoneType' object is not subscriptable"; `PeAudioVideoModel.get_text_audio_embeds` and
# `get_text_video_embeds` call a method `get_text_embeds` that neither of the two models has.
# Asking the text model for its hidden states and giving the first token to `text_audio_head` is what forward does,
# and has its bits. Who searches by words therefore has to do the same.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.23.0
cd "$work"
"$work/env/bin/python" - <<'PYTHON'
import torch
from transformers import PeAudioConfig, PeAudioModel
from transformers.models.pe_audio_video.modeling_pe_audio_video import PeAudioVideoModel
from transformers.models.pe_video.modeling_pe_video import PeVideoModel

torch.manual_seed(0)
tower = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2)
dac = dict(encoder_hidden_size=4, codebook_dim=8, hidden_size=32, downsampling_ratios=[2, 8, 10, 12])
ids = dict(pad_token_id=0, bos_token_id=1, cls_token_id=1, eos_token_id=2, sep_token_id=2)
config = PeAudioConfig(
    text_config=dict(model_type="modernbert", vocab_size=50, **tower, **ids),
    audio_config=dict(**tower, head_dim=8, dac_config=dac),
)
net = PeAudioModel(config).eval()
words = torch.tensor([[1, 7, 8, 9, 2]])
with torch.no_grad():
    whole = net(input_ids=words, input_values=torch.randn(1, 1, 19200)).text_audio_embeds
    states = net.text_model(input_ids=words, output_hidden_states=True).hidden_states[-1]
    by_hand = torch.nn.functional.normalize(net.text_audio_head(states[:, 0]), dim=-1)
    try:
        net.get_text_audio_embeds(words)
        said = "no error"
    except TypeError as error:
        said = f"TypeError: {error}"
cosine = float((torch.nn.functional.normalize(whole, dim=-1) * by_hand).sum())
missing = [kind.__name__ for kind in (PeAudioModel, PeVideoModel) if not hasattr(kind, "get_text_embeds")]
called = sum("get_text_embeds" in getattr(PeAudioVideoModel, name).__code__.co_names
             for name in ("get_text_audio_embeds", "get_text_video_embeds"))
print(f"get_text_audio_embeds: {said}; cosine to forward of doing it by hand: {cosine:.6f}")
print(f"PeAudioVideoModel calls get_text_embeds in {called} methods; without it: {', '.join(missing)}")
if said != "TypeError: 'NoneType' object is not subscriptable" or cosine < 0.999999 or called != 2 or len(missing) != 2:
    raise SystemExit("changed: expected the TypeError, a cosine of 1, 2 calls and 2 classes without the method")
PYTHON
