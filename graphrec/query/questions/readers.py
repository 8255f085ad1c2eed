"""Defines the questions that each reader asks: the feed, a creator and an analyst.

The feed asks what to show to a user, a creator what to sell to followers, and an analyst what is
near a node. All of them build on `Questions`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Unpack

from graphrec.query.engine import Engine
from graphrec.query.fold_in import Event
from graphrec.query.options import Options, SimilarOptions
from graphrec.query.results import Recommendations


class Questions(ABC):
    """Anything that can recommend.

    Attributes:
        _engine: What answers; a question reads it once, since another may take its place.
    """

    _engine: Engine

    @abstractmethod
    def recommend(
        self, query_type: str, query_id: str, target_type: str, **options: Unpack[Options]
    ) -> Recommendations:
        """The best targets for one query node."""

    @abstractmethod
    def recommend_for_events(
        self, events: Sequence[Event], target_type: str, **options: Unpack[Options]
    ) -> Recommendations:
        """The best targets for someone whom the bundle does not hold, by recent events."""

    @abstractmethod
    def similar(
        self, node_type: str, node_id: str, **options: Unpack[SimilarOptions]
    ) -> Recommendations:
        """Nodes of the same type that point the same way."""


class FeedQuestions(Questions):
    """For a user. Errors and options are those of `recommend`."""

    def products_for_user(self, user_id: str, **options: Unpack[Options]) -> Recommendations:
        """Returns products for a user; by default ones that the user never bought."""
        return self.recommend("User", user_id, "Product", **options)

    def products_for_events(
        self, events: Sequence[Event], **options: Unpack[Options]
    ) -> Recommendations:
        """Returns products for an unknown user, from events such as [("PURCHASED", "p1")]."""
        return self.recommend_for_events(events, "Product", **options)

    def brands_for_user(self, user_id: str, **options: Unpack[Options]) -> Recommendations:
        """Returns brands for a user; by default ones that the user never bought from."""
        return self.recommend("User", user_id, "Brand", **options)

    def creators_for_user(self, user_id: str, **options: Unpack[Options]) -> Recommendations:
        """Returns creators for a user; by default ones that the user does not follow."""
        return self.recommend("User", user_id, "Creator", **options)

    def contents_for_user(self, user_id: str, **options: Unpack[Options]) -> Recommendations:
        """Returns short videos and live sessions; by default ones that the user did not watch."""
        return self.recommend("User", user_id, "Content", **options)


class CreatorQuestions(Questions):
    """For a creator. Errors and options are those of `recommend`.

    A creator's vector says how the audience differs from all users: the followers, and where few
    are known the audience that the creator's own vector predicts; see `CreatorAudiences`.
    """

    def categories_for_creator(
        self, creator_id: str, **options: Unpack[Options]
    ) -> Recommendations:
        """Returns categories for a creator; by default ones the creator carries nothing of."""
        return self.recommend("Creator", creator_id, "Category", **options)

    def products_for_creator(self, creator_id: str, **options: Unpack[Options]) -> Recommendations:
        """Returns products for a creator; by default ones the creator does not carry yet."""
        return self.recommend("Creator", creator_id, "Product", **options)

    def brands_for_creator(self, creator_id: str, **options: Unpack[Options]) -> Recommendations:
        """Returns brands for a creator; by default ones the creator carries nothing of."""
        return self.recommend("Creator", creator_id, "Brand", **options)


class AnalystQuestions(Questions):
    """For a node of any type. Errors and options are those of `similar`."""

    def similar_products(
        self, product_id: str, **options: Unpack[SimilarOptions]
    ) -> Recommendations:
        """Returns products that are similar to a product."""
        return self.similar("Product", product_id, **options)

    def similar_creators(
        self, creator_id: str, **options: Unpack[SimilarOptions]
    ) -> Recommendations:
        """Returns creators that are similar to a creator."""
        return self.similar("Creator", creator_id, **options)

    def similar_brands(self, brand_id: str, **options: Unpack[SimilarOptions]) -> Recommendations:
        """Returns brands that are similar to a brand."""
        return self.similar("Brand", brand_id, **options)

    def similar_users(self, user_id: str, **options: Unpack[SimilarOptions]) -> Recommendations:
        """Returns users that are similar to a user."""
        return self.similar("User", user_id, **options)
