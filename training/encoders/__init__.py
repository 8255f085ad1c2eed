"""Encoders: from a graph to vectors whose dot products are scores."""

from training.encoders.base import Encoder, Vectors
from training.encoders.concat import BesideEncoder, ConcatEncoder
from training.encoders.engagement import EngagementConfig, EngagementEncoder
from training.encoders.graph import GraphEncoder
from training.encoders.popularity import PopularityEncoder
from training.encoders.profile import ProfileConfig, ProfileEncoder
from training.encoders.svd import SvdConfig, SvdEncoder

__all__ = [
    "BesideEncoder",
    "ConcatEncoder",
    "Encoder",
    "EngagementConfig",
    "EngagementEncoder",
    "GraphEncoder",
    "PopularityEncoder",
    "ProfileConfig",
    "ProfileEncoder",
    "SvdConfig",
    "SvdEncoder",
    "Vectors",
]
