"""Vectors for nodes that training never saw, with NumPy alone; training learns the rules by it."""

from graphrec.newcomers.surroundings import Near, Surroundings
from graphrec.newcomers.told import lengths_of, unit

__all__ = ["Near", "Surroundings", "lengths_of", "unit"]
