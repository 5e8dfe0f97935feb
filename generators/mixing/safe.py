"""A mix without surprises: sounds at their levels, music that gives way, one loudness, no clipping."""

from __future__ import annotations

from collections.abc import Sequence

from leitmotif.generators.mixing.level import measure
from leitmotif.generators.mixing.parts import NothingToMix, Part, order

RATE_HZ = 44_100
TARGET_LUFS = -16.0
# What is decoded is to stay below -1 dBTP (EBU R 128), and AAC moves peaks: those of music by less than a
# decibel, those of clicks by three and more. Whoever encodes a mix measures what comes, and mixes lower.
HIGHEST_DB = -1.0
CEILING_DB = -2.0
# Loudness of each sound before they are added. Music is the ground: two effects together come near to it once
# it has given way, and do not cover it. What is said in a film is as loud as the music was before.
_LEVELS_LUFS = {"music": -20.0, "effect": -29.0, "film": -20.0}
# Music gives way by a third of what effects and film rise above -38 dB: 2 dB for rain, 6 dB for what has
# peaks, such as steps, and for speech. It comes back within half a second.
_DUCK = "sidechaincompress=threshold=0.0126:ratio=1.5:attack=20:release=500"
_FORM = f"aformat=sample_fmts=fltp:sample_rates={RATE_HZ}:channel_layouts=stereo"
# True peaks lie between the samples: the limiter looks at four times as many.
_OVERSAMPLED = 4 * RATE_HZ


def safe_graph(parts: Sequence[Part]) -> tuple[str, list[Part]]:
    """Return the graph of the mix, and the parts in the order of its inputs; silent ones are left out.

    Raises:
        NothingToMix: There is nothing to mix, or all of it is silent.
    """
    levels = [(part, measure(part.source)) for part in order(list(parts))]
    heard = [(part, level) for part, level in levels if not level.silent]
    if not heard:
        raise NothingToMix("every sound of the mix is silent; take another seed, or other words")
    chains = []
    ends: dict[str, list[str]] = {"music": [], "key": []}
    for number, (part, level) in enumerate(heard):
        gain_db = _LEVELS_LUFS[part.role] - level.loudness_lufs
        chains.append(f"[{number}:a]volume={gain_db:.3f}dB,{_FORM}[s{number}]")
        ends["music" if part.role == "music" else "key"].append(f"[s{number}]")
    if not (ends["music"] and ends["key"]):
        chains.append(f"{_sum(ends['music'] + ends['key'])}[out]")
    else:
        chains += [
            f"{_sum(ends['key'])},asplit=2[over][key]",
            f"{_sum(ends['music'])}[ground]",
            f"[ground][key]{_DUCK}[ducked]",
            f"{_sum(['[ducked]', '[over]'])}[out]",
        ]
    return ";".join(chains), [part for part, _ in heard]


def limited(graph: str, gain_db: float, ceiling_db: float) -> str:
    """Return a graph with a gain and a limiter behind it.

    Args:
        graph: A graph that ends in `[out]`.
        gain_db: The gain.
        ceiling_db: Where true peaks end.
    """
    limit = 10 ** (ceiling_db / 20)
    return (
        f"{graph.removesuffix('[out]')}[mixed];[mixed]volume={gain_db:.3f}dB,aresample={_OVERSAMPLED},"
        f"alimiter=limit={limit:.6f}:attack=5:release=80:level=disabled:latency=1,aresample={RATE_HZ}[out]"
    )


def _sum(labels: Sequence[str]) -> str:
    """Return the chain that adds sounds, without the division that amix does by default."""
    if len(labels) == 1:
        return f"{labels[0]}anull"
    return f"{''.join(labels)}amix=inputs={len(labels)}:normalize=0"
