"""What a brand or merchant asks: who should carry my products, and who would buy them.

Users are ranked by similarity to the buyers, see `Audience`. If the bundle was trained with a
holdout, a score is the probability to buy within as many days, as the held-out days told: for the
first time with `new_customers_only`, else at all. It can be compared between brands, and cut off.
Without a holdout it is a similarity, and no probability; see `AudienceScores`. Users of whom
nothing is known never come out.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from graphrec.query.audience import curve, lookalike, matching
from graphrec.query.audience.curve import SHARES, ReachCurve
from graphrec.query.audience.lookalike import Size
from graphrec.query.audience.portfolio import Budget, Portfolio, portfolio_for
from graphrec.query.embeddings import Rows
from graphrec.query.engine import Engine
from graphrec.query.filters import Filters
from graphrec.query.options import AudienceOptions, Options, RankOptions, as_ids
from graphrec.query.questions.feed import recommend
from graphrec.query.results import Recommendations
from graphrec.query.topk import Scores


def creators_for_product(
    engine: Engine, product_id: str, **options: Unpack[Options]
) -> Recommendations:
    """Returns creators who should carry a product; by default ones who do not yet.

    A score combines how similar the followers of a creator are to the buyers, and how much of
    what the creator carries is in the category of the product. New creators have few followers
    and low scores; `new_item_share` reserves places for them.
    """
    return recommend(engine, "Product", product_id, "Creator", **options)


def creators_for_brand(
    engine: Engine, brand_id: str, **options: Unpack[Options]
) -> Recommendations:
    """Returns creators who should carry a brand; by default ones who carry none of it yet."""
    return recommend(engine, "Brand", brand_id, "Creator", **options)


def creator_rows(
    engine: Engine, query_type: str, query_rows: Rows, **options: Unpack[Options]
) -> tuple[Rows, Scores]:
    """Ranks like `creators_for_brand` and `creators_for_product`, as rows and scores only.

    Args:
        query_type: 'Brand' or 'Product'.
        query_rows: int64 [num_queries].

    Returns:
        Rows int64 [num_queries, k], padded with -1, and scores float64 [num_queries, k], padded
        with -inf. A query node about which nothing is known gets no creators.
    """
    return matching.creator_rows(engine, query_type, query_rows, RankOptions.of(options))


def users_for_product(
    engine: Engine,
    product_id: str,
    *,
    new_customers_only: bool = False,
    **options: Unpack[AudienceOptions],
) -> Recommendations:
    """Returns users who are similar to the buyers of a product.

    Args:
        new_customers_only: Only users who never bought it.
    """
    size, question = _audience_question(options, new_customers_only)
    return lookalike.lookalikes(engine, "Product", [product_id], size, question)[0]


def users_for_brand(
    engine: Engine,
    brand_id: str,
    *,
    new_customers_only: bool = False,
    **options: Unpack[AudienceOptions],
) -> Recommendations:
    """Returns users who are similar to the buyers of a brand.

    Args:
        new_customers_only: Only users who never bought from it.
    """
    size, question = _audience_question(options, new_customers_only)
    return lookalike.lookalikes(engine, "Brand", [brand_id], size, question)[0]


def lookalike_rows(
    engine: Engine,
    query_type: str,
    query_ids: Sequence[str],
    *,
    new_customers_only: bool = False,
    **options: Unpack[AudienceOptions],
) -> tuple[Rows, Scores]:
    """Ranks like `users_for_brand` and `users_for_product`, as rows and scores only.

    Use it for campaigns and evaluation, because fields and reasons take time.

    Args:
        query_type: 'Brand' or 'Product'.
        query_ids: The ids, in the order of the answers.
        new_customers_only: Only users who never bought from it.

    Returns:
        Rows int64 [num_queries, k], padded with -1, and scores float64 [num_queries, k], padded
        with -inf.
    """
    size, question = _audience_question(options, new_customers_only)
    ids = as_ids(query_ids, "query_ids")
    engine.check_types(query_type)
    return lookalike.lookalike_rows(engine, query_type, ids, size, question)


def users_like(
    engine: Engine,
    user_ids: Sequence[str],
    *,
    new_customers_only: bool = True,
    **options: Unpack[AudienceOptions],
) -> Recommendations:
    """Returns users who are similar to some users, such as the customers of a merchant.

    Scores are similarities, not probabilities. A list of users is no node, so all rules of a
    policy apply, whatever their scope.

    Args:
        user_ids: Ids of users, at least one of which the bundle holds. Others are skipped and
            listed in the trace; duplicates count once.
        new_customers_only: Only users who are not on the list.
    """
    size, question = _audience_question(options, new_customers_only)
    return lookalike.lookalikes_of_users(
        engine, user_ids, size, question, new_only=new_customers_only
    )


def reach_curve(
    engine: Engine,
    query_type: str,
    query_id: str,
    *,
    shares: Sequence[float] = SHARES,
    filters: Filters | Mapping[str, Any] | None = None,
) -> ReachCurve:
    """Returns reach and precision of audiences of new customers, from held-out weeks.

    The vectors have seen the purchases of buyers, so finding these buyers again proves nothing.
    These figures were measured during training, with a backtest bundle: the lift of audiences
    of brands or products with about as many buyers, among users who had never bought. The
    probabilities of the users say how many of this audience will buy.

    Args:
        query_type: 'Brand' or 'Product'.
        shares: Audience sizes, as shares of all known users who never bought and pass the
            filters; from the smallest share that was measured, .01, to 1.
        filters: Filters for users.

    Raises:
        QueryError: The bundle has no such figures, because it was trained without a holdout or
            too few bought afterwards; or a share is out of its range; or no user passes.
    """
    question = RankOptions.of({"filters": filters})
    engine.check_types(query_type)
    return curve.reach_curve(engine, query_type, query_id, question, shares)


def creator_portfolio(
    engine: Engine,
    brand_id: str,
    *,
    k: int | None = None,
    budget: float | None = None,
    costs: Mapping[str, float] | None = None,
    new_customers_only: bool = False,
    exclude_seen: bool = True,
    filters: Filters | Mapping[str, Any] | None = None,
) -> Portfolio:
    """Returns the creators who together reach the most likely buyers of a brand.

    Creators with a similar taste share followers, so the k nearest reach the same users again
    and again. The reach of a set is the expected number of distinct buyers who see it: the sum
    over users of (probability to buy) x (1 - prod(1 - probability to see a creator)). The
    probability to buy is the score of `users_for_brand` if that is a probability, and otherwise
    the similarity to the buyers; `Portfolio.window_days` says which. Users see the creators
    that they follow, or whose content they liked or watched, with the probabilities in
    `graphrec/query/audience/directions.py`.

    The set is chosen with the lazy greedy algorithm. With k, it reaches at least 1 - 1/e (63 %)
    of what the best k creators reach (Nemhauser, Wolsey and Fisher 1978). With a budget, the
    better of the choices by gain and by gain per cost reaches at least (1 - 1/e) / 2 (31 %) of
    the best set (Leskovec et al., KDD 2007; Khuller, Moss and Naor 1999). `bound` is an upper
    bound for every such set, and mostly a close one.

    Args:
        k: The number of creators; fewer if no further one adds anything.
        budget: The most that all creators may cost together, instead of k.
        costs: The cost of every creator who passes, by id, in the currency of the budget.
        new_customers_only: Ignore users who already bought from the brand.
        exclude_seen: Exclude creators who already carry a product of the brand.
        filters: Filters for creators.

    Raises:
        QueryError: Neither or both of k and budget are given, or a cost is missing or not above
            0.
    """
    money = Budget(k, budget, costs)
    question = RankOptions.of({"filters": filters, "exclude_seen": exclude_seen})
    return portfolio_for(engine, brand_id, money, question, new_only=new_customers_only)


def _audience_question(
    options: AudienceOptions, new_customers_only: bool
) -> tuple[Size, RankOptions]:
    """The size of an audience, and all else that was said of it."""
    size = Size(options.get("k"), options.get("share"), options.get("min_score"))
    rest = {name: value for name, value in options.items() if name not in Size.__slots__}
    return size, RankOptions.of({**rest, "exclude_seen": new_customers_only})
