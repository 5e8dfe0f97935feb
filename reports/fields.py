"""What the columns of a published dataset mean, in one line each; the card and Croissant say the same."""

from __future__ import annotations

import pyarrow as pa

CLIP_FIELDS = {
    "clip_id": "Hash of the media bytes and the window; the same on every machine.",
    "source_id": "Identifies the source that the clip was cut from.",
    "source_url": "Where the source came from.",
    "recording_id": "Groups clips that hold the same recording.",
    "license": 'License of the source as its metadata state it; "unknown" where they do not.',
    "retrieved_at": "When the source was retrieved, UTC.",
    "title": "Title in the source's metadata.",
    "artist": "Artist in the source's metadata.",
    "description": "Description in the source's metadata.",
    "comments": "Comments of the audience, at most 10.",
    "start_s": "Start of the clip in the source, seconds.",
    "duration_s": "Length of the sound in the row, seconds.",
    "width": "Width of the video as displayed, pixels; null without video.",
    "height": "Height of the video as displayed, pixels; null without video.",
    "fps": "Average frames a second; null without video.",
    "motion": "Mean change between consecutive frames, share of full scale; null without video.",
    "frames": (
        "JPEG key frames, evenly spread over the clip; each path ends in when it is shown, such as "
        "12.345s.jpg. Null without video."
    ),
    "audio": "FLAC, 44.1 kHz, stereo.",
    "instruments": "Instrument tags with scores, best first.",
    "genres": "Genre tags with scores, best first.",
    "moods": "Mood tags with scores, best first.",
    "tempo_bpm": "Estimated tempo, beats per minute.",
    "tempo_class": "slow, medium or fast.",
    "key": 'Estimated key, such as "D major".',
    "vocal_score": "How much the audio sounds of voice, 0..1.",
    "pam_score": "Audio quality by opposite prompts (PAM), 0..1.",
    "clap_embedding": "Audio embedding, of length 1 (L2).",
    "clip_embedding": "Mean image embedding of the key frames, of length 1 (L2).",
    "caption": "Description of the music in words.",
    "caption_backend": "What wrote the caption.",
    "caption_prompt": "Prompt id with its version.",
    "models": "Backend and model id @ revision behind every number in the row.",
}
REJECTED_FIELDS = {
    "clip_id": "The clip that was rejected.",
    "source_id": "Its source.",
    "source": "Its file, below the folder that holds all of them.",
    "rule": "The rule that rejected it.",
    "value": "What was measured.",
    "threshold": "What it was compared with.",
    "detail": "More, such as the clip that it duplicates.",
}
MEASURED_FIELDS = {
    "clip_id": "The clip, kept or not.",
    "duration_s": "Its length, seconds.",
    "fate": "kept, rejected or quarantined.",
    "step": "The rule or the stage that the fate names.",
    "decoder": "What read the sound: ffmpeg, or libsndfile where FFmpeg refused the file.",
    "stopped_at": "The first stage that has no numbers of the clip.",
    "failed": "Whether that stage failed on it.",
    "recipe": "The recipe that it went by, where files went by what they are.",
}
QUARANTINE_FIELDS = {
    "clip_id": "As of every clip; hash of the path where the file could not be read.",
    "source_id": "Its source.",
    "source": "Its file, below the folder that holds all of them.",
    "stage": "The stage that failed.",
    "error": "Class of the error.",
    "message": "What the error said.",
}


def describe_type(kind: pa.DataType) -> str:
    """Return an Arrow type as text that fits a table cell, such as `list<tag: string, score: float>`."""
    if pa.types.is_fixed_size_list(kind):
        return f"{kind.value_type}[{kind.list_size}]"
    if pa.types.is_list(kind):
        return f"list<{describe_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return "{" + ", ".join(f"{field.name}: {describe_type(field.type)}" for field in kind) + "}"
    return str(kind)
