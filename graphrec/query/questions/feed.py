"""What the feed asks: what to bring to a user."""

from collections.abc import Sequence
from typing import Unpack

from graphrec.query.fold_in import Event
from graphrec.query.options import Options
from graphrec.query.questions.base import Questions
from graphrec.query.results import Recommendations


class FeedQuestions(Questions):
    """For a user. Errors and options are those of `recommend`."""

    def products_for_user(self, user_id: str, **options: Unpack[Options]) -> Recommendations:
        """Products that fit a user; by default ones that the user never bought."""
        return self.recommend("User", user_id, "Product", **options)

    def products_for_events(
        self, events: Sequence[Event], **options: Unpack[Options]
    ) -> Recommendations:
        """Products that fit someone unknown, by events such as [("PURCHASED", "p1")]."""
        return self.recommend_for_events(events, "Product", **options)

    def brands_for_user(self, user_id: str, **options: Unpack[Options]) -> Recommendations:
        """Brands that fit a user; by default ones that the user never bought from."""
        return self.recommend("User", user_id, "Brand", **options)

    def creators_for_user(self, user_id: str, **options: Unpack[Options]) -> Recommendations:
        """Creators who fit a user; by default ones whom the user does not follow."""
        return self.recommend("User", user_id, "Creator", **options)

    def contents_for_user(self, user_id: str, **options: Unpack[Options]) -> Recommendations:
        """Short videos and live sessions; by default ones that the user has not watched."""
        return self.recommend("User", user_id, "Content", **options)
