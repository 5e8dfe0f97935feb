"""The columns of a published dataset and of its side tables: name, type, and what they mean in one line.

The schema, the data card and Croissant are made from these.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from leitmotif.taxonomy.labels import TAG_KINDS

Column = tuple[str, pa.DataType, str]

TAG = pa.struct([("tag", pa.string()), ("score", pa.float32())])
TAGS = pa.list_(TAG)
# A list of pairs rather than an Arrow map: `datasets` has no feature for a map and refuses the whole file.
MODELS = pa.list_(pa.struct([("backend", pa.string()), ("model", pa.string())]))
FILE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
EMBEDDING = pa.list_(pa.float32())

SOUNDS = ("audio", "mix")
# Of edits: a sound, and what an instruction makes of it.
EDITED_SOUNDS = ("source_audio", "target_audio")
# Columns of files in a format of their own, which fill a memory.
MEDIA = (*SOUNDS, *EDITED_SOUNDS, "frames")

CLIPS: tuple[Column, ...] = (
    ("clip_id", pa.string(), "Hash of the media bytes and the window; the same on every machine."),
    ("source_id", pa.string(), "Identifies the source that the clip was cut from."),
    ("source_url", pa.string(), "Where the source came from."),
    ("recording_id", pa.string(), "Groups clips that hold the same recording."),
    (
        "license",
        pa.string(),
        "License of the source as its metadata state it, else as the curator gave it with --license, "
        'else "unknown".',
    ),
    ("retrieved_at", pa.timestamp("us", tz="UTC"), "When the source was retrieved, UTC."),
    ("title", pa.string(), "Title in the source's metadata."),
    ("artist", pa.string(), "Artist in the source's metadata."),
    ("description", pa.string(), "Description in the source's metadata."),
    ("comments", pa.list_(pa.string()), "Comments of the audience, at most 10."),
    ("start_s", pa.float64(), "Start of the clip in the source, seconds."),
    ("duration_s", pa.float64(), "Length of the sound in the row, seconds."),
    ("width", pa.int32(), "Width of the video as displayed, pixels; null without video."),
    ("height", pa.int32(), "Height of the video as displayed, pixels; null without video."),
    ("fps", pa.float32(), "Average frames a second; null without video."),
    (
        "motion",
        pa.float32(),
        "Mean change between consecutive frames, share of full scale; null without video.",
    ),
    (
        "cuts_per_minute",
        pa.float32(),
        "Changes of shot (cuts, dissolves, fades) a minute; null without video, or of sampled frames.",
    ),
    (
        "text_share",
        pa.float32(),
        "Share of the frames that show lines of text; null without video, and where no detector was there.",
    ),
    (
        "frames",
        pa.list_(FILE),
        "JPEG key frames of the longest shots, sharp, none of a change between two; each path ends in when "
        "it is shown, such as 12.345s.jpg. Null without video.",
    ),
    (
        "frame_times_s",
        pa.list_(pa.float64()),
        "When each of the frames is shown, seconds from the start of the clip; null without video.",
    ),
    ("audio", FILE, "FLAC, 44.1 kHz, stereo."),
    *((kind, TAGS, f"{kind[:-1].capitalize()} tags with scores, 0..1, best first.") for kind in TAG_KINDS),
    (
        "tempo_bpm",
        pa.float32(),
        "Estimated tempo, beats per minute; null where no beat is sure enough, as in speech or a held note.",
    ),
    ("tempo_class", pa.string(), "slow, medium or fast; null without a tempo."),
    (
        "beat_confidence",
        pa.float32(),
        "Probability, 0..1, of a beat at that tempo, its half, third, double or triple; null where "
        "the sound is too short to tell.",
    ),
    (
        "beats_s",
        pa.list_(pa.float32()),
        "When the beats come, seconds from the start of the clip, in its middle two minutes; null without a "
        "tempo.",
    ),
    (
        "meter",
        pa.string(),
        "4/4, 3/4, or 6/8 with dotted quarters as beats; null where none is sure, or it is another.",
    ),
    (
        "downbeats_s",
        pa.list_(pa.float32()),
        "Those of the beats that begin a bar; null where they are not sure.",
    ),
    ("key", pa.string(), 'Estimated key, such as "D major".'),
    (
        "speech_share",
        pa.float32(),
        "How probable speech is in the sound as it came, on the mean, 0..1; null where nobody listened.",
    ),
    ("singing_share", pa.float32(), "The same of singing."),
    ("music_share", pa.float32(), "The same of music or singing."),
    (
        "voice_peak",
        pa.float32(),
        "How probable a human voice is in the sound as it came, on the mean over the quarter of its windows "
        "where it is most probable, 0..1; null where nobody listened.",
    ),
    ("vocal_score", pa.float32(), "How much the audio sounds of voice, 0..1."),
    (
        "vocal_clap",
        pa.float32(),
        "The part of `vocal_score` that the audio embedding has, by texts of opposite meaning, 0..1.",
    ),
    (
        "vocal_tagger",
        pa.float32(),
        "The part that an audio tagger has, which hears voices in the audio, 0..1; null where none listened.",
    ),
    (
        "voice_db",
        pa.float32(),
        "Level over the rest of the voice that was found, in the three seconds where it is highest, dB; null "
        "where none was looked for, or nothing can be told.",
    ),
    (
        "removed_db",
        pa.float32(),
        "How much weaker the sound is than before the voice was taken out, dB; 0 where no voice was found, "
        "and the sound was left as it was; null where `voice_db` is.",
    ),
    ("pam_score", pa.float32(), "Audio quality by opposite prompts (PAM), 0..1."),
    ("clap_embedding", EMBEDDING, "Audio embedding, of length 1 (L2)."),
    ("clip_embedding", EMBEDDING, "Mean image embedding of the key frames, of length 1 (L2)."),
    ("caption", pa.string(), "Description of the music in words."),
    ("caption_backend", pa.string(), "What wrote the caption."),
    ("caption_prompt", pa.string(), "Prompt id with its version."),
    (
        "caption_metadata",
        pa.list_(pa.string()),
        "What the caption may speak of beside the sound: title, description, comments of the source.",
    ),
    ("models", MODELS, "Backend and model id @ revision behind every number in the row."),
)
# Stands behind `audio` where the dataset was published with it.
MIX: Column = (
    "mix",
    FILE,
    "The sound before a separator took the voice out, FLAC, 44.1 kHz, stereo; as `audio` where none did.",
)
# Of what `leitmotif edits` makes of a dataset; what a clip states of itself is in both under one name.
_OF_CLIPS = (
    ("source_id", "source_url", "recording_id", "license", "title", "artist"),
    ("duration_s",),
)
EDITS: tuple[Column, ...] = (
    ("clip_id", pa.string(), "The clip that it was made of, and its number among those."),
    ("of_clip", pa.string(), "The clip that it was made of."),
    *(column for column in CLIPS if column[0] in _OF_CLIPS[0]),
    ("start_s", pa.float64(), "Start of the sound in the clip that it was made of, seconds."),
    *(column for column in CLIPS if column[0] in _OF_CLIPS[1]),
    ("instruction", pa.string(), "What is to be changed, in words."),
    ("action", pa.string(), "add, remove, replace, louder or softer."),
    ("edits", pa.string(), "The same as JSON: a list of what `leitmotif edit` reads out of the words."),
    ("understood", pa.bool_(), "Whether the grammar of `leitmotif edit` reads just that out of the words."),
    (EDITED_SOUNDS[0], FILE, "Before: FLAC, 44.1 kHz, stereo."),
    (EDITED_SOUNDS[1], FILE, "After: FLAC, 44.1 kHz, stereo, of the same length."),
)
REJECTED_CLIPS: tuple[Column, ...] = (
    ("clip_id", pa.string(), "The clip that was rejected."),
    ("source_id", pa.string(), "Its source."),
    ("source", pa.string(), "Its file, below the folder that holds all of them."),
    ("rule", pa.string(), "The rule that rejected it."),
    ("value", pa.float64(), "What was measured."),
    ("threshold", pa.float64(), "What it was compared with."),
    ("detail", pa.string(), "More, such as the clip that it duplicates, or the licence that is not allowed."),
)
QUARANTINED_CLIPS: tuple[Column, ...] = (
    ("clip_id", pa.string(), "As of every clip; hash of the path where the file could not be read."),
    ("source_id", pa.string(), "Its source."),
    ("source", pa.string(), "Its file, below the folder that holds all of them."),
    ("stage", pa.string(), "The stage that failed."),
    ("error", pa.string(), "Class of the error."),
    ("message", pa.string(), "What the error said."),
)
# A column for each rule comes behind them, named after it; `recipe` only where clips go by several.
MEASURED_CLIPS: tuple[Column, ...] = (
    ("clip_id", pa.string(), "The clip, kept or not."),
    ("duration_s", pa.float64(), "Its length, seconds."),
    ("fate", pa.string(), "kept, rejected or quarantined."),
    ("step", pa.string(), "The rule or the stage that the fate names."),
    ("stopped_at", pa.string(), "The first stage that has no numbers of the clip."),
    (
        "decoder",
        pa.string(),
        "What read the sound: ffmpeg, or libsndfile where FFmpeg refused the file.",
    ),
    ("failed", pa.bool_(), "Whether that stage failed on it."),
    ("recipe", pa.string(), "The recipe that it went by, where files went by what they are."),
)


def schema_of(columns: Sequence[Column]) -> pa.Schema:
    """Return the Arrow schema of some columns."""
    return pa.schema([(name, kind) for name, kind, _ in columns])


def meanings_of(columns: Sequence[Column]) -> dict[str, str]:
    """Return what each column means."""
    return {name: meaning for name, _, meaning in columns}
