import math

import pytest

from leitmotif.training.schedule import cosine_rate, inverse_rate, warmup_steps


def rates(total: int, warmup: float) -> list[float]:
    return [cosine_rate(step, total, highest=2.0, warmup=warmup) for step in range(total)]


def test_the_rate_rises_straight_and_falls_along_a_cosine() -> None:
    found = rates(100, 0.1)
    assert found[:10] == pytest.approx([0.2 * (step + 1) for step in range(10)])
    assert found[10] == 2.0
    assert found[55] == pytest.approx(1.0)
    assert found[99] == pytest.approx(1 + math.cos(math.pi * 89 / 90))
    assert max(found) == 2.0


def test_without_warm_up_it_begins_at_the_top() -> None:
    assert rates(4, 0.0)[0] == 2.0
    assert warmup_steps(1000, 0.0) == 0


@pytest.mark.parametrize("total", [1, 2, 3])
@pytest.mark.parametrize("warmup", [0.0, 0.03, 1.0])
def test_short_trainings_have_rates_too(total: int, warmup: float) -> None:
    found = rates(total, warmup)
    assert all(0 < rate <= 2.0 for rate in found)


def test_steps_beyond_the_end_learn_nothing() -> None:
    assert cosine_rate(120, 100, highest=2.0, warmup=0.1) == 0.0


def test_the_inverse_rate_rises_by_itself_and_hardly_falls() -> None:
    found = [inverse_rate(step, highest=2.0) for step in range(2000)]
    assert found[0] == pytest.approx(0.02)
    assert found[99] == pytest.approx(2.0 * (1 - 0.99**100) * (1 + 99e-6) ** -0.5)
    assert max(found) == pytest.approx(2.0, rel=1e-3)
    assert inverse_rate(3_000_000, highest=2.0) == pytest.approx(1.0)
