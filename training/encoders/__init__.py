"""Encoders: from a graph to vectors whose dot products are scores."""

from training.encoders.base import Encoder, Vectors
from training.encoders.popularity import PopularityEncoder
from training.encoders.spectral import SpectralConfig, SpectralEncoder

__all__ = ["Encoder", "PopularityEncoder", "SpectralConfig", "SpectralEncoder", "Vectors"]
