"""What a brand or merchant asks: who should carry my goods, and who would buy them."""

from typing import Unpack

from graphrec.query.options import Options, SimilarOptions
from graphrec.query.questions.base import Questions
from graphrec.query.results import Recommendations


class MerchantQuestions(Questions):
    """For a brand or a product. Errors and options are those of `recommend`."""

    def creators_for_product(self, product_id: str, **options: Unpack[Options]) -> Recommendations:
        """Creators who should carry a product; by default ones who do not yet."""
        return self.recommend("Product", product_id, "Creator", **options)

    def creators_for_brand(self, brand_id: str, **options: Unpack[Options]) -> Recommendations:
        """Creators who should carry a brand; by default ones who carry none of its products."""
        return self.recommend("Brand", brand_id, "Creator", **options)

    def users_for_product(
        self,
        product_id: str,
        *,
        new_customers_only: bool = False,
        **options: Unpack[SimilarOptions],
    ) -> Recommendations:
        """Users who fit a product.

        Args:
            new_customers_only: Only users who never bought it.
        """
        return self.recommend(
            "Product", product_id, "User", exclude_seen=new_customers_only, **options
        )

    def users_for_brand(
        self,
        brand_id: str,
        *,
        new_customers_only: bool = False,
        **options: Unpack[SimilarOptions],
    ) -> Recommendations:
        """Users who fit a brand.

        Args:
            new_customers_only: Only users who never bought from it.
        """
        return self.recommend("Brand", brand_id, "User", exclude_seen=new_customers_only, **options)
