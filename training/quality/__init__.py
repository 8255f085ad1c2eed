"""How good products, brands, shops and creators are: returns, ratings, repeat purchases."""

from training.quality.tables import QualityConfig, quality_tables

__all__ = ["QualityConfig", "quality_tables"]
