"""Preferences about training, as headers and rules of robots.txt state them.

Reference:
    https://datatracker.ietf.org/doc/draft-ietf-aipref-vocab/ (`train-ai=n`; "train-genai", "genai", "ai",
    "tdm" and "bots" are of earlier drafts); https://contentsignals.org (`ai-train=no`).
"""

from __future__ import annotations

_ANSWERS = {"y": True, "yes": True, "n": False, "no": False}
_TRAINING = ("train-ai", "ai-train", "train-genai", "genai")
# What includes training, and counts where that itself is not named.
_BROADER = ("ai", "tdm", "bots")


def training_allowed(text: str) -> bool | None:
    """Return whether preferences allow to train models, None where they do not say.

    Args:
        text: A dictionary of structured fields (RFC 9651), such as `train-ai=n, search=y`. Members that make
            no sense are passed over, and of several that speak of training the strictest counts.
    """
    said: dict[str, bool] = {}
    for member in text.split(","):
        label, _, value = member.partition(";")[0].partition("=")
        answer = _ANSWERS.get(value.strip(' \t"').lower())
        if answer is not None:
            said[label.strip().lower()] = answer
    for labels in (_TRAINING, _BROADER):
        if answers := [said[label] for label in labels if label in said]:
            return all(answers)
    return None
