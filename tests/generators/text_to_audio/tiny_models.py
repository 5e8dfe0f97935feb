"""Text-to-audio models of random weights: the true classes and files, few numbers."""

import warnings
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AudioLDM2Pipeline,
    AudioLDM2ProjectionModel,
    AudioLDM2UNet2DConditionModel,
    AutoencoderKL,
    AutoencoderSAME,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    StableAudio3DiTModel,
    StableAudio3Pipeline,
    StableAudioDiTModel,
)
from diffusers.pipelines.stable_audio_3 import StableAudio3DurationEmbedder
from tokenizers import pre_tokenizers
from transformers import (
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    EncodecConfig,
    EncodecModel,
    GemmaTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    MusicgenConfig,
    MusicgenDecoderConfig,
    MusicgenForConditionalGeneration,
    RobertaTokenizer,
    SpeechT5HifiGan,
    SpeechT5HifiGanConfig,
    T5Config,
    T5EncoderModel,
    T5GemmaConfig,
    T5GemmaEncoderModel,
    T5Tokenizer,
)
from transformers.models.encodec.modeling_encodec import EncodecConvTranspose1d

from tests.generators.published import write_published
from tests.generators.small_networks import SHAPE

LETTERS = [(letter, -3.0) for letter in "abcdefghijklmnopqrstuvwxyz,.-'"]


def t5_tokenizer(length: int = 20) -> T5Tokenizer:
    """A tokenizer that spells."""
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0), *LETTERS]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=length)


def t5_config(**changed: Any) -> T5Config:
    """Two layers of width 16."""
    shape = {"vocab_size": len(t5_tokenizer()), "d_model": 16, "d_kv": 4, "d_ff": 32, "num_layers": 2}
    return T5Config(**{**shape, "num_heads": 4, **changed})


def encodec_config(**changed: Any) -> EncodecConfig:
    """A codec of 4 codebooks of 32 entries, 100 frames of 40 samples a second."""
    shape = {
        "target_bandwidths": [2.0],
        "sampling_rate": 4000,
        "audio_channels": 1,
        "hidden_size": 16,
        "num_filters": 4,
        "num_residual_layers": 1,
        "upsampling_ratios": [8, 5],
        "codebook_size": 32,
        "codebook_dim": 16,
        "num_lstm_layers": 1,
        "norm_type": "weight_norm",
        "use_causal_conv": False,
    }
    return EncodecConfig(**{**shape, **changed})


def spread_codebooks(codec: EncodecModel) -> None:
    """Give codebooks entries, which are all zero in a new codec."""
    for layer in codec.quantizer.layers:
        layer.codebook.embed.normal_()


def musicgen(channels: int = 1, **codec_settings: Any) -> MusicgenForConditionalGeneration:
    """A MusicGen of two layers."""
    torch.manual_seed(0)
    codec = encodec_config(**codec_settings)
    decoder = MusicgenDecoderConfig(
        vocab_size=32,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        ffn_dim=32,
        num_codebooks=codec.num_quantizers * channels,
        audio_channels=channels,
        pad_token_id=32,
        bos_token_id=32,
        initializer_factor=0.5,  # as drawn by default, weights are so small that no word is heard
    )
    config = MusicgenConfig(
        text_encoder=t5_config().to_dict(), audio_encoder=codec.to_dict(), decoder=decoder.to_dict()
    )
    net = MusicgenForConditionalGeneration(config).eval()
    spread_codebooks(net.audio_encoder)
    net.generation_config.decoder_start_token_id = 32
    net.generation_config.pad_token_id = net.generation_config.bos_token_id = 32
    net.generation_config.guidance_scale = 3.0
    net.generation_config.do_sample = True
    return net


def write_musicgen(folder: Path, *, channels: int = 1) -> Path:
    """A MusicGen with its tokenizer, as `save_pretrained` writes it."""
    musicgen(channels).save_pretrained(folder)
    t5_tokenizer().save_pretrained(folder)
    return folder


# What audiocraft's settings say of AudioGen that its weights do not show; the rest of them is left out here.
XP_CFG = """
sample_rate: 4000
encodec: {causal: false, renormalize: false, sample_rate: '${sample_rate}'}
seanet: {ratios: [8, 5], n_residual_layers: 1, kernel_size: 7, last_kernel_size: 7, residual_kernel_size: 3,
  dilation_base: 2, pad_mode: constant, compress: 2, true_skip: true, lstm: 1}
transformer_lm: {num_heads: 4, dim: 24, num_layers: 2, n_q: 4, card: 32}
"""


def audiogen() -> MusicgenForConditionalGeneration:
    """What AudioGen is in transformers: a MusicGen whose codec pads with silence and has no shortcuts."""
    return musicgen(pad_mode="constant", use_conv_shortcut=False)


