"""How dark the key frames are, and the rule that rejects black films."""

from __future__ import annotations

import io
from typing import ClassVar

import numpy as np
import pyarrow as pa
from PIL import Image

from leitmotif.filters.rule import Rule
from leitmotif.pipelines.stage import Clip, ClipByClipStage, Row, StageSettings
from leitmotif.pipelines.stages.frames import unpack_frames


class DarknessSettings(StageSettings):
    """How many of the key frames are looked at."""

    most: int = 10


class DarknessStage(ClipByClipStage[DarknessSettings]):
    """The mean brightness of a clip's key frames."""

    NAME: ClassVar = "darkness"
    VERSION: ClassVar = 1
    READS: ClassVar = ("frames",)
    SETTINGS: ClassVar = DarknessSettings
    BATCH: ClassVar = 64
    COLUMNS: ClassVar = pa.schema([("brightness", pa.float64())])

    def measure_clip(self, clip: Clip) -> Row:
        """Return the brightness of one clip, 0 (black) to 1 (white)."""
        pictures = unpack_frames(self.context.file_of(clip, "frames"))[: self.settings.most]
        means = [np.asarray(Image.open(io.BytesIO(jpeg)).convert("L")).mean() for _, jpeg in pictures]
        return {"brightness": float(np.mean(means)) / 255}


RULES = (
    Rule(
        name="too-dark",
        stage="darkness",
        column="brightness",
        keep="at least",
        threshold=0.05,
        unit="share of white",
        why="nothing can be seen in a black film",
    ),
)
