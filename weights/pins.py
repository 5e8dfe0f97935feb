"""Published models that were tried: their commits, which a hub id without a revision means, and lengths."""

PINNED = {
    "laion/larger_clap_general": "ada0c23a36c4e8582805bb38fec3905903f18b41",
    "laion/larger_clap_music": "a0b4534a14f58e20944452dff00a22a06ce629d1",
    "laion/larger_clap_music_and_speech": "195c3a3e68faebb3e2088b9a79e79b43ddbda76b",
    "laion/clap-htsat-fused": "cca9e288ab447cee67d9ada1f85ddb46500f1401",
    "laion/clap-htsat-unfused": "8fa0f1c6d0433df6e97c127f64b2a1d6c0dcda8a",
    "openai/clip-vit-large-patch14": "32bd64288804d66eefd0ccbe215aa642df71cc41",
    "google/siglip-so400m-patch14-384": "9fdffc58afc957d1a03a25b10dba0329ab15c2a3",
    "FacebookAI/roberta-base": "e2da8e2f811d1448a5b465c236feacd80ffbac7b",
}

# Lengths of their embeddings; the checkpoint files of LAION all have the one below.
DIMS = {
    "laion/larger_clap_general": 512,
    "laion/larger_clap_music": 512,
    "laion/larger_clap_music_and_speech": 512,
    "laion/clap-htsat-fused": 512,
    "laion/clap-htsat-unfused": 512,
    "openai/clip-vit-large-patch14": 768,
    "google/siglip-so400m-patch14-384": 1152,
}
LAION_FILE_DIM = 512


def pinned(model: str, revision: str | None = None) -> str:
    """Return the revision of a hub id: the one asked for, else the pinned one, else "main"."""
    return revision or PINNED.get(model, "main")
