"""The fixed-length windows that an encoder reads: cut from a streamed mono track, and filled up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

MIN_TAIL_S = 1.0  # a last window shorter than this says too little to be worth an embedding


def track_windows(
    blocks: Iterator[np.ndarray],
    rate_hz: int,
    window_s: float,
    max_windows: int | None = None,
    *,
    total_s: float | None = None,
) -> list[np.ndarray]:
    """Return consecutive windows of a track, evenly spread when there are more than `max_windows`.

    Window `i` covers the samples `[i * n, (i + 1) * n)`, `n = round(window_s * rate_hz)`, whatever the sizes
    of the blocks. The last, short window is kept if it lasts 1 s or more, or if it is the only one. Of `k`
    windows, `max_windows` are chosen by `floor((j + 0.5) * k / max_windows)`. With both `max_windows` and
    `total_s`, only the chosen windows are held, so that a track of any length fits in memory; without
    `total_s` the track is read whole before choosing.

    Args:
        blocks: Mono float32 blocks, shape (n,), in order.
        rate_hz: Sampling rate of the blocks.
        window_s: Length of a window.
        max_windows: The most windows to return; None for all of them.
        total_s: Length of the whole track, where it is known beforehand. A length that is a little off (a tag
            written by another tool) costs an uneven spread, never an error.

    Returns:
        Windows of shape (n,), float32; the last one may be shorter. Empty if the track has no samples.

    Raises:
        ValueError: A setting is not positive.
    """
    if rate_hz <= 0 or window_s <= 0 or (max_windows is not None and max_windows <= 0):
        raise ValueError(
            f"got rate_hz={rate_hz}, window_s={window_s}, max_windows={max_windows}; expected numbers > 0"
        )
    size = round(window_s * rate_hz)
    chosen = None
    if max_windows is not None and total_s is not None:
        chosen = _spread(_count_windows(round(total_s * rate_hz), size, rate_hz), max_windows)
    held, last = _collect(blocks, size, rate_hz, chosen)
    if not held and last is not None:
        return [last]  # the promised length was wrong: something is better than nothing
    windows = [window for _, window in held]
    if max_windows is not None and len(windows) > max_windows:
        windows = [windows[i] for i in _spread(len(windows), max_windows)]
    return windows


def _count_windows(samples: int, size: int, rate_hz: int) -> int:
    """Return how many windows a track of that many samples has."""
    whole, rest = divmod(samples, size)
    return whole + (1 if rest and (rest >= MIN_TAIL_S * rate_hz or whole == 0) else 0)


def _spread(count: int, wanted: int) -> list[int]:
    """Return `wanted` indices evenly spread over `range(count)`, or all of them if there are fewer."""
    if count <= wanted:
        return list(range(count))
    return [int((j + 0.5) * count / wanted) for j in range(wanted)]


def _collect(
    blocks: Iterator[np.ndarray], size: int, rate_hz: int, chosen: list[int] | None
) -> tuple[list[tuple[int, np.ndarray]], np.ndarray | None]:
    """Return the chosen windows with their numbers, and the last window that passed by."""
    wanted = None if chosen is None else set(chosen)
    held: list[tuple[int, np.ndarray]] = []
    last: np.ndarray | None = None
    buffer = np.empty(size, np.float32)
    filled = number = 0
    for block in blocks:
        block = np.asarray(block, np.float32).reshape(-1)
        start = 0
        while start < len(block):
            taken = min(size - filled, len(block) - start)
            buffer[filled : filled + taken] = block[start : start + taken]
            filled += taken
            start += taken
            if filled == size:
                last = buffer.copy()
                if wanted is None or number in wanted:
                    held.append((number, last))
                number, filled = number + 1, 0
    if filled and (filled >= MIN_TAIL_S * rate_hz or number == 0):
        last = buffer[:filled].copy()
        if wanted is None or number in wanted:
            held.append((number, last))
    return held, last


def fit_window(window: np.ndarray, size: int, *, padding: str = "repeatpad") -> np.ndarray:
    """Return the window at exactly `size` samples: cut at its end, or repeated and padded.

    Args:
        window: Shape (n,), n >= 1.
        size: Samples wanted.
        padding: "repeatpad" (whole repeats, then silence), "repeat" (the last one is cut) or "pad" (silence).

    Returns:
        Shape (size,), float32.

    Raises:
        ValueError: The window is empty, not mono, or holds NaN or infinity, or the padding is unknown.
    """
    window = np.asarray(window, np.float32)
    if window.ndim != 1 or not window.size:
        raise ValueError(f"got a window of shape {window.shape}; expected mono samples, shape (n,), n >= 1")
    if not np.isfinite(window).all():
        raise ValueError("got a window with NaN or infinite samples; expected finite float32 audio")
    if padding not in ("repeatpad", "repeat", "pad"):
        raise ValueError(f"got padding {padding!r}; expected repeatpad, repeat or pad")
    if len(window) >= size:
        return window[:size]
    if padding == "repeat":
        return np.resize(window, size)
    if padding == "repeatpad":
        window = np.tile(window, size // len(window))
    return np.pad(window, (0, size - len(window)))
