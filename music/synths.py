"""The synthesiser of every instrument, in numpy; none has a Python loop over samples.

Every one takes notes, a length in samples, a sample rate, a generator and a gloss of 0..1, and returns a
mono part.
"""

from __future__ import annotations

from leitmotif.music.oscillators import Part
from leitmotif.music.plucked import amplified, piano, plucked, struck, tines
from leitmotif.music.sustained import blown, organ, subtractive

HARP, NYLON = ((1.0, 1.7), (0.6, 2.5), (0.2, 0.5)), ((0.9, 1.6), (0.5, 1.8), (0.1, 0.4))


BAR_RATIOS = ((1, 3.93, 9.2), (1, 3.0, 6.1), (1, 4.0, 10.0), (1, 2.76, 5.4))


BELL_RATIOS = (
    (1, 2.76, 5.4, 8.93),
    (0.5, 1, 1.19, 1.56, 2, 2.66, 3.01),
    (1, 2.0, 3.01, 4.17, 5.43),
    (1, 2.71, 5.15),
)


SKIN_RATIOS = ((1, 1.5, 1.98, 2.44, 2.9), (1, 1.59, 2.14, 2.3, 2.65))


SYNTHS: dict[str, Part] = {
    "harp": plucked(bright=HARP[0], ring_s=HARP[1], pick=HARP[2], body=0.1),
    "nylon": plucked(bright=NYLON[0], ring_s=NYLON[1], pick=NYLON[2]),
    "banjo": plucked(bright=(0.3, 0.8), ring_s=(0.15, 0.5), pick=(0.05, 0.15), body=1.0),
    "sitar": plucked(bright=(0.4, 0.9), ring_s=(1.0, 2.5), pick=(0.04, 0.12), buzz=0.8),
    "harpsichord": plucked(bright=(0.2, 0.6), ring_s=(0.8, 2.0), pick=(0.06, 0.2), body=0.6),
    "bass": plucked(bright=(1.0, 2.2), ring_s=(0.5, 2.0), pick=(0.1, 0.45), body=0.2),
    "electric": amplified,
    "piano": piano,
    "tines": tines,
    "organ": organ,
    "mallet": struck(BAR_RATIOS, decay_s=(0.15, 1.2), damp=0.8, noise=0.15, tremolo=0.3),
    "bells": struck(BELL_RATIOS, decay_s=(0.6, 2.5), damp=0.5, noise=0.05),
    "timpani": struck(SKIN_RATIOS, decay_s=(0.3, 0.9), damp=0.6, noise=0.3),
    "violin": blown(tilt=(0.9, 1.3), formants=((500, 1.0), (1200, 0.8), (2800, 1.5)), breath=0.04),
    "cello": blown(tilt=(0.6, 1.2), formants=((250, 1.0), (600, 0.8), (1500, 1.5)), breath=0.04),
    "ensemble": blown(
        tilt=(0.9, 1.4), attack_s=(0.05, 0.3), formants=((600, 0.8), (2500, 1.0)), players=(3, 5), swell=0.2
    ),
    "reeds": blown(
        tilt=(0.6, 1.1), attack_s=(0.02, 0.06), formants=((1000, 1.0), (2500, 1.0)), players=(2, 3), swell=0.2
    ),
    "harmonica": blown(
        tilt=(0.5, 1.0), attack_s=(0.01, 0.05), formants=((1200, 1.5), (2800, 1.2)), breath=0.06
    ),
    "flute": blown(tilt=(2.0, 3.0), attack_s=(0.03, 0.1), breath=0.15),
    "clarinet": blown(tilt=(0.9, 1.5), even=0.1, formants=((1500, 0.8),), attack_s=(0.02, 0.05), breath=0.02),
    "oboe": blown(tilt=(0.8, 1.2), formants=((1100, 3.0), (2900, 2.0)), attack_s=(0.01, 0.04), breath=0.02),
    "sax": blown(
        tilt=(0.8, 1.2), formants=((600, 1.5), (1400, 1.5), (3000, 0.8)), attack_s=(0.02, 0.06), breath=0.08
    ),
    "trumpet": blown(
        tilt=(0.5, 1.0), formants=((1300, 2.0), (2500, 1.0)), attack_s=(0.015, 0.05), breath=0.02
    ),
    "trombone": blown(
        tilt=(0.8, 1.3), formants=((500, 2.0), (1500, 0.8)), attack_s=(0.02, 0.07), breath=0.02
    ),
    "horn": blown(tilt=(1.3, 2.0), formants=((400, 2.0),), attack_s=(0.03, 0.1), breath=0.02),
    "section": blown(
        tilt=(0.6, 1.1), formants=((900, 1.5), (1800, 1.0)), attack_s=(0.015, 0.06), players=(3, 4)
    ),
    "subtractive": subtractive(attack_s=(0.002, 0.05), release_s=(0.03, 0.3), voices=(1, 4), low=0.15),
    "pad": subtractive(attack_s=(0.3, 1.2), release_s=(0.5, 1.5), voices=(2, 4), low=0.2),
}
