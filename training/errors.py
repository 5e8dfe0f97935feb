"""What ends a training before its time.

TrainingError
├── TrainingInputError     the data or a setting is wrong: got, expected, what to do
└── TrainingOutsideError   disk, memory or a device failed; the last checkpoint is whole
"""

from __future__ import annotations


class TrainingError(Exception):
    """A training cannot go on; the text is one line for the user."""


class TrainingInputError(TrainingError, ValueError):
    """The data or a setting is wrong."""


class TrainingOutsideError(TrainingError):
    """Something outside failed; `--resume` goes on from the last checkpoint."""
