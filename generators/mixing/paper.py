"""The mix of SVA as the paper has it: denoised, effects at 5 %, music at 300 %, FFmpeg's amix as it is.

What follows from the paper's choices, and is left so: everything goes at the rate of the first effect; amix
divides by the number of sounds that last, and raises the others over two seconds when one ends; the music may
go beyond full scale, where an encoder or a player cuts it off.
"""

from __future__ import annotations

from collections.abc import Sequence

from leitmotif.generators.mixing.parts import Part, order

# Below 200 Hz and above 3 kHz nothing is kept; afftdn takes 12 dB (its default) off what lies at a noise
# floor of -25 dB. (The paper's "suppression level of -25 decibels" is in the range of `nf`, not of `nr`.)
DENOISE = "highpass=f=200,lowpass=f=3000,afftdn=nr=12:nf=-25"
VOLUMES = {"effect": "0.05", "music": "3"}


def paper_graph(parts: Sequence[Part]) -> tuple[str, list[Part]]:
    """Return the graph of the paper's mix, and the parts in the order of its inputs.

    The film's own sound, of which the paper has none, is one more input at its own level.

    Raises:
        NothingToMix: There is nothing to mix.

    Reference:
        SVA, section 2.3.
    """
    inputs = order(list(parts))
    chains = [
        f"[{number}:a]anull[s{number}]"
        if part.role == "film"
        else f"[{number}:a]{DENOISE},volume={VOLUMES[part.role]}[s{number}]"
        for number, part in enumerate(inputs)
    ]
    labels = "".join(f"[s{number}]" for number in range(len(inputs)))
    return ";".join([*chains, f"{labels}amix=inputs={len(inputs)}[out]"]), inputs
