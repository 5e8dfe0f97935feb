"""Several datasets in one loader: each step is of one of them, drawn by their weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from leitmotif.storage.errors import UserError
from leitmotif.training.loader.loader import ShardLoader


class Mixture:
    """Gives batches of several loaders; an epoch has as many as theirs together.

    Which loader a step is of follows from seed and step alone, so that all ranks draw alike. A loader whose
    rows are over begins its next epoch: one with a large weight is passed over more often in the same time.
    """

    def __init__(
        self, loaders: Sequence[ShardLoader[Any]], weights: Sequence[float], *, seed: int = 0
    ) -> None:
        """Put loaders together.

        Args:
            loaders: One loader of each dataset, with the same rank and number of ranks.
            weights: How often each is drawn, in any unit.
            seed: Draws the loader of each batch.

        Raises:
            UserError: There is not one positive weight for each loader.
        """
        if not loaders or len(loaders) != len(weights) or not all(0 < weight < np.inf for weight in weights):
            raise UserError(
                f"got {len(loaders)} loaders with the weights {list(weights)}; expected one above 0 for each"
            )
        for one, two in pairwise(loaders):
            if (one.rank, one.world_size) != (two.rank, two.world_size):
                raise UserError(
                    "got loaders of different ranks; give all of them the same rank and world_size"
                )
        self.loaders = tuple(loaders)
        self.shares = np.cumsum(weights) / np.sum(weights)
        self.seed = seed
        self.step = 0

    def __len__(self) -> int:
        """Return the batches of an epoch."""
        return sum(map(len, self.loaders))

    def __iter__(self) -> Iterator[Any]:
        """Give the batches that are left of this epoch, or those of the next one if none is."""
        running: dict[int, Iterator[Any]] = {}
        end = (self.step // len(self) + 1) * len(self)
        while self.step < end:
            batch = self._next(self._draw(self.step), running)
            self.step += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Return where the consumers stand, for JSON; the same on all ranks after the same step."""
        epoch, given = divmod(self.step, len(self))
        return {
            "epoch": epoch,
            "rows": given,
            "seed": self.seed,
            "shares": self.shares.tolist(),
            "loaders": [loader.state_dict() for loader in self.loaders],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a state was taken.

        Raises:
            UserError: It belongs to other loaders, weights or another seed.
        """
        mine = {"seed": self.seed, "shares": self.shares.tolist()}
        if any(state.get(name) != value for name, value in mine.items()):
            raise UserError(
                "the state is of a mixture with other weights or another seed; resume with the same, or "
                "begin a new run"
            )
        for loader, its in zip(self.loaders, state["loaders"], strict=True):
            loader.load_state_dict(its)
        self.step = state["epoch"] * len(self) + state["rows"]

    def _draw(self, step: int) -> int:
        drawn = np.random.default_rng([self.seed, step]).random()
        return int(np.searchsorted(self.shares, drawn, side="right"))

    def _next(self, which: int, running: dict[int, Iterator[Any]]) -> Any:
        """Return a loader's next batch; where its epoch has ended, the first of its next epoch."""
        for _ in range(2):
            if which not in running:
                running[which] = iter(self.loaders[which])
            for batch in running[which]:
                return batch
            del running[which]
        raise UserError(
            f"loader {which} of the mixture has no row that can be used; mend or leave out its dataset"
        )
