"""What keeps Prefect silent: it sends nothing home, and says nothing below an error."""

from __future__ import annotations

import os
import warnings

WORDS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    # Of the threads that send events to its server: what they lose when a run ends decides nothing.
    "PREFECT_INTERNAL_LOGGING_LEVEL": "CRITICAL",
}


def silence_prefect(*, verbose: bool = False) -> None:
    """Set environment variables that Prefect reads when it is first imported, unless the user has set them.

    Args:
        verbose: Let it log everything.
    """
    words = WORDS | ({"PREFECT_LOGGING_LEVEL": "DEBUG"} if verbose else {})
    for name, value in words.items():
        os.environ.setdefault(name, value)
    # A home that cannot be written is no loss: `pipelines/server.py` puts another in its place.
    warnings.filterwarnings("ignore", "Failed to create the Prefect home", UserWarning)
