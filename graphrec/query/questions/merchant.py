"""What a brand or merchant asks: who should carry my products, and who would buy them."""

from collections.abc import Mapping, Sequence
from typing import Unpack

from graphrec.query.audience.curve import SHARES, ReachCurve, reach_curve
from graphrec.query.audience.lookalike import Size, lookalike_rows, lookalikes, lookalikes_of_users
from graphrec.query.audience.matching import creator_rows
from graphrec.query.audience.portfolio import Budget, Portfolio, portfolio_for
from graphrec.query.embeddings import Rows
from graphrec.query.filters import Filters
from graphrec.query.names import as_ids
from graphrec.query.options import AudienceOptions, Options, RankOptions
from graphrec.query.questions.readers import Questions
from graphrec.query.results import Recommendations
from graphrec.query.topk import Scores


class MerchantQuestions(Questions):
    """For a brand or a product. Errors and options are those of `recommend`.

    Users are ranked by similarity to the buyers, see `Audience`. If the bundle was trained with a
    holdout, a score is the probability to buy within as many days, as the held-out days told: for
    the first time with `new_customers_only`, else at all. It can be compared between brands, and
    cut off. Without a holdout it is a similarity, and no probability; see `AudienceScores`. Users
    of whom nothing is known never come out.
    """

    def creators_for_product(self, product_id: str, **options: Unpack[Options]) -> Recommendations:
        """Creators who should carry a product; by default ones who do not yet.

        A score says how like the buyers a creator's followers are, and how much of what the
        creator carries is of the product's category; see `creators_for`. New creators have few
        followers and low scores: `new_item_share` reserves places for them.
        """
        return self.recommend("Product", product_id, "Creator", **options)

    def creators_for_brand(self, brand_id: str, **options: Unpack[Options]) -> Recommendations:
        """Creators who should carry a brand; by default ones who carry none of its products."""
        return self.recommend("Brand", brand_id, "Creator", **options)

    def creator_rows(
        self, query_type: str, query_rows: Rows, **options: Unpack[Options]
    ) -> tuple[Rows, Scores]:
        """What `creators_for_brand` and `creators_for_product` rank, as rows and scores only.

        Args:
            query_type: 'Brand' or 'Product'.
            query_rows: int64 [num_queries].

        Returns:
            Rows int64 [num_queries, k], padded with -1, and scores float64 [num_queries, k], padded
            with -inf. A query node of which nothing is known gets no creators.
        """
        return creator_rows(self._engine, query_type, query_rows, RankOptions.of(options))

    def users_for_product(
        self,
        product_id: str,
        *,
        new_customers_only: bool = False,
        **options: Unpack[AudienceOptions],
    ) -> Recommendations:
        """Users who are like the buyers of a product.

        Args:
            new_customers_only: Only users who never bought it.
            options: See `AudienceOptions`.
        """
        size, question = audience_question(options, new_customers_only)
        return lookalikes(self._engine, "Product", [product_id], size, question)[0]

    def users_for_brand(
        self,
        brand_id: str,
        *,
        new_customers_only: bool = False,
        **options: Unpack[AudienceOptions],
    ) -> Recommendations:
        """Users who are like the buyers of a brand.

        Args:
            new_customers_only: Only users who never bought from it.
            options: See `AudienceOptions`.
        """
        size, question = audience_question(options, new_customers_only)
        return lookalikes(self._engine, "Brand", [brand_id], size, question)[0]

    def lookalike_rows(
        self,
        query_type: str,
        query_ids: Sequence[str],
        *,
        new_customers_only: bool = False,
        **options: Unpack[AudienceOptions],
    ) -> tuple[Rows, Scores]:
        """What `users_for_brand` and `users_for_product` rank, as rows and scores only.

        For campaigns and evaluation: fields and reasons take time.

        Args:
            query_type: 'Brand' or 'Product'.

        Returns:
            Rows int64 [num_queries, k], padded with -1, and scores float64 [num_queries, k], padded
            with -inf.
        """
        size, question = audience_question(options, new_customers_only)
        ids = as_ids(query_ids, "query_ids")
        return lookalike_rows(self._engine.check_types(query_type), query_type, ids, size, question)

    def users_like(
        self,
        user_ids: Sequence[str],
        *,
        new_customers_only: bool = True,
        **options: Unpack[AudienceOptions],
    ) -> Recommendations:
        """Users who are like some users, such as the customers on a merchant's own list.

        Scores are similarities: what users on a list will do was never measured. As the list is no
        node, rules of a policy hold whatever their scope is.

        Args:
            user_ids: At least one that the bundle holds; the others are skipped, and told in the
                trace. An id named twice counts once.
            new_customers_only: Only users who are not on the list.
            options: See `AudienceOptions`.
        """
        size, question = audience_question(options, new_customers_only)
        return lookalikes_of_users(
            self._engine, user_ids, size, question, new_only=new_customers_only
        )

    def reach_curve(
        self,
        query_type: str,
        query_id: str,
        *,
        shares: Sequence[float] = SHARES,
        filters: Filters | None = None,
    ) -> ReachCurve:
        """Reach against precision of an audience of new customers, as held-out weeks told.

        The vectors have seen what buyers bought, so how well they find buyers again says nothing.
        What is told was measured when the bundle was trained, with a model of the past: the lift
        that audiences of brands or products with about as many buyers had among users who had
        never bought, and how many of this audience will buy by the probabilities of its users.

        Args:
            query_type: 'Brand' or 'Product'.
            shares: Sizes of audiences, as shares of all known users who never bought and may come
                out; from the smallest share that was measured, .01, to 1.

        Raises:
            QueryError: The bundle holds no such figures, since it was trained without a holdout or
                too few bought afterwards; a share is out of its range; or nobody may come out.
        """
        question = RankOptions(filters=filters)
        return reach_curve(
            self._engine.check_types(query_type), query_type, query_id, question, shares
        )

    def creator_portfolio(
        self,
        brand_id: str,
        *,
        k: int | None = None,
        budget: float | None = None,
        costs: Mapping[str, float] | None = None,
        new_customers_only: bool = False,
        exclude_seen: bool = True,
        filters: Filters | None = None,
    ) -> Portfolio:
        """The creators who together reach most of a brand's likely buyers.

        Creators of one taste share their followers, so the k nearest reach the same people over and
        over. The reach of a set is the expected number of distinct buyers who see it, the sum over
        users of (chance to buy) x (1 - prod(1 - chance to see a creator)). The chance to buy is
        the score of `users_for_brand` where that is a probability, and else the similarity to the
        buyers; `Portfolio.window_days` says which. Users see creators whom they follow, or whose
        contents they liked or watched, with the chances in `graphrec/query/audience/directions.py`.

        The set is chosen greedily and lazily. With k, it reaches at least 1 - 1/e (63 %) of what
        the best k creators do (Nemhauser, Wolsey and Fisher 1978). With a budget, the better of
        the choices by gain and by gain per cost reaches at least (1 - 1/e) / 2 (31 %) of what
        the best set does (Leskovec et al., KDD 2007; Khuller, Moss and Naor 1999). `bound` says
        how much more any set could reach at most: most often little.

        Args:
            k: How many creators; fewer come out when no further one adds anything.
            budget: What all may cost together, instead of k.
            costs: Per id the cost of every creator who may come out; in the budget's currency.
            new_customers_only: Users who bought from the brand do not count.
            exclude_seen: Leave out creators who carry one of the brand's products already.
            filters: Which creators may come out.

        Raises:
            QueryError: Not one of k and budget is given, or a cost is missing or not above 0.
        """
        money = Budget(k, budget, costs)
        question = RankOptions(filters=filters, exclude_seen=exclude_seen)
        return portfolio_for(self._engine, brand_id, money, question, new_only=new_customers_only)


def audience_question(
    options: AudienceOptions, new_customers_only: bool
) -> tuple[Size, RankOptions]:
    """The size of an audience, and all else that was said of it."""
    size = Size(options.get("k"), options.get("share"), options.get("min_score"))
    rest = {name: value for name, value in options.items() if name not in Size.__slots__}
    return size, RankOptions.of({**rest, "exclude_seen": new_customers_only})
