"""The index that lies in a dataset from which clips are taken down."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from leitmotif.retrieval.folder import FACTS, read_facts, read_rows, read_vectors, write_facts
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.layout import INDEX
from leitmotif.shards.manifest import note_written

logger = logging.getLogger("leitmotif.retrieval")


def is_whole(dataset: Path) -> bool:
    """Tell whether the index in a dataset can be read; one line says so where it cannot.

    Raises:
        OutsideError: The machine refused to read.
    """
    folder = dataset / INDEX
    if not folder.is_dir():
        return False
    try:
        for name, space in read_facts(folder, dataset).spaces.items():
            read_vectors(folder, dataset, name, space.dim)
        read_rows(folder, dataset)
    except DatasetError as error:
        logger.warning("%s; it is left out of the dataset that is written now", error)
        return False
    return True


def follow_takedown(former: Path, dataset: Path) -> None:
    """State that an index is of a dataset that was written again without some clips.

    Their rows and vectors went as those of any table did. An index that was older than its dataset stays so.

    Args:
        former: The dataset as it was.
        dataset: The dataset as it is now, whole, with its manifest.

    Raises:
        OSError: The disk refused.
    """
    folder = dataset / INDEX
    if not folder.is_dir():
        return
    facts = read_facts(folder, dataset)
    if facts.dataset == Dataset(former).fingerprint:
        write_facts(folder, replace(facts, dataset=Dataset(dataset).fingerprint))
        note_written(dataset, [folder / FACTS])
