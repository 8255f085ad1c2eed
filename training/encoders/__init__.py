"""Encoders: from a graph to vectors whose dot products are scores."""

from training.encoders.base import Encoder, FittedVectors, Vectors, is_source, sources_of
from training.encoders.concat import ConcatEncoder
from training.encoders.engagement import EngagementConfig, EngagementEncoder
from training.encoders.graph import GraphEncoder
from training.encoders.next import NextConfig, NextEncoder, next_rule
from training.encoders.popularity import PopularityConfig, PopularityEncoder
from training.encoders.profile import ProfileConfig, ProfileEncoder
from training.encoders.svd import SvdConfig, SvdEncoder

__all__ = [
    "ConcatEncoder",
    "Encoder",
    "EngagementConfig",
    "EngagementEncoder",
    "FittedVectors",
    "GraphEncoder",
    "NextConfig",
    "NextEncoder",
    "PopularityConfig",
    "PopularityEncoder",
    "ProfileConfig",
    "ProfileEncoder",
    "SvdConfig",
    "SvdEncoder",
    "Vectors",
    "is_source",
    "next_rule",
    "sources_of",
]
