"""In which order each participant hears what: balanced over participants, so that order favours no system.

Within a clip the versions follow a Williams design: over its rows, every system comes equally often at every
place and equally often straight after every other system.

Reference:
    Williams, Experimental designs balanced for the estimation of residual effects of treatments, 1949.
"""

from __future__ import annotations

import numpy as np

# One clip of one participant: its number, and those of the systems in the order in which they are heard.
Group = tuple[int, list[int]]


def williams_design(systems: int) -> np.ndarray:
    """Return balanced orders of systems.

    Args:
        systems: How many, 2 or more.

    Returns:
        Numbers of systems, shape (rows, systems): as many rows as systems where that number is even, else
        twice as many.
    """
    zigzag = [(place + 1) // 2 if place % 2 else -place // 2 for place in range(systems)]
    rows = (np.array(zigzag)[None, :] + np.arange(systems)[:, None]) % systems
    return rows if systems % 2 == 0 else np.concatenate([rows, rows[:, ::-1]])


def draw_orders(
    participants: int, clips: int, systems: int, *, per_participant: int, rng: np.random.Generator
) -> list[list[Group]]:
    """Return what each participant hears, in order.

    Clips are dealt so that all of them are heard equally often, give or take one. Rows of the Williams design
    are dealt in turn for each clip.

    Args:
        participants: How many orders to draw.
        clips: How many clips there are.
        systems: How many versions there are of each.
        per_participant: Clips that one participant hears.
        rng: Where chance comes from.
    """
    design = rng.permutation(systems)[williams_design(systems)]
    turns = rng.integers(len(design), size=clips)
    orders = []
    deck: list[int] = []
    for _ in range(participants):
        hand: list[int] = []
        while len(hand) < per_participant:
            if not deck:
                # A clip dealt to this participant from the last deck goes to the bottom of the new one.
                fresh = rng.permutation(clips).tolist()
                deck = [clip for clip in fresh if clip not in hand] + [clip for clip in fresh if clip in hand]
            hand.append(deck.pop(0))
        hand = [hand[number] for number in rng.permutation(len(hand))]
        orders.append([(clip, design[turns[clip] % len(design)].tolist()) for clip in hand])
        turns[hand] += 1
    return orders
