"""High dynamic range and wide colours as an ordinary screen shows them: PQ, HLG and BT.2020 to BT.709.

White of an ordinary picture is taken for 203 cd/m² (BT.2408). What is bright is rolled off: 1000 cd/m², the
most of the displays that HLG and most PQ films are graded for, becomes plain white. The curve is the same for
every frame: one that follows the brightest spot would make a still picture flicker.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

# FFmpeg's numbers (ITU-T H.273) of what a frame says of its light.
_PQ, _HLG = 16, 18
_BT2020, _UNSPECIFIED = 9, 2
_WHITE_NITS = 203.0  # BT.2408: HDR reference white
_PEAK_NITS = 1000.0  # of the displays that HLG and most PQ films are graded for
_SCREEN_GAMMA = 2.4  # BT.1886
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
# BT.2087: from the primaries of BT.2020 to those of BT.709, linear light, RGB.
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
_TOP = 65535  # of a signal in 16 bits


def is_high_range(frame: Any) -> bool:
    """Whether a frame is PQ or HLG."""
    return frame.color_trc in (_PQ, _HLG)


def is_mapped(frame: Any) -> bool:
    """Whether the colours of a frame would come out wrong if they were taken for BT.709."""
    return is_high_range(frame) or frame.color_primaries == _BT2020


def to_screen(frame: Any, width: int, height: int, interpolation: str) -> np.ndarray:
    """Turn a frame of `is_mapped` into uint8 BGR (height, width, 3) for an ordinary screen, scaled.

    Reference: SMPTE ST 2084 and BT.2100 (PQ, HLG), BT.2087 (colours), BT.2390 5.4 (roll-off of bright parts).
    """
    signal = frame.reformat(
        width=width,
        height=height,
        format="rgb48le",
        src_colorspace=_BT2020 if frame.colorspace == _UNSPECIFIED else None,
        interpolation=interpolation,
        threads=1,
    ).to_ndarray()
    light = _light_table(frame.color_trc)[signal]  # float32 (height, width, 3)
    if frame.color_trc == _HLG:
        light *= _hlg_system(light @ _LUMA_2020)[..., None]
    if is_high_range(frame):
        # The brightest colour decides for all three: their ratio, and with it the hue, stays.
        brightest = light.max(axis=2, keepdims=True)
        light *= _roll_off(brightest) / np.maximum(brightest, 1e-6)
    screen = np.clip(light @ _TO_709.T, 0, 1) ** np.float32(1 / _SCREEN_GAMMA)
    return np.rint(screen[..., ::-1] * 255).astype(np.uint8)


def screen_luma(frame: Any, luma: np.ndarray, levels: float) -> np.ndarray:
    """Return the luma of a frame of `is_high_range` as an ordinary film of the same scene would code it.

    Args:
        frame: Where the luma is from.
        luma: uint8 (height, width), as coded.
        levels: Steps between black and white in it, 219 or 255.
    """
    return np.asarray(cv2.LUT(luma, _luma_table(frame.color_trc, levels))).reshape(luma.shape)


@lru_cache(maxsize=8)
def _luma_table(transfer: int, levels: float) -> np.ndarray:
    """uint8 (256,): what a code of luma becomes, in the same range."""
    black = 0 if levels == 255 else 16
    signal = np.clip((np.arange(256) - black) / levels, 0, 1)
    light = _light_table(transfer)[np.rint(signal * _TOP).astype(np.uint16)]
    if transfer == _HLG:
        light *= _hlg_system(light)
    screen = np.clip(_roll_off(light), 0, 1) ** (1 / _SCREEN_GAMMA)
    return np.rint(black + levels * screen).astype(np.uint8)


@lru_cache(maxsize=8)
def _light_table(transfer: int) -> np.ndarray:
    """float32 (65536,): light for a signal in 16 bits, where 1 is the white of an ordinary picture.

    That of HLG is the scene's; `_hlg_system` makes it the display's.
    """
    signal = np.linspace(0, 1, _TOP + 1)
    if transfer == _PQ:
        return (_pq_nits(signal) / _WHITE_NITS).astype(np.float32)
    if transfer == _HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073  # BT.2100, table 5: the inverse of HLG's OETF
        scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
        return (scene * _PEAK_NITS / _WHITE_NITS).astype(np.float32)
    return (signal**_SCREEN_GAMMA).astype(np.float32)


def _hlg_system(luminance: np.ndarray) -> np.ndarray:
    """Return the factor from scene to display on a display of 1000 cd/m²: luminance to the power of 0.2."""
    return (luminance * (_WHITE_NITS / _PEAK_NITS)) ** 0.2


def _roll_off(light: np.ndarray) -> np.ndarray:
    """Bend light up to `_PEAK_NITS` to 0..1: dark and middle parts stay, bright ones bend towards 1."""
    # Over the root of light, of which dark parts have steps enough.
    root = np.sqrt(np.clip(light * (_WHITE_NITS / _PEAK_NITS), 0, 1))
    return _roll_off_table()[np.rint(root * _TOP).astype(np.uint16)]


@lru_cache(maxsize=1)
def _roll_off_table() -> np.ndarray:
    """float32 (65536,): the curve of BT.2390 over the root of light."""
    light = np.linspace(0, 1, _TOP + 1) ** 2
    top, aim = _pq_signal(_PEAK_NITS), _pq_signal(_WHITE_NITS)
    signal, limit = _pq_signal(light * _PEAK_NITS) / top, aim / top
    knee = 1.5 * limit - 0.5
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    bent = (
        (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * limit
    )
    rolled = _pq_nits(np.where(signal < knee, signal, bent) * top) / _WHITE_NITS
    return rolled.astype(np.float32)


# SMPTE ST 2084, as fractions: 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128.
_M1, _M2, _C1, _C2, _C3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875


def _pq_nits(signal: Any) -> Any:
    """Return cd/m² of a PQ signal of 0 to 1."""
    power = np.asarray(signal, np.float64) ** (1 / _M2)
    return 10000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)


def _pq_signal(nits: Any) -> Any:
    """Return the PQ signal of 0 to 1 for cd/m²."""
    power = (np.asarray(nits, np.float64) / 10000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
