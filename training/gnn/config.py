"""How the graph neural network is built and trained."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Weight = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class GnnConfig(BaseModel):
    """The config of the graph model; docs/benchmarks.md says how the defaults were chosen.

    Args:
        dim: The dimensions of the vectors.
        num_layers: How many edges a vector travels along; 0 ignores the graph.
        epochs: Passes over the query nodes of every supervised edge type; with `patience`, the most
            passes.
        patience: Stop after this many epochs without a better recall on the validation part, and
            train again on everything for the best number of epochs. None runs all epochs.
        validation_fraction: The share of the pairs of each query node in the validation part, for
            data without times.
        validation_days: The last days that form the validation part instead.
        batch_size: Query nodes per step; all their pairs count in it.
        num_random_negatives: Random targets per step, in addition to those of the query nodes in
            the batch; "all" compares every query node with every target.
        learning_rate: The learning rate of Adam; it falls along a half cosine to a twentieth.
        temperature: The divisor of cosines.
        negative_weight: t2 of the bilateral softmax: the weight of the side of the negatives.
        negative_sampling_exponent: The power of popularity by which negatives are sampled: 1 as in
            batches drawn from the pairs, 0 evenly.
        hard_negative_weight: How many negatives one counts for with negative feedback from the
            query node; 1 treats it like the others.
        max_negative_rating: Ratings of this many stars or fewer are negative feedback.
        node_dropout: The share of nodes without their own row in a step, so that the model learns
            to rely on neighbors (cold start).
        l2: The L2 regularisation of the vectors in a step.
        supervision: The edge types to predict, with weights: an edge type such as
            'User-PURCHASED-Product', or several in a row, 'User-PURCHASED-Product-MADE_BY-Brand'.
            '~' before a relation walks it backwards, as in
            'User-WATCHED-Content-~PUBLISHED-Creator'. None: purchases and, if products have brands,
            their brands, with equal weights.
        event_weights: What one event counts, by relation, instead of the weights of the schema.
        relation_weights: How much the model passes along each edge type at the start, by
            `RelationOperator.name`; 1 for those not named, 0 leaves one out.
        learn_relation_weights: Whether to learn these weights further by gradient; the loss falls,
            but on Gowalla so does recall.
        half_life_days: The age at which an event counts half; None for never.
        repeat_exponent: How repeated events count: 1 each fully, 0 nothing after the first.
        bfloat16: Whether to multiply vectors in bfloat16 for scores; sums stay in float32. None: on
            GPUs with hardware support.
        seed: The random seed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(default=64, ge=2, le=1024)
    num_layers: int = Field(default=1, ge=0, le=8)
    epochs: int = Field(default=20, ge=0, le=10_000)
    patience: int | None = Field(default=None, ge=1)
    validation_fraction: float = Field(default=0.1, gt=0, le=0.5)
    validation_days: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=512, ge=1)
    num_random_negatives: Annotated[int, Field(ge=0)] | Literal["all"] = 0
    learning_rate: float = Field(default=1e-2, gt=0, le=1)
    temperature: float = Field(default=0.12, gt=0, le=10)
    negative_weight: float = Field(default=1.0, gt=0, le=10)
    negative_sampling_exponent: float = Field(default=1.0, ge=0, le=2)
    hard_negative_weight: float = Field(default=1.0, ge=1, le=1000)
    max_negative_rating: float = Field(default=2.0)
    node_dropout: float = Field(default=0.0, ge=0, lt=1)
    l2: float = Field(default=1e-5, ge=0, le=1)
    supervision: dict[str, Positive] | None = Field(default=None, min_length=1)
    event_weights: dict[str, Weight] = Field(default_factory=dict)
    relation_weights: dict[str, Annotated[float, Field(ge=0, le=100)]] = Field(default_factory=dict)
    learn_relation_weights: bool = False
    half_life_days: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    repeat_exponent: float = Field(default=0.0, ge=0, le=1)
    bfloat16: bool | None = None
    seed: int = Field(default=0, ge=0, lt=2**62)
