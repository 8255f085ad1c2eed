"""What does not stop a command but has to be seen: on stderr, in tables and with --json alike."""

from collections.abc import Sequence

from graphrec.cli.output import warn
from graphrec.query import Recommender
from graphrec.query.names import Skipped

_SHOWN = 5


def open_recommender(bundle: str, *, policy: str | None = None, verify: bool) -> Recommender:
    """Opens a bundle under a policy file, and says what of the policy may be a mistake.

    Raises:
        BundleError: The bundle cannot be used.
        PolicyError: The policy cannot be read or does not fit the bundle.
    """
    recommender = Recommender.open(bundle, policy=policy, verify=verify)
    for warning in recommender.policy_warnings:
        warn(warning)
    return recommender


def warn_of_skipped(skipped: Sequence[Skipped]) -> None:
    """Says what a question names and the bundle does not hold; nothing where there is none."""
    if skipped:
        shown = ", ".join(f"{one.type} '{one.id}' ({one.asked_by})" for one in skipped[:_SHOWN])
        more = f" and {len(skipped) - _SHOWN:,} more" if len(skipped) > _SHOWN else ""
        warn(f"skipped, as the bundle does not hold it: {shown}{more}")
