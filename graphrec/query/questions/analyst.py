"""What an analyst asks: what is near a node."""

from typing import Unpack

from graphrec.query.options import SimilarOptions
from graphrec.query.questions.base import Questions
from graphrec.query.results import Recommendations


class AnalystQuestions(Questions):
    """For a node of any type. Errors and options are those of `similar`."""

    def similar_products(
        self, product_id: str, **options: Unpack[SimilarOptions]
    ) -> Recommendations:
        """Products near a product."""
        return self.similar("Product", product_id, **options)

    def similar_creators(
        self, creator_id: str, **options: Unpack[SimilarOptions]
    ) -> Recommendations:
        """Creators near a creator."""
        return self.similar("Creator", creator_id, **options)

    def similar_brands(self, brand_id: str, **options: Unpack[SimilarOptions]) -> Recommendations:
        """Brands near a brand."""
        return self.similar("Brand", brand_id, **options)

    def similar_users(self, user_id: str, **options: Unpack[SimilarOptions]) -> Recommendations:
        """Users near a user."""
        return self.similar("User", user_id, **options)
