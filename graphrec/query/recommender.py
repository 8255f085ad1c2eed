"""Answers questions from a bundle: every public method stands on one private ranking function."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError
from graphrec.bundle import Bundle, open_bundle
from graphrec.query.display import Display, Fields
from graphrec.query.filters import Filters
from graphrec.query.newcomers import Neighbours, Newcomers
from graphrec.query.paths import Paths
from graphrec.query.propose import Similarity
from graphrec.query.ranking import Ranker
from graphrec.query.reasons import Reasons
from graphrec.query.results import Recommendation, Recommendations
from graphrec.query.seen import check_seen_known, seen_rows
from graphrec.query.topk import Rows, Scores, check_k


class Recommender:
    """Recommends from one bundle. Safe to use from several threads.

    A seed is the node one asks for, a target a node that may come out; both are named by type
    and id. Equal scores come out in the order of their ids, every time.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._paths = Paths(bundle)
        self._ranker = Ranker(bundle, self._paths)
        self._newcomers = Newcomers(bundle)
        self._display = Display(bundle, self._paths)
        self._reasons = Reasons(self._paths, self._display)

    @classmethod
    def open(cls, path: str | Path, *, verify: bool = True) -> "Recommender":
        """Opens the bundle at `path`; see `open_bundle` for what can go wrong."""
        return cls(open_bundle(path, verify=verify))

    def recommend(
        self,
        seed_type: str,
        seed_id: str,
        target_type: str,
        *,
        k: int = 10,
        filters: Filters | None = None,
        exclude_seen: bool = True,
    ) -> Recommendations:
        """The best targets for one seed.

        Args:
            k: How many, 1 or more; fewer come out when fewer pass.
            exclude_seen: Leave out what the seed has had, such as products a user bought.

        Raises:
            UnknownIdError: No node of the seed's type has that id.
            BadFilterError: A filter names what does not exist.
            QueryError: The bundle has no vectors for a type, or knows nothing about the seed.
        """
        return self.recommend_many(
            seed_type, [seed_id], target_type, k=k, filters=filters, exclude_seen=exclude_seen
        )[0]

    def recommend_many(
        self,
        seed_type: str,
        seed_ids: Sequence[str],
        target_type: str,
        *,
        k: int = 10,
        filters: Filters | None = None,
        exclude_seen: bool = True,
    ) -> list[Recommendations]:
        """For every seed what `recommend` gives, to the last bit, but faster."""
        return self._answer(
            Similarity.DOT,
            seed_type,
            seed_ids,
            target_type,
            k=k,
            filters=filters,
            exclude_seen=exclude_seen,
        )

    def products_for_user(
        self,
        user_id: str,
        *,
        k: int = 10,
        filters: Filters | None = None,
        exclude_seen: bool = True,
    ) -> Recommendations:
        """Products that fit a user; by default ones that the user never bought."""
        return self.recommend(
            "User", user_id, "Product", k=k, filters=filters, exclude_seen=exclude_seen
        )

    def brands_for_user(
        self,
        user_id: str,
        *,
        k: int = 10,
        filters: Filters | None = None,
        exclude_seen: bool = True,
    ) -> Recommendations:
        """Brands that fit a user; by default ones that the user never bought from."""
        return self.recommend(
            "User", user_id, "Brand", k=k, filters=filters, exclude_seen=exclude_seen
        )

    def users_for_brand(
        self, brand_id: str, *, k: int = 10, new_customers_only: bool = False
    ) -> Recommendations:
        """Users who fit a brand.

        Args:
            new_customers_only: Only users who never bought from it.
        """
        return self.recommend("Brand", brand_id, "User", k=k, exclude_seen=new_customers_only)

    def similar_products(
        self, product_id: str, *, k: int = 10, filters: Filters | None = None
    ) -> Recommendations:
        """Products near a product."""
        return self.similar("Product", product_id, k=k, filters=filters)

    def similar(
        self, node_type: str, node_id: str, *, k: int = 10, filters: Filters | None = None
    ) -> Recommendations:
        """Nodes of the same type that point the same way, by damped cosine.

        Lengths of vectors carry popularity, so they do not count here, but that very short ones
        rest on little evidence and count less; see `Space.damped`. The node itself and nodes with
        a zero vector never come out.

        Raises:
            UnknownIdError: No node of that type has that id.
            QueryError: The node's own vector is zero.
        """
        return self._answer(
            Similarity.COSINE,
            node_type,
            [node_id],
            node_type,
            k=k,
            filters=filters,
            exclude_seen=False,
        )[0]

    def encode_new(self, node_type: str, neighbours: Neighbours) -> npt.NDArray[np.float32]:
        """A vector for a node that the bundle does not hold, from the nodes it is tied to.

        What its neighbours and peers tell by the served vectors, see `graphrec.newcomers`; nothing
        of the bundle changes. The dot product with another node's vector is the score, as for all
        nodes.

        Args:
            neighbours: Per edge type, such as 'Product-MADE_BY-Brand', the ids of the nodes at
                the other end; their order does not matter, and an id named twice counts once.
                Where a tie has both ends in this type, it goes either way.

        Returns:
            float32 [dim].

        Raises:
            UnknownIdError: A neighbour is not in the bundle.
            QueryError: No neighbour has a vector, or an edge type tells nothing about this type,
                or the bundle was trained without rules for newcomers.
        """
        return self._newcomers.encode(node_type, neighbours)

    def recommend_vector(
        self,
        vector: npt.NDArray[np.float32],
        target_type: str,
        *,
        k: int = 10,
        filters: Filters | None = None,
        exclude_ids: Sequence[str] = (),
    ) -> Recommendations:
        """The best targets for a vector, such as one that `encode_new` gave.

        Args:
            vector: float32 [dim].
            exclude_ids: Targets that must not come out, such as what a new user bought already.

        Returns:
            As from `recommend`, with an empty seed type and id, and without reasons.

        Raises:
            UnknownIdError: One of `exclude_ids` is not in the bundle.
            BadFilterError: A filter names what does not exist.
            QueryError: The vector is of another length, zero or not finite, or there are no
                vectors of the target type.
        """
        check_k(k)
        excluded = [self.bundle.row_of(target_type, target_id) for target_id in exclude_ids]
        rows, scores = self._ranker.rank_vector(
            vector,
            target_type,
            k=min(k, max(self.bundle.num_nodes(target_type), 1)),
            filters=filters,
            excluded=np.array(excluded, dtype=np.int64),
        )
        rows = rows[rows >= 0]
        items = self._items(target_type, rows, scores, [()] * len(rows))
        return Recommendations("", "", target_type, items)

    def seen(self, seed_type: str, seed_id: str, target_type: str) -> tuple[str, ...]:
        """The ids of what a seed has had, such as the products a user bought, in order of id.

        Raises:
            UnknownIdError: No node of the seed's type has that id.
            QueryError: The bundle lacks the edges that would tell.
        """
        check_seen_known(self._paths, seed_type, target_type)
        row = self.bundle.row_of(seed_type, seed_id)
        rows = seen_rows(self._paths, seed_type, target_type, row)
        return tuple(self.bundle.id_of(target_type, seen) for seen in rows)

    def fields(self, node_type: str, node_id: str) -> Fields:
        """What to show of a node: the same fields that a recommendation of it carries."""
        return self._display.fields(node_type, self.bundle.row_of(node_type, node_id))

    def top_rows(
        self,
        seed_type: str,
        seed_rows: npt.NDArray[np.int64],
        target_type: str,
        *,
        k: int,
        exclude_seen: bool,
        filters: Filters | None = None,
    ) -> tuple[Rows, Scores]:
        """What `recommend_many` ranks, as rows and scores only: for evaluation and bulk work.

        Returns:
            Rows int64 [num_seeds, k], padded with -1, and scores float64 [num_seeds, k], padded
            with -inf. A seed with a zero vector gets no targets: nothing is known about it.
        """
        return self._ranker.rank(
            Similarity.DOT,
            seed_type,
            seed_rows,
            target_type,
            k=k,
            filters=filters,
            exclude_seen=exclude_seen,
        )

    def _answer(
        self,
        similarity: Similarity,
        seed_type: str,
        seed_ids: Sequence[str],
        target_type: str,
        *,
        k: int,
        filters: Filters | None,
        exclude_seen: bool,
    ) -> list[Recommendations]:
        """Ranks by id, and dresses the rows up as results."""
        check_k(k)
        seed_rows = self._known_rows(seed_type, seed_ids)
        rows, scores = self._ranker.rank(
            similarity,
            seed_type,
            seed_rows,
            target_type,
            k=min(k, max(self.bundle.num_nodes(target_type), 1)),
            filters=filters,
            exclude_seen=exclude_seen,
        )
        return [
            Recommendations(
                seed_type,
                seed_id,
                target_type,
                self._dress(similarity, seed_type, int(row), target_type, found, reached),
            )
            for seed_id, row, found, reached in zip(seed_ids, seed_rows, rows, scores, strict=True)
        ]

    def _known_rows(self, seed_type: str, seed_ids: Sequence[str]) -> Rows:
        """The rows of seeds that the model knows something about."""
        rows = np.array([self.bundle.row_of(seed_type, seed_id) for seed_id in seed_ids], np.int64)
        for seed_id, is_zero in zip(
            seed_ids, self._ranker.space(seed_type).is_zero()[rows], strict=True
        ):
            if is_zero:
                raise QueryError(
                    f"the bundle knows nothing about {seed_type} '{seed_id}': its vector is zero",
                    next_step="train on a snapshot in which it has edges",
                    value=seed_id,
                )
        return rows

    def _dress(
        self,
        similarity: Similarity,
        seed_type: str,
        seed_row: int,
        target_type: str,
        rows: Rows,
        scores: Scores,
    ) -> tuple[Recommendation, ...]:
        """Results with fields and reasons, for the rows that were found."""
        rows = rows[rows >= 0]
        if similarity is Similarity.COSINE:
            reasons = self._reasons.for_similar(target_type, seed_row, rows)
        else:
            reasons = self._reasons.for_seed(seed_type, seed_row, target_type, rows)
        return self._items(target_type, rows, scores, reasons)

    def _items(
        self, target_type: str, rows: Rows, scores: Scores, reasons: Sequence[tuple[str, ...]]
    ) -> tuple[Recommendation, ...]:
        return tuple(
            Recommendation(
                type=target_type,
                id=self.bundle.id_of(target_type, row),
                rank=position + 1,
                score=float(scores[position]),
                fields=self._display.fields(target_type, row),
                reasons=reasons[position],
            )
            for position, row in enumerate(rows.tolist())
        )
