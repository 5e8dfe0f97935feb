"""Objective, guidance and sampler, against what is known in closed form."""

import math

import pytest
import torch
from diffusers.pipelines.stable_audio_3.pipeline_stable_audio_3 import logsnr_sigma_schedule

from leitmotif.generators.diffusion.guidance import guided
from leitmotif.generators.diffusion.objectives import FlowMatching, Objective, VPrediction, time_of_sigma
from leitmotif.generators.diffusion.samplers import EulerSampler, NoiseSource, Sampler, sample
from tests.generators.small_networks import BASES, small_network, some_inputs, spoil

MEAN, DEVIATION = 0.4, 0.5


def ideal(latents: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """The best guess of a normal sound behind noise."""
    return (MEAN * sigma**2 + latents * DEVIATION**2) / (sigma**2 + DEVIATION**2)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_the_sampler_draws_what_the_denoiser_knows(eta: float) -> None:
    sampler = Sampler(steps=100, eta=eta)
    drawn = sample(ideal, NoiseSource([0], (50_000,), "cpu"), sampler)
    narrower = DEVIATION**2 / math.sqrt(DEVIATION**2 + sampler.sigma_min**2)  # the last step takes the mean
    assert float(drawn.mean()) == pytest.approx(MEAN, abs=0.01)
    assert float(drawn.std()) == pytest.approx(narrower, abs=0.01)


def test_more_steps_come_nearer_and_the_third_order_counts() -> None:
    def error(steps: int) -> float:
        drawn = sample(ideal, NoiseSource([0], (20_000,), "cpu"), Sampler(steps=steps, eta=0.0))
        start = NoiseSource([0], (20_000,), "cpu").draw() * 1000.0
        # Of the equation itself: a normal distribution shrinks in proportion from one deviation to the next.
        exact = MEAN + (start - MEAN) * math.sqrt((DEVIATION**2 + 0.03**2) / (DEVIATION**2 + 1000.0**2))
        return float((drawn - ideal(exact, torch.tensor(0.03))).abs().mean())

    coarse, fine = error(20), error(80)
    assert fine < coarse / 16  # twice as many steps: at least a quarter each time


def test_sigmas_fall_from_the_first_to_the_last_and_end_in_nothing() -> None:
    sigmas = Sampler().sigmas()
    assert len(sigmas) == 101 and sigmas[-1] == 0
    assert float(sigmas[0]) == pytest.approx(1000.0, rel=1e-5)
    assert float(sigmas[-2]) == pytest.approx(0.03, rel=1e-5)
    ratios = sigmas[1:-1] / sigmas[:-2]
    assert torch.allclose(ratios, ratios[:1].expand_as(ratios), rtol=1e-4)


def test_a_sound_has_the_same_noise_in_any_company() -> None:
    many = NoiseSource([3, 1, 4], (2, 5), "cpu")
    alone = NoiseSource([1], (2, 5), "cpu")
    for _ in range(3):
        assert torch.equal(many.draw()[1], alone.draw()[0])


@pytest.mark.parametrize("objective", [VPrediction(), FlowMatching()])
def test_noised_velocity_and_sound_belong_together(objective: Objective) -> None:
    draw = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 4, 8, 6, generator=draw)
    time = torch.tensor([0.0, 0.3, 0.7, 1.0])
    noised, velocity = objective.noised(clean, noise, time)
    assert torch.equal(noised[0], clean[0]) and torch.allclose(noised[3], noise[3], atol=1e-6)
    assert torch.allclose(objective.denoised(velocity, noised, time), clean, atol=1e-6)


def test_a_sigma_is_the_ratio_of_noise_to_sound_at_its_time() -> None:
    sigma = torch.tensor([0.03, 1.0, 2.3, 1000.0])
    angle = time_of_sigma(sigma) * math.pi / 2
    assert torch.allclose(angle.sin() / angle.cos(), sigma, rtol=2e-3)


