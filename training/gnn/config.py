"""How the graph neural network is built and trained."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Weight = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class GnnConfig(BaseModel):
    """The config of the graph model; docs/benchmarks.md says how the defaults were chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    weight: float = Field(default=0.0, ge=0, le=1000, allow_inf_nan=False)
    """How widely the scores of the graph model spread, relative to those of the SVD; 0 leaves the
    graph model out.
    """

    dim: int = Field(default=64, ge=2, le=1024)
    """The dimensions of the vectors."""

    num_layers: int = Field(default=1, ge=0, le=8)
    """How many edges a vector travels along; 0 ignores the graph."""

    epochs: int = Field(default=20, ge=0, le=10_000)
    """Passes over the query nodes of every supervised edge type; with `patience`, the highest
    number of passes.
    """

    patience: int | None = Field(default=None, ge=1)
    """Stop after this many epochs without a better recall on the validation part, and train again
    on everything for the best number of epochs. None runs all epochs.
    """

    validation_fraction: float = Field(default=0.1, gt=0, le=0.5)
    """The share of the pairs of each query node in the validation part, for data without times."""

    validation_days: int | None = Field(default=None, ge=1)
    """The last days that form the validation part instead."""

    batch_size: int = Field(default=512, ge=1)
    """Query nodes per step; all their pairs count in it."""

    num_random_negatives: Annotated[int, Field(ge=0)] | Literal["all"] = 0
    """Random targets per step, in addition to those of the query nodes in the batch; "all" compares
    every query node with every target.
    """

    learning_rate: float = Field(default=1e-2, gt=0, le=1)
    """The learning rate of Adam; it falls along a half cosine to a twentieth."""

    temperature: float = Field(default=0.12, gt=0, le=10)
    """The divisor of cosines."""

    negative_weight: float = Field(default=1.0, gt=0, le=10)
    """t2 of the bilateral softmax: the weight of the side of the negatives."""

    negative_sampling_exponent: float = Field(default=1.0, ge=0, le=2)
    """The power of popularity by which negatives are sampled: 1 as in batches drawn from the pairs,
    0 evenly.
    """

    hard_negative_weight: float = Field(default=1.0, ge=1, le=1000)
    """How many negatives one counts for with negative feedback from the query node; 1 treats it
    like the others.
    """

    max_negative_rating: float = Field(default=2.0)
    """Ratings of this many stars or fewer are negative feedback."""

    node_dropout: float = Field(default=0.0, ge=0, lt=1)
    """The share of nodes without their own row in a step, so that the model learns to rely on
    neighbors (cold start).
    """

    l2: float = Field(default=1e-5, ge=0, le=1)
    """The L2 regularisation of the vectors in a step."""

    supervision: dict[str, Positive] | None = Field(default=None, min_length=1)
    """The edge types to predict, with weights: an edge type such as 'User-PURCHASED-Product', or
    several in a row, 'User-PURCHASED-Product-MADE_BY-Brand'. '~' before a relation walks it
    backwards, as in 'User-WATCHED-Content-~PUBLISHED-Creator'. None: purchases and, if products
    have brands, their brands, with equal weights.
    """

    event_weights: dict[str, Weight] = Field(default_factory=dict)
    """What one event counts, by relation, instead of the weights of the schema."""

    relation_weights: dict[str, Annotated[float, Field(ge=0, le=100)]] = Field(default_factory=dict)
    """How much the model passes along each edge type at the start, by `RelationOperator.name`; 1
    for those not named, 0 leaves one out.
    """

    learn_relation_weights: bool = False
    """Whether to learn these weights further by gradient; the loss falls, but on Gowalla so does
    recall.
    """

    half_life_days: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The age at which an event counts half; None for never."""

    repeat_exponent: float = Field(default=0.0, ge=0, le=1)
    """How repeated events count: 1 each fully, 0 nothing after the first."""

    bfloat16: bool | None = None
    """Whether to multiply vectors in bfloat16 for scores; sums stay in float32. None: on GPUs with
    hardware support.
    """

    seed: int = Field(default=0, ge=0, lt=2**62)
    """The random seed."""
