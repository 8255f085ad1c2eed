"""What a creator asks: what to sell to my fans."""

from typing import Unpack

from graphrec.query.options import Options
from graphrec.query.questions.base import Questions
from graphrec.query.results import Recommendations


class CreatorQuestions(Questions):
    """For a creator. Errors and options are those of `recommend`.

    A creator's vector says how the audience differs from all users: the followers, and where few
    are known the audience that the creator's own vector predicts; see `CreatorAudiences`.
    """

    def categories_for_creator(
        self, creator_id: str, **options: Unpack[Options]
    ) -> Recommendations:
        """Categories that fit a creator; by default ones the creator carries nothing of."""
        return self.recommend("Creator", creator_id, "Category", **options)

    def products_for_creator(self, creator_id: str, **options: Unpack[Options]) -> Recommendations:
        """Products that fit a creator; by default ones the creator does not carry yet."""
        return self.recommend("Creator", creator_id, "Product", **options)

    def brands_for_creator(self, creator_id: str, **options: Unpack[Options]) -> Recommendations:
        """Brands that fit a creator; by default ones the creator carries nothing of."""
        return self.recommend("Creator", creator_id, "Brand", **options)
