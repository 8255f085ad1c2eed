"""How the graph neural network is built and trained."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Weight = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class GnnConfig(BaseModel):
    """Settings of the network; which values were chosen on what stands in docs/history.

    Args:
        dim: Length of the vectors.
        num_layers: How many edges a vector travels along; 0 leaves the graph out.
        epochs: Passes over the queries of every target edge type; the most, where `patience` is
            set.
        patience: Stop after so many epochs without a better recall on the validation part, and
            learn again from everything for the best number of epochs. None runs all epochs.
        validation_fraction: The share of each query node's pairs in the validation part, for static
            data.
        validation_days: The last so many days as the validation part instead.
        batch_size: Query nodes in one step; all their pairs count in it.
        num_random_negatives: Targets drawn at random beside those that the batch's query nodes
            took; "all" sets every target against every query node.
        learning_rate: Of Adam; falls along a half cosine to a twentieth of it.
        temperature: Cosines are divided by it.
        negative_weight: t2 of the bilateral softmax: how much the negatives' side counts.
        negative_sampling_exponent: How much more often a popular target is a negative: 1 as in
            batches drawn from the pairs, 0 evenly.
        hard_negative_weight: How many negatives one stands for that the query node gave back or
            rated badly; 1 treats them like all others.
        max_negative_rating: A rating of so many stars or fewer speaks against the product.
        node_dropout: The share of nodes that go without their own row in a step, so that their
            neighbors alone come to mean something (cold start).
        l2: Of the vectors that a step uses.
        supervision: The supervised edge types, with weights: an edge type such as
            'User-PURCHASED-Product', or several in a row, 'User-PURCHASED-Product-MADE_BY-Brand';
            '~' in front of a relation walks it backwards, as in
            'User-WATCHED-Content-~PUBLISHED-Creator'. None: what users buy and, where products
            have brands, its brands, alike.
        event_weights: What one event counts, by relation, in place of the schema's weights.
        relation_weights: How much an edge type passes on at the start, by `RelationOperator.name`;
            1 for those not named, 0 leaves an edge type out.
        learn_relation_weights: Learn them further by gradient; the loss falls, but on Gowalla so
            does recall.
        half_life_days: After how many days an event counts half; None for never.
        repeat_exponent: What repeats count: 1 each fully, 0 nothing after the first.
        bfloat16: Multiply vectors in bfloat16 to score them; sums stay in float32. None: where the
            network is trained on a GPU that multiplies them in hardware.
        seed: Of all that is random.
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
