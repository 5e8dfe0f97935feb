"""BERTScore: how near the words of a description lie to those of the caption, by bert-score."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from leitmotif.evaluation.clips import Clip
from leitmotif.evaluation.metric import Tools
from leitmotif.extras import needs
from leitmotif.storage.errors import UserError
from leitmotif.weights.hub import local_folder
from leitmotif.weights.load import check_complete, loading
from leitmotif.weights.published import pinned
from leitmotif.weights.resolve import BadModel, resolve_model

# The package's usual model for English.
MODEL_ID = "FacebookAI/roberta-large"
REVISION = "722cf37b1afa9454edce342e7895e588b6ff1d59"
LICENSE = "MIT"
_BATCH = 64


class BertScoreMetric:
    """F1 of BERTScore against the caption, in percent, mean over clips; neither weighted by idf nor rescaled.

    The layer is the one that the authors tuned for a published model, and the last one of any other.
    """

    NAME: ClassVar = "bertscore"
    TITLE: ClassVar = "BERTScore F1"
    RANGE: ClassVar = (-100.0, 100.0)
    HIGHER_IS_BETTER: ClassVar = True
    NEEDS: ClassVar = "bertscore"
    COUNTS_NAMES: ClassVar = False
    REFERENCE: ClassVar = "Zhang et al., BERTScore, ICLR 2020, arXiv:1904.09675"

    def __init__(self, tools: Tools) -> None:
        if tools.bertscore is None:
            raise UserError(f"BERTScore needs a model; give one, such as --bertscore {MODEL_ID}")
        try:
            from bert_score.utils import bert_cos_score_idf, model2layers
        except ImportError as error:
            raise UserError(needs("BERTScore", "bert-score", "evaluate")) from error
        from transformers import AutoModel, AutoTokenizer

        self._score = bert_cos_score_idf
        name = tools.bertscore
        layers = model2layers.get(name) or model2layers.get(name.rpartition("/")[2])
        try:
            folder = local_folder(resolve_model(name), REVISION if name == MODEL_ID else pinned(name))
            with loading(name, "an encoder of texts", "a BERT or RoBERTa folder, or a hub id"):
                kept = {} if layers is None else {"num_hidden_layers": layers}
                self._net, report = AutoModel.from_pretrained(folder, output_loading_info=True, **kept)
                # Published encoders lack the pooler, which is not used here.
                missing = [key for key in report["missing_keys"] if not key.startswith("pooler.")]
                check_complete({**report, "missing_keys": missing})
                self._tokenizer = AutoTokenizer.from_pretrained(folder)
        except BadModel as error:
            raise UserError(f"BERTScore: {error}") from error
        # Two positions are kept for padding by RoBERTa; some tokenizers say no length at all.
        longest = self._net.config.max_position_embeddings - 2
        self._tokenizer.model_max_length = min(self._tokenizer.model_max_length, longest)
        self._net.eval().requires_grad_(False).to(tools.device)
        self._device = tools.device

    def measure(self, texts: Sequence[str], clips: Sequence[Clip]) -> np.ndarray:
        """Return the F1 of each text, shape (clips, 1); 0 for no text, NaN where a clip has no caption."""
        rows = np.full((len(clips), 1), np.nan)
        pairs = []
        for number, (text, clip) in enumerate(zip(texts, clips, strict=True)):
            if clip.caption is not None:
                rows[number] = 0.0
                pairs += [(number, clip.caption, text)] if text.strip() else []
        if pairs:
            weights: defaultdict[int, float] = defaultdict(lambda: 1.0)
            weights[self._tokenizer.sep_token_id] = weights[self._tokenizer.cls_token_id] = 0.0
            numbers, captions, written = (list(column) for column in zip(*pairs, strict=True))
            scores = self._score(
                self._net, captions, written, self._tokenizer, weights, device=self._device, batch_size=_BATCH
            )
            rows[numbers, 0] = 100.0 * scores[:, 2].double().numpy()
        return rows

    def value(self, sums: np.ndarray, clips: float) -> float:
        """Return the mean; `Metric.value` gives the shape of the sums."""
        return float(sums[0] / clips)
