"""Clips of which a separator left next to nothing: speech, or song without accompaniment."""

from __future__ import annotations

from leitmotif.filters.rule import Rule

RULES = (
    Rule(
        name="accompaniment",
        stage="separation",
        column="removed_db",
        keep="at most",
        threshold=12.0,
        unit="dB",
        # Of labelled recordings: speech and song alone lose 13 dB and more, music at most 12.
        why="next to nothing is left without the voice: speech, or song without accompaniment, of which a "
        "separator leaves residue and no music",
        finding="without the voice the sound is {} weaker",
    ),
)
