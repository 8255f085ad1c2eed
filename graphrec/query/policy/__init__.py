"""Governance: rules that no query can get around."""

from graphrec.query.policy.document import Block, Licence, OwnBlock, Policy, read_policy
from graphrec.query.policy.rules import Enforcement, Exclusion, Rules

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