def write_audiogen(folder: Path) -> Path:
    """The two files of audiocraft under its own names, and the T5 that it needs."""
    net = audiogen()
    folder.mkdir(parents=True)
    for file, weights in (
        ("state_dict.bin", audiocraft_language(net)),
        ("compression_state_dict.bin", audiocraft_codec(net.audio_encoder)),
    ):
        torch.save(
            {"best_state": weights, "xp.cfg": XP_CFG, "version": "1.0.0", "exported": True}, folder / file
        )
    net.text_encoder.save_pretrained(folder / "text_encoder")
    t5_tokenizer().save_pretrained(folder / "text_encoder")
    return folder


def audiocraft_language(net: MusicgenForConditionalGeneration) -> dict[str, torch.Tensor]:
    """Weights of the language model by the names of audiocraft's `LMModel`."""
    found = {}
    decoder = net.decoder.model.decoder
    for number, (heard, said) in enumerate(zip(decoder.embed_tokens, net.decoder.lm_heads, strict=True)):
        found |= {f"emb.{number}.weight": heard.weight, f"linears.{number}.weight": said.weight}
    for number, layer in enumerate(decoder.layers):
        at = f"transformer.layers.{number}"
        for name, attention in (("self_attn", layer.self_attn), ("cross_attention", layer.encoder_attn)):
            parts = [attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight]
            found[f"{at}.{name}.in_proj_weight"] = torch.cat(parts)
            found[f"{at}.{name}.out_proj.weight"] = attention.out_proj.weight
        found |= {f"{at}.linear1.weight": layer.fc1.weight, f"{at}.linear2.weight": layer.fc2.weight}
        for name, norm in (
            ("norm1", layer.self_attn_layer_norm),
            ("norm_cross", layer.encoder_attn_layer_norm),
            ("norm2", layer.final_layer_norm),
        ):
            found |= {f"{at}.{name}.weight": norm.weight, f"{at}.{name}.bias": norm.bias}
    found |= {"out_norm.weight": decoder.layer_norm.weight, "out_norm.bias": decoder.layer_norm.bias}
    heard = "condition_provider.conditioners.description.output_proj"
    found |= {f"{heard}.weight": net.enc_to_dec_proj.weight, f"{heard}.bias": net.enc_to_dec_proj.bias}
    return {name: weight.detach().clone() for name, weight in found.items()}


def audiocraft_codec(codec: EncodecModel) -> dict[str, torch.Tensor]:
    """Weights of the codec by the names of audiocraft's `EncodecModel`."""
    found = {}
    for side, part in (("encoder", codec.encoder), ("decoder", codec.decoder)):
        for number, layer in enumerate(part.layers):
            at = f"{side}.model.{number}"
            for name, weight in layer.state_dict().items():
                if name.startswith("lstm."):
                    found[f"{at}.{name}"] = weight
                    continue
                inner, _, last = name.rpartition("conv.")  # "block.1.", then bias or a part of the weight
                twice = "convtr.convtr" if isinstance(layer, EncodecConvTranspose1d) else "conv.conv"
                parts = {"parametrizations.weight.original0": "weight_g"}
                parts["parametrizations.weight.original1"] = "weight_v"
                found[f"{at}.{inner}{twice}.{parts.get(last, last)}"] = weight
    for number, layer in enumerate(codec.quantizer.layers):
        for name, buffer in layer.codebook.state_dict().items():
            found[f"quantizer.vq.layers.{number}._codebook.{name}"] = buffer
    return {name: weight.detach().clone() for name, weight in found.items()}


def write_stable_audio_open(folder: Path) -> Path:
    """The parts of Stable Audio Open, which makes a third of a second."""
    write_published(folder)
    net = StableAudioDiTModel(**{**SHAPE, "sample_size": 320})
    spread(net)
    net.save_pretrained(str(folder / "transformer"))
    return folder


def _same_codec() -> AutoencoderSAME:
    """A codec of 8 numbers a frame of 16 samples."""
    return AutoencoderSAME(
        patch_size=4,
        encoder_channels=8,
        encoder_c_mults=(2,),
        encoder_strides=(4,),
        encoder_transformer_depths=(1,),
        latent_dim=8,
        dim_heads=8,
        encoder_sinusoidal_blocks=(0,),
        decoder_sinusoidal_blocks=(0,),
        sampling_rate=8000,
    )


