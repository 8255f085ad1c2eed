"""A seeded world of interest commerce, whose right answers are known."""

from graphdb.sources.synthetic.config import WorldConfig
from graphdb.sources.synthetic.generate import Truth, World, generate_world

__all__ = ["Truth", "World", "WorldConfig", "generate_world"]
