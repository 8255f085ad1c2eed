"""Computes the quality of products, brands, shops and creators from returns and ratings."""

from training.quality.tables import QualityConfig, quality_tables

__all__ = ["QualityConfig", "quality_tables"]
