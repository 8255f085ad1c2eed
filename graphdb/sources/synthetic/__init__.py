"""A seeded world of interest commerce, whose right answers are known."""

from graphdb.sources.synthetic.config import WorldConfig
from graphdb.sources.synthetic.generate import generate_world
from graphdb.sources.synthetic.truth import Truth
from graphdb.sources.synthetic.world import World

__all__ = ["Truth", "World", "WorldConfig", "generate_world"]