def test_a_flow_leads_from_noise_to_what_the_denoiser_knows() -> None:
    def ideal_of_time(latents: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        keep = 1 - time
        spread = (keep * DEVIATION) ** 2 + time**2
        return MEAN + keep * DEVIATION**2 / spread * (latents - keep * MEAN)

    def error(steps: int) -> float:
        drawn = sample(ideal_of_time, NoiseSource([0], (20_000,), "cpu"), EulerSampler(steps))
        last = EulerSampler(steps).sigmas()[-2]  # from here on one step goes to the mean
        start = NoiseSource([0], (20_000,), "cpu").draw()
        # Of the equation itself: a normal distribution goes on in proportion to its deviation at each time.
        exact = (1 - last) * MEAN + start * (((1 - last) * DEVIATION) ** 2 + last**2).sqrt()
        return float((drawn - ideal_of_time(exact, last)).abs().mean())

    assert error(400) < error(100) / 3 < 0.01


@pytest.mark.parametrize("steps", [1, 8, 100])
def test_the_times_of_a_flow_are_those_of_diffusers(steps: int) -> None:
    assert EulerSampler(steps).sigmas()[:-1].tolist() == pytest.approx(
        logsnr_sigma_schedule(steps, -6.2, 2.0), abs=1e-6
    )
    assert EulerSampler(steps).sigmas()[-1] == 0


def test_times_that_a_flow_is_learned_at_are_those_of_stability_s_trainer() -> None:
    drawn = torch.linspace(0.0, 1.0, 100_001)
    time = FlowMatching().time(drawn)
    assert (time.isfinite() & (time >= 0) & (time <= 1)).all()
    assert (time[1:] <= time[:-1]).all()
    # As `truncated_logistic_normal_rescaled` has it: a normal's shares, squeezed beyond the cut, turned.
    normal = torch.distributions.Normal(0.0, 1.0)
    least = normal.cdf(torch.logit(torch.tensor(0.075)))
    shares = least + (1 - least) * normal.cdf(torch.tensor([-1.0, 0.0, 1.0]))
    expected = 1 - (torch.sigmoid(normal.icdf(shares)) - 0.075) / 0.925
    at = FlowMatching().time(normal.cdf(torch.tensor([-1.0, 0.0, 1.0])))
    assert torch.allclose(at, expected, atol=1e-6)
    assert torch.equal(VPrediction().time(drawn), drawn)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("scale", [1.0, 2.0, 7.0])
def test_both_opinions_at_once_are_those_of_two_passes(scale: float, base: str) -> None:
    net = small_network(base=base)
    spoil(net)
    inputs = some_inputs()
    latents = inputs.pop("noised")
    del inputs["time"]
    without = {**inputs, "keep": torch.zeros(3, dtype=torch.bool)}
    both = {name: torch.cat([inputs[name], without[name]]) for name in inputs}

    def network(seen: torch.Tensor, time: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        return net(seen, time, **{name: value[numbers] for name, value in both.items()})

    with torch.no_grad():
        objective, sigma = net.kind.OBJECTIVE, torch.tensor(0.7)
        one = guided(network, scale, objective)(latents, sigma)
        two = guided(network, scale, objective, batched=False)(latents, sigma)
    assert float((one - two).abs().max()) <= 5e-6 * float(one.abs().max())


def test_guidance_goes_from_the_opinion_without_conditions_beyond_that_with_them() -> None:
    asked: list[int] = []

    def network(seen: torch.Tensor, time: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        asked.append(len(numbers))
        return torch.where(numbers < 2, 3.0, 1.0)[:, None, None].expand_as(seen)  # two sounds

    nothing = torch.zeros(2, 1, 1)
    sigma = torch.tensor(1.0)  # where sound is the velocity times -1/sqrt(2)
    once, thrice = (guided(network, scale)(nothing, sigma) * -math.sqrt(2) for scale in (1.0, 3.0))
    assert torch.allclose(once, torch.full_like(once, 3.0))
    assert torch.allclose(thrice, torch.full_like(thrice, 1 + 3 * (3 - 1)))
    assert asked == [2, 4]  # without guidance the network is asked once
