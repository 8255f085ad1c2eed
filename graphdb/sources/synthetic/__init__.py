"""A seeded world of interest commerce with known right answers."""

from graphdb.sources.synthetic.config import WorldConfig
from graphdb.sources.synthetic.generate import Truth, World, generate_world

__all__ = ["Truth", "World", "WorldConfig", "generate_world"]
