"""Governance: rules that no query can get around."""

from graphrec.query.policy.document import Block, Licence, OwnBlock, Policy
from graphrec.query.policy.enforcement import Enforcement
from graphrec.query.policy.reading import read_policy
from graphrec.query.policy.rules import Exclusion, Rules

__all__ = [
    "Block",
    "Enforcement",
    "Exclusion",
    "Licence",
    "OwnBlock",
    "Policy",
    "Rules",
    "read_policy",
]
