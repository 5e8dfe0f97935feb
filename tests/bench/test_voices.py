"""How thresholds and weights for voices and music are found, on recordings of known numbers."""

import numpy as np
import pytest

from bench.quality.voice_fit import Scored, fit, judged
from bench.quality.voice_words import by_score, by_witnesses, choose
from bench.quality.voice_words import judge as judge_words
from bench.quality.voices import Recording, judge, lowest_threshold
from leitmotif.filters.events import Heard


def recording(number: int, music: bool | None, share: float) -> Recording:
    return Recording(f"folder/{number}.wav", music, Heard(0.0, 0.0, share, 0.0, 0.0))


def test_the_threshold_drops_nine_of_ten_without_music_and_loses_no_more_than_that_takes():
    rest = [recording(number, False, 0.01 * number) for number in range(10)]
    loud, quiet = recording(10, True, 0.9), recording(11, True, 0.02)
    # 0.08 is the ninth of ten; the next above it is the tenth.
    assert lowest_threshold([*rest, loud, quiet]) == pytest.approx(0.085)
    told = judge([*rest, loud, quiet], [0.085] * 12)
    assert (told["dropped of them"], told["lost of them"]) == (0.9, 0.5)
    assert told["kept without music"] == {"folder/9.wav": 0.09}
    assert told["lost with music"] == {"folder/11.wav": 0.02}


def clips(number: int, *, seed: int, folders: int = 16) -> list[Scored]:
    """Clips whose voice only the tagger hears, in most cases."""
    rng = np.random.default_rng(seed)
    found = []
    for index in range(number):
        voice = bool(rng.random() < 0.5)
        voices = float(np.clip(rng.normal(0.7 if voice else 0.2, 0.2), 0.01, 0.99))
        clap = float(rng.uniform(0.01, 0.99))
        found.append(Scored(f"{index}", "music", voice, frozenset({f"{index % folders}"}), clap, voices))
    return found


def test_the_score_that_tells_nothing_gets_no_weight_and_the_other_parts_the_clips():
    found = clips(400, seed=0)
    learned = fit(found)
    assert abs(learned.clap) < 0.2 < 0.8 < learned.voices
    right = [(learned.probability(clip.clap, clip.voices) >= 0.5) == clip.voice for clip in found]
    assert np.mean(right) > 0.85


def test_a_clip_is_judged_without_its_own_folder():
    found = clips(64, seed=1)
    # One folder whose labels are the wrong way round: learned with it, its clips would look better.
    turned = [
        Scored(
            clip.name, clip.kind, clip.voice != ("3" in clip.folders), clip.folders, clip.clap, clip.voices
        )
        for clip in found
    ]
    own = [number for number, clip in enumerate(turned) if "3" in clip.folders]
    others = judged(turned)[own]
    relabelled = [
        Scored(clip.name, clip.kind, not clip.voice, clip.folders, clip.clap, clip.voices)
        if "3" in clip.folders
        else clip
        for clip in turned
    ]
    assert others == pytest.approx(judged(relabelled)[own])


def heard(voice: bool, voices: float, singing: float) -> Scored:
    return Scored(f"{voices} {singing}", "render", voice, frozenset({"a"}), 0.5, voices, singing, 0.0)


def test_what_captions_say_of_voices_is_counted_by_the_score_and_by_both_witnesses():
    clips = [heard(True, 0.9, 0.9), heard(True, 0.9, 0.05), heard(False, 0.9, 0.15), heard(False, 0.001, 0.0)]
    by_one, by_both = judge_words(clips, by_score), judge_words(clips, by_witnesses)
    assert (by_one["a voice, right"], by_one["a voice, wrong"], by_one["none, right"]) == (2, 1, 1)
    assert by_one["wrong"] == ["0.9 0.15"]
    assert (by_both["a voice, right"], by_both["a voice, wrong"], by_both["none, right"]) == (1, 0, 1)
    assert (by_both["nothing said, with a voice"], by_both["nothing said, without"]) == (1, 1)
    assert choose(clips) == 0.16