def write_stable_audio_3(folder: Path, *, distilled: bool = True) -> Path:
    """A Stable Audio 3, distilled or base, as diffusers' converter writes it."""
    torch.manual_seed(0)
    inner = {
        "vocab_size": 300,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
    }
    text = T5GemmaConfig(encoder=inner, decoder=inner, is_encoder_decoder=False, vocab_size=300)
    tokens = [(token, 0.0) for token in ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")]
    spelled = [*tokens, ("\u2581", -2.0), *LETTERS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        codec = _same_codec()
    net = StableAudio3DiTModel(
        io_channels=8,
        embed_dim=16,
        depth=2,
        num_heads=2,
        cond_token_dim=16,
        global_cond_dim=16,
        local_add_cond_dim=9,
        timestep_features_dim=16,
        num_memory_tokens=2,
    )
    pipeline = StableAudio3Pipeline(
        vae=codec,
        text_encoder=T5GemmaEncoderModel(text),
        tokenizer=GemmaTokenizer(vocab={token: at for at, (token, _) in enumerate(spelled)}, merges=[]),
        duration_embedder=StableAudio3DurationEmbedder(output_dim=16, fourier_dim=16),
        transformer=net,
        scheduler=FlowMatchEulerDiscreteScheduler(
            num_train_timesteps=1, shift=1.0, stochastic_sampling=distilled
        ),
    )
    for part in (codec, net):
        spread(part)
    pipeline.save_pretrained(str(folder))
    return folder


def spread(part: torch.nn.Module) -> None:
    """Give weights that a new network has at zero other values."""
    with torch.no_grad():
        for weight in part.parameters():
            weight += 0.1 * torch.randn_like(weight)


def write_audioldm2(folder: Path) -> Path:
    """An AudioLDM 2: CLAP, T5 and GPT-2 for words, a UNet on latents of mel spectra, and a vocoder."""
    torch.manual_seed(0)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters]
    words = RobertaTokenizer(
        vocab={name: at for at, name in enumerate(names)}, merges=[], model_max_length=16
    )
    clap = ClapConfig(
        text_config={
            "vocab_size": len(names),
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 16,
            "projection_dim": 16,
            "max_position_embeddings": 32,
        },
        audio_config={
            "spec_size": 64,
            "window_size": 4,
            "num_mel_bins": 64,
            "depths": [1, 1],
            "num_attention_heads": [1, 1],
            "patch_embeds_hidden_size": 8,
            "hidden_size": 16,
            "num_classes": 4,
            "projection_dim": 16,
            "patch_stride": [8, 8],
            "patch_size": 8,
        },
        projection_dim=16,
    )
    gpt = GPT2Config(n_positions=64, n_embd=16, n_layer=2, n_head=2, vocab_size=40)
    gpt.max_new_tokens = 4
    pipeline = AudioLDM2Pipeline(
        vae=AutoencoderKL(
            in_channels=1,
            out_channels=1,
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            block_out_channels=(8, 8),
            latent_channels=4,
            norm_num_groups=4,
        ),
        text_encoder=ClapModel(clap),
        text_encoder_2=T5EncoderModel(t5_config()),
        projection_model=AudioLDM2ProjectionModel(
            text_encoder_dim=16, text_encoder_1_dim=16, langauge_model_dim=16
        ),
        language_model=GPT2LMHeadModel(gpt),
        tokenizer=words,
        tokenizer_2=t5_tokenizer(16),
        feature_extractor=ClapFeatureExtractor(feature_size=64),
        unet=AudioLDM2UNet2DConditionModel(
            sample_size=8,
            in_channels=4,
            out_channels=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            block_out_channels=(8, 8),
            layers_per_block=1,
            norm_num_groups=4,
            attention_head_dim=2,
            cross_attention_dim=([16, 16], [16, 16]),
        ),
        scheduler=DDIMScheduler(
            beta_start=0.0015,
            beta_end=0.0195,
            beta_schedule="scaled_linear",
            clip_sample=False,
            steps_offset=1,
        ),
        vocoder=SpeechT5HifiGan(
            SpeechT5HifiGanConfig(
                model_in_dim=8,
                sampling_rate=8000,
                upsample_initial_channel=8,
                upsample_rates=[8, 4],
                upsample_kernel_sizes=[16, 8],
                resblock_kernel_sizes=[3],
                resblock_dilation_sizes=[[1, 3]],
                normalize_before=False,
            )
        ),
    )
    for part in (pipeline.vae, pipeline.unet, pipeline.vocoder, pipeline.language_model):
        spread(part)
    pipeline.save_pretrained(str(folder))
    # The published one was written without what says the next word.
    pipeline.language_model.transformer.save_pretrained(folder / "language_model")
    return folder


# Of each backend that takes a model, what writes a tiny one.
WRITERS = {
    "audiogen": write_audiogen,
    "audioldm2": write_audioldm2,
    "musicgen": write_musicgen,
    "stable-audio-3-music": write_stable_audio_3,
    "stable-audio-3-sfx": write_stable_audio_3,
    "stable-audio-open": write_stable_audio_open,
}
