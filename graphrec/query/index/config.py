"""How indexes are built."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class IndexConfig(BaseModel):
    """What `build_index` builds.

    Args:
        kind: 'bounds' is exact; 'ivf' is FAISS's inverted lists, approximate, and needs
            graphrec[index]; 'auto' takes 'bounds' where it pays, else 'ivf' where that pays and
            finds enough, else none. To pay is to take at most half as long as reading all.
        min_targets: Types with fewer nodes get none: reading them all takes about as long as
            asking an index.
        min_recall: 'ivf' must find this share of the true best k, in the mean, at every k and share
            that is measured.
        num_seeds: How many sampled seeds measure it, of all types together.
        seed: Of all that is drawn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["auto", "bounds", "ivf"] = "auto"
    min_targets: int = Field(default=20_000, ge=1)
    min_recall: float = Field(default=0.99, gt=0, le=1)
    num_seeds: int = Field(default=128, ge=2)
    seed: int = 0
