import pytest
import torch

from leitmotif.training.ema import Ema, apply_average


def one_weight() -> tuple[torch.nn.Linear, Ema]:
    net = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(net.weight)
    return net, Ema(net, 0.5)


def test_the_first_steps_decay_less_than_later_ones() -> None:
    net, ema = one_weight()
    torch.nn.init.ones_(net.weight)
    expected = 0.0
    for step in range(1, 12):
        ema.update()
        share = 1 - min(0.5, (1 + step) / (10 + step))
        expected += share * (1 - expected)
        assert float(ema.average["weight"]) == pytest.approx(expected, abs=1e-6)


def test_the_network_has_its_own_weights_again_afterwards() -> None:
    net, ema = one_weight()
    torch.nn.init.ones_(net.weight)
    with pytest.raises(ZeroDivisionError), ema.applied():
        assert net.weight.item() == 0.0
        raise ZeroDivisionError
    assert net.weight.item() == 1.0


def test_weights_that_do_not_learn_have_no_average() -> None:
    net = torch.nn.Linear(2, 1)
    net.bias.requires_grad_(False)
    assert list(Ema(net, 0.9).average) == ["weight"]


def test_a_checkpoint_gives_its_average_to_a_network(tmp_path) -> None:
    net, ema = one_weight()
    torch.nn.init.ones_(net.weight)
    apply_average(net, tmp_path)
    assert net.weight.item() == 1.0
    torch.save(ema.state_dict(), tmp_path / "ema.pt")
    apply_average(net, tmp_path)
    assert net.weight.item() == 0.0
