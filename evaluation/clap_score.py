"""CLAPScore: how near a description lies to the clip's music."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.metric import Tools
from leitmotif.storage.errors import UserError
from leitmotif.weights.resolve import BadModel


class ClapScoreMetric:
    """The cosine of a text's CLAP embedding to that of the music, in hundredths, mean over clips.

    The music's embedding is the dataset's `clap_embedding`: the mean of the windows of the audio, which CLAP
    hears ten seconds at a time at 48 kHz. The text is embedded by the same model; scores of two CLAP models
    do not compare. A text without a word scores 0: its embedding would lie in the midst of all music.
    """

    NAME: ClassVar = "clap-score"
    TITLE: ClassVar = "CLAPScore"
    RANGE: ClassVar = (-100.0, 100.0)
    HIGHER_IS_BETTER: ClassVar = True
    NEEDS: ClassVar = "clap"
    COUNTS_NAMES: ClassVar = False
    REFERENCE: ClassVar = "Visuals Music Bridge, section 4.6, table 4; Huang et al., arXiv:2301.12661"

    def __init__(self, tools: Tools) -> None:
        from leitmotif.encoders.clap import ClapEncoder

        if tools.clap is None:
            raise UserError(
                "the clips have no clap_embedding with its model; curate them with the stage tagging, or "
                "choose other metrics"
            )
        model, _, revision = tools.clap.rpartition("@")
        by_content = revision.startswith("sha256:")
        try:
            self._encoder = ClapEncoder(
                tools.clap_folder or model, revision=None if by_content or tools.clap_folder else revision
            ).load(tools.device)
        except BadModel as error:
            raise UserError(f"CLAPScore needs the CLAP model of the clips, {tools.clap}: {error}") from error
        found = self._encoder.revision_id
        if by_content and found != revision:
            raise UserError(
                f"the clips' embeddings are by {tools.clap}, and the model here is {found}; give the former "
                "as --clap, or curate them anew"
            )

    def measure(self, texts: Sequence[str], clips: Sequence[Clip]) -> np.ndarray:
        """Return the cosine in hundredths, shape (clips, 1)."""
        embedded = self._encoder.embed_texts(texts)
        scores = np.full((len(clips), 1), np.nan)
        for number, (text, clip) in enumerate(zip(texts, clips, strict=True)):
            if clip.clap is None:
                continue
            if not text.strip():
                scores[number, 0] = 0.0
                continue
            if clip.clap.shape != embedded[number].shape:
                raise UserError(
                    f"the clips' embeddings have {clip.clap.size} dimensions, those of the CLAP model "
                    f"{embedded[number].size}; give the model that made them"
                )
            scores[number, 0] = 100.0 * float(np.dot(embedded[number].astype(np.float64), clip.clap))
        return scores

    def value(self, sums: np.ndarray, clips: float) -> float:
        """Return the mean; `Metric.value` gives the shape of the sums."""
        return float(sums[0] / clips)
