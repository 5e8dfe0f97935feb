"""SoundFont 2 files: presets and their zones, and the samples at any pitch.

Reference: SoundFont Technical Specification, version 2.04, https://www.synthfont.com/sfspec24.pdf
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt

# Generator numbers of the specification, section 8.1.2.
LOOP_START, LOOP_END, START, END = (2, 45), (3, 50), (0, 4), (1, 12)
FILTER_HZ, ENVELOPE_TO_FILTER, PAN, ATTACK, HOLD, DECAY, SUSTAIN, RELEASE = 8, 11, 17, 34, 35, 36, 37, 38
INSTRUMENT, KEYS, VELOCITIES, FIXED_KEY, ATTENUATION, COARSE, FINE, SAMPLE = 41, 43, 44, 46, 48, 51, 52, 53
LOOPS, SCALE, ROOT = 54, 56, 58
DEFAULTS = {
    FILTER_HZ: 13500,
    ATTACK: -12000,
    HOLD: -12000,
    DECAY: -12000,
    RELEASE: -12000,
    SCALE: 100,
    ROOT: -1,
}
SINGLE_VALUES = (
    KEYS,
    VELOCITIES,
    SAMPLE,
    INSTRUMENT,
    LOOPS,
    ROOT,
    FIXED_KEY,
    *LOOP_START,
    *LOOP_END,
    *START,
    *END,
)


@dataclass(frozen=True)
class Zone:
    """One sample of a preset and how it sounds in a range of keys and velocities."""

    keys: tuple[int, int]
    velocities: tuple[int, int]
    start: int
    end: int
    loop: tuple[int, int] | None
    rate_hz: float
    root: float
    cents_a_key: float
    gain: float
    pan: float
    attack_s: float
    hold_s: float
    decay_s: float
    sustain_db: float
    release_s: float
    filter_hz: float


def timecents_s(value: int) -> float:
    """Return the seconds of a time in timecents."""
    return float(2.0 ** (value / 1200.0))


def split_range(value: int | None) -> tuple[int, int]:
    """Return low and high byte of a range generator; everything where it is missing."""
    return (0, 127) if value is None else (value & 255, (value >> 8) & 255)


class SoundFont:
    """The samples and presets of a file.

    Args:
        path: An `.sf2` file.
    """

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        self._chunks: dict[bytes, bytes] = {}
        position = 12
        while position + 8 <= len(data):
            name, size = (
                data[position : position + 4],
                int.from_bytes(data[position + 4 : position + 8], "little"),
            )
            if name == b"LIST":
                position += 12
                continue
            self._chunks[name] = data[position + 8 : position + 8 + size]
            position += 8 + size + size % 2
        self.samples = np.frombuffer(self._chunks[b"smpl"], "<i2")
        self._headers = np.frombuffer(
            self._chunks[b"shdr"],
            np.dtype("S20,<u4,<u4,<u4,<u4,<u4,u1,i1,<u2,<u2"),
        )
        presets = np.frombuffer(self._chunks[b"phdr"], np.dtype("S20,<u2,<u2,<u2,<u4,<u4,<u4"))
        self._presets = {
            (int(row[2]), int(row[1])): (int(row[3]), int(presets[i + 1][3]))
            for i, row in enumerate(presets[:-1])
        }
        self._instruments = np.frombuffer(self._chunks[b"inst"], np.dtype("S20,<u2"))["f1"].astype(int)
        self._zones: dict[tuple[int, int], list[Zone]] = {}

    def _bags(self, kind: str, first: int, last: int) -> list[dict[int, int]]:
        """Return the generators of the zones `first`..`last` - 1 of presets (`p`) or instruments (`i`)."""
        bags = np.frombuffer(self._chunks[f"{kind}bag".encode()], "<u2").reshape(-1, 2)[:, 0].astype(int)
        generators = np.frombuffer(self._chunks[f"{kind}gen".encode()], "<i2").reshape(-1, 2)
        return [{int(k): int(v) for k, v in generators[bags[i] : bags[i + 1]]} for i in range(first, last)]

    def _with_global(self, bags: list[dict[int, int]], last: int) -> list[dict[int, int]]:
        """Give zones the values of the global zone, which lacks the generator that ends a zone."""
        common = bags[0] if bags and last not in bags[0] else {}
        return [{**common, **bag} for bag in bags if last in bag]

    def zones(self, bank: int, program: int) -> list[Zone]:
        """Return the zones of a preset.

        Raises:
            LookupError: The file has no such preset.
        """
        if (bank, program) not in self._presets:
            raise LookupError(f"no preset {program} in bank {bank}; known are {sorted(self._presets)}")
        if (bank, program) not in self._zones:
            found = []
            for outer in self._with_global(self._bags("p", *self._presets[bank, program]), INSTRUMENT):
                index = outer[INSTRUMENT] & 0xFFFF
                span = self._bags("i", self._instruments[index], self._instruments[index + 1])
                for inner in self._with_global(span, SAMPLE):
                    zone = self._zone(outer, inner)
                    if zone is not None:
                        found.append(zone)
            self._zones[bank, program] = found
        return self._zones[bank, program]

    def _zone(self, outer: dict[int, int], inner: dict[int, int]) -> Zone | None:
        """Join a zone of an instrument with one of a preset, values added; None where they do not meet."""
        g = {**DEFAULTS, **inner}
        for key, value in outer.items():
            if key not in SINGLE_VALUES:
                g[key] = g.get(key, 0) + value
        spans = []
        for key in (KEYS, VELOCITIES):
            (a, b), (c, d) = split_range(outer.get(key)), split_range(inner.get(key))
            spans.append((max(a, c), min(b, d)))
        if any(low > high for low, high in spans):
            return None
        _, start, end, loop_start, loop_end, rate_hz, root, correction, _, _ = self._headers[
            g[SAMPLE] & 0xFFFF
        ].tolist()
        moved = [g.get(a, 0) + 32768 * g.get(b, 0) for a, b in (START, END, LOOP_START, LOOP_END)]
        loop = (loop_start + moved[2], loop_end + moved[3]) if g.get(LOOPS, 0) & 1 else None
        if loop is not None and loop[1] - loop[0] < 4:
            loop = None
        edge = min(13500, g[FILTER_HZ] + max(0, g.get(ENVELOPE_TO_FILTER, 0)))
        return Zone(
            keys=spans[0],
            velocities=spans[1],
            start=start + moved[0],
            end=end + moved[1],
            loop=loop,
            rate_hz=float(rate_hz),
            root=(g[ROOT] if g[ROOT] >= 0 else root) - (correction + g.get(FINE, 0)) / 100 - g.get(COARSE, 0),
            cents_a_key=float(g[SCALE]),
            gain=10 ** (-0.4 * g.get(ATTENUATION, 0) / 200),
            pan=float(np.clip(g.get(PAN, 0) / 1000 + 0.5, 0, 1)),
            attack_s=timecents_s(g[ATTACK]),
            hold_s=timecents_s(g[HOLD]),
            decay_s=timecents_s(g[DECAY]),
            sustain_db=float(np.clip(g.get(SUSTAIN, 0) / 10, 0, 100)),
            release_s=float(np.clip(timecents_s(g[RELEASE]), 0.02, 2.0)),
            filter_hz=8.176 * 2 ** (edge / 1200),
        )

    def tone(self, zone: Zone, key: int, samples: int, rate_hz: float) -> np.ndarray:
        """Read the sample of a zone at the pitch of a key, looped, before its envelope.

        Args:
            zone: One of `zones`.
            key: MIDI pitch.
            samples: Most samples wanted.
            rate_hz: Rate of the result.

        Returns:
                float32 (n,), mono; n is `samples`, or less where a sample without a loop ends.
        """
        # Scale tuning turns around key 60 in the specification; with 100 it cancels out.
        cents = (key - 60) * zone.cents_a_key + (60 - zone.root) * 100
        step = zone.rate_hz / rate_hz * 2 ** (cents / 1200)
        at = np.arange(samples) * step
        body = self.samples[zone.start : zone.end].astype(np.float32) / np.float32(32768)
        if zone.loop is not None:
            first, last = zone.loop[0] - zone.start, zone.loop[1] - zone.start
            at = np.where(at < last, at, first + (at - first) % (last - first))
            body = np.concatenate([body[:last], body[first : first + 4]])
        else:
            at = at[at < len(body) - 3]
            body = np.concatenate([body, np.zeros(4, np.float32)])
        index = np.minimum(at.astype(np.int64), len(body) - 3)
        x = (at - index).astype(np.float32)
        before, here, after, later = (
            body[np.maximum(index - 1, 0)],
            body[index],
            body[index + 1],
            body[index + 2],
        )
        # Catmull-Rom interpolation: old samples of low rate would hiss with straight lines.
        tone = here + 0.5 * x * (
            after
            - before
            + x * (2 * before - 5 * here + 4 * after - later + x * (3 * (here - after) + later - before))
        )
        if zone.filter_hz < min(12000.0, 0.4 * rate_hz):
            tone = sosfilt(butter(2, zone.filter_hz, fs=rate_hz, output="sos"), tone)
        return tone.astype(np.float32)
