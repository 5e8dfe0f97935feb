"""How networks run: without gradients, in float32 on a CPU and in half precision on a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def inference(device: str, *, half: bool = True) -> Iterator[None]:
    """Run without gradients; matrix products on a GPU in float16, as the published models were trained.

    Args:
        device: Where the network runs.
        half: False for what needs float32 on a GPU as well.

    Raises:
        MemoryError: The batch does not fit the GPU's memory.
    """
    half = half and torch.device(device).type == "cuda"
    try:
        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=half):
            yield
    except torch.OutOfMemoryError as error:
        raise MemoryError(f"the memory of {device} is full; free some of it or use --device cpu") from error
