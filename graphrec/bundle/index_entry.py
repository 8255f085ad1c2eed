"""What the manifest says of an index."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

INDEX_FOLDER = "index"
BOUNDS_PARTS = ("rows.npy", "heads.npy", "lengths.npy", "rotation.npy")
IVF_PARTS = ("faiss",)

SHARE_SLACK = 1.1
"""Figures count for shares down to a tenth below: a policy that blocks a few makes nothing hard."""

Share = Annotated[float, Field(gt=0, le=1)]


class Measured(BaseModel):
    """What an index was measured to do for sampled seeds when it was built.

    Args:
        k: How many targets were asked for.
        share: What share of the targets passed, drawn at random.
        recall: What share of the true best k it found, in the mean.
        read_once: Numbers of vectors that were read here and there for all seeds together.
        read_in_line: Numbers that were read one after the other, per seed in the mean.
        read_at_random: Numbers of vectors that were read here and there, per seed in the mean.
        probes: Of 'ivf': how many lists were looked through.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: int = Field(ge=1)
    share: Share
    recall: float = Field(ge=0, le=1)
    read_once: float = Field(ge=0)
    read_in_line: float = Field(ge=0)
    read_at_random: float = Field(ge=0)
    probes: int | None = Field(default=None, ge=1)


class IndexEntry(BaseModel):
    """One index: files in the bundle's folder `index`, and what they were measured to do.

    Args:
        kind: 'bounds' is exact, see `graphrec.query.index.bounds`; 'ivf' is FAISS's inverted lists
            and approximate.
        target_type: Whose vectors it holds.
        similarity: For which scores.
        num_rows: How many targets it holds; with a cosine, those with a vector that is not zero.
        width: Of 'bounds': numbers kept per target.
        seeds: How many seeds of each type it was measured with.
        measured: At several k and shares.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["bounds", "ivf"]
    target_type: str
    similarity: Literal["dot", "cosine"]
    num_rows: int = Field(ge=1)
    width: int | None = Field(default=None, ge=2)
    seeds: dict[str, int]
    measured: tuple[Measured, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_its_numbers(self) -> "IndexEntry":
        if self.kind == "bounds" and self.width is None:
            raise ValueError("an index of kind 'bounds' has a width")
        if self.kind == "ivf" and any(one.probes is None for one in self.measured):
            raise ValueError("an index of kind 'ivf' says how many lists are looked through")
        return self

    @property
    def name(self) -> str:
        return f"{self.target_type}.{self.similarity}"

    def path(self, part: str) -> str:
        """Where one of its files lies, within the bundle's folder."""
        return f"{INDEX_FOLDER}/{self.name}.{part}"

    @property
    def paths(self) -> tuple[str, ...]:
        """Where all of them lie."""
        parts = BOUNDS_PARTS if self.kind == "bounds" else IVF_PARTS
        return tuple(map(self.path, parts))

    def measured_at(self, k: int, share: float) -> Measured | None:
        """The figures to expect: those of the nearest k and share that are no easier.

        None if there are none: nothing is known about such a question.
        """
        harder = [one for one in self.measured if one.k >= k and one.share <= SHARE_SLACK * share]
        return min(harder, key=lambda one: (-one.share, one.k), default=None)
