"""What a training is made of before its first step: accelerator, optimizer, what one process writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch

from leitmotif.extras import install_command
from leitmotif.storage.errors import UserError
from leitmotif.training.ema import Ema
from leitmotif.training.settings import LoopSettings


def make_optimizer(
    net: Any, settings: LoopSettings, rates: Mapping[str, float] | None = None
) -> torch.optim.AdamW:
    """Return AdamW over the weights that learn; vectors, such as biases and norms, do not decay.

    Args:
        net: The network.
        settings: Settings of the run.
        rates: Highest rate of the weights whose names begin so; of all others it is `learning_rate`.
    """
    shares = {prefix: rate / (settings.learning_rate or 1.0) for prefix, rate in (rates or {}).items()}
    groups: dict[tuple[float, bool], list[Any]] = {}
    for name, weight in net.named_parameters():
        if weight.requires_grad:
            share = next((share for prefix, share in shares.items() if name.startswith(prefix)), 1.0)
            groups.setdefault((share, weight.ndim >= 2), []).append(weight)
    return torch.optim.AdamW(
        [
            {"params": weights, "weight_decay": settings.weight_decay if decays else 0.0, "share": share}
            for (share, decays), weights in sorted(groups.items(), key=lambda group: group[0], reverse=True)
        ],
        lr=settings.learning_rate,
    )


def check_installed(*packages: str) -> None:
    """Refuse to train without the packages that it will need, before anything is read or said.

    Raises:
        UserError: Some are missing.
    """
    if missing := [name for name in packages if find_spec(name) is None]:
        raise UserError(
            f"training needs {' and '.join(missing)}; install it with: {install_command('train')}"
        )


def make_accelerator(settings: LoopSettings) -> Any:
    """Return what knows of the other processes, of the device and of the precision.

    Raises:
        UserError: Accelerate is missing, or the device has no such precision.
    """
    check_installed("accelerate")
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    # A process may train more than once, in another precision.
    AcceleratorState._reset_state()
    try:
        return Accelerator(mixed_precision="bf16" if settings.precision == "bf16" else "no")
    except ValueError as error:
        raise UserError(
            f"got precision={settings.precision}, which this device cannot do ({error}); set precision=fp32"
        ) from error


@contextmanager
def first_process(accelerator: Any) -> Iterator[bool]:
    """Give whether this process is the first, which writes what a run has before its first step.

    Nobody begins before all have seen whether the run is there, nor goes on before it is written.
    """
    accelerator.wait_for_everyone()
    yield accelerator.is_main_process
    accelerator.wait_for_everyone()


def prepare(
    accelerator: Any, net: Any, optimizer: Any, settings: LoopSettings
) -> tuple[Any, Any, Ema | None]:
    """Return network and optimizer as DDP, FSDP, DeepSpeed or a single process want them.

    Returns:
        The network, its optimizer, and the moving average of its weights; None where the settings want none.
    """
    plugin = getattr(accelerator.state, "deepspeed_plugin", None)
    if plugin is not None:  # it would ask a DataLoader for it, and there is none to prepare
        plugin.deepspeed_config["train_micro_batch_size_per_gpu"] = settings.batch
        plugin.deepspeed_config["gradient_clipping"] = settings.max_grad_norm
    prepared, optimizer = accelerator.prepare(net, optimizer)
    ema = Ema(accelerator.unwrap_model(prepared), settings.ema_decay) if settings.ema_decay else None
    return prepared, optimizer, ema
