"""Hosts have their turns."""

import random

from leitmotif.collection.fetch import host_queue
from leitmotif.collection.fetch.host_queue import HostQueue
from leitmotif.collection.request import Request


def item(number: int) -> Request:
    return Request(url=f"http://h{number}.example/a.wav")


def queue(pause_s: float = 0.0) -> HostQueue:
    return HostQueue(per_host=1, pause_s=pause_s, room=lambda active: True, rng=random.Random(0))


def test_hosts_that_are_done_with_are_forgotten() -> None:
    waiting = queue()
    for number in range(200):
        waiting.put(item(number))
        taken = waiting.take(closed=lambda: True)
        assert taken is not None
        waiting.done(taken)
        assert len(waiting._hosts) <= 2 * host_queue._LOOKED_AT
    assert waiting.take(closed=lambda: True) is None


def test_a_host_that_asked_to_be_left_alone_is_remembered() -> None:
    waiting = queue()
    waiting.put(item(0))
    first = waiting.take(closed=lambda: True)
    assert first is not None
    waiting.stop_host(first, "answers 429")
    waiting.done(first)
    for number in range(1, 50):
        waiting.put(item(number))
        taken = waiting.take(closed=lambda: True)
        assert taken is not None
        waiting.done(taken)
    waiting.put(item(0))
    assert waiting.take(closed=lambda: True) is None
    assert waiting.stopped_hosts() == {"h0.example": "answers 429"}
    assert waiting.left == 2
