"""Opens a bundle and answers questions from it, each with the function of its reader."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from graphdb.errors import PolicyError, shown
from graphdb.locking import ForkLock
from graphrec.bundle import Bundle, open_bundle
from graphrec.bundle.manifest import read_manifest
from graphrec.query.engine import Clock, Engine, utc_now
from graphrec.query.options import check_pair, show_options
from graphrec.query.policy import Exclusion, Policy, read_policy
from graphrec.query.questions import analyst, feed, merchant
from graphrec.query.release import ServedBundle
from graphrec.registry.address import bundle_folder, split_address

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def _asks(
    question: Callable[Concatenate[Engine, Given], Answer],
) -> Callable[Concatenate["Recommender", Given], Answer]:
    """Makes a method of a question, answered from the engine in use when it is asked."""

    def method(
        recommender: "Recommender", /, *given: Given.args, **options: Given.kwargs
    ) -> Answer:
        return question(recommender._engine, *given, **options)

    show_options(method, question)
    return method


class _Trained(Protocol):
    """A result of training."""

    @property
    def bundle(self) -> Bundle: ...


class Recommender:
    """Recommends from one bundle under one policy; several threads can share it.

    A query node is the node that a query asks for; a target is a node that can be a result. Both
    are given by type and id. Equal scores are ordered by id, so answers are always the same.

    A forked process can go on using it, even if threads were answering during the fork.

    Args:
        policy: The rules that exclude nodes; without a policy, nothing is excluded.
        clock: Returns the time, with its timezone, at which rules of the policy begin and end.

    Raises:
        PolicyError: The policy does not fit the bundle.
    """

    def __init__(
        self, bundle: Bundle, *, policy: Policy | None = None, clock: Clock = utc_now
    ) -> None:
        self._clock = clock
        self._swapping = ForkLock()
        # All that an answer is made from, in one place: a method reads it once, when it begins,
        # so that no answer mixes two releases or two policies.
        self._engine = Engine(ServedBundle(bundle), policy, clock)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        policy: Policy | str | Path | None = None,
        verify: bool = True,
        clock: Clock = utc_now,
    ) -> "Recommender":
        """Opens the bundle at `path`, with a policy or a policy file.

        Args:
            path: A bundle folder, or a release of a registry: REGISTRY@current or REGISTRY@NAME.
            policy: The rules that exclude nodes, or a file with them; None for none.
            verify: Whether to compare every file with its hash.
            clock: Returns the time, with its timezone, at which rules of the policy begin and end.

        Raises:
            BundleError: The bundle cannot be opened; see `open_bundle`.
            PolicyError: The policy cannot be used; see `read_policy`.
        """
        return cls(open_bundle(path, verify=verify), policy=_as_policy(policy), clock=clock)

    @classmethod
    def from_training(
        cls,
        trained: _Trained,
        *,
        policy: Policy | str | Path | None = None,
        clock: Clock = utc_now,
    ) -> "Recommender":
        """Answers from the bundle that `training.train` just made, without a path.

        Args:
            trained: The report of `train`.
            policy: The rules that exclude nodes, or a file with them; None for none.
            clock: Returns the time, with its timezone, at which rules of the policy begin and end.

        Raises:
            PolicyError: The policy cannot be used; see `read_policy`.
        """
        return cls(trained.bundle, policy=_as_policy(policy), clock=clock)

    @property
    def bundle(self) -> Bundle:
        """The release that is served."""
        return self._engine.release.bundle

    @property
    def policy(self) -> Policy | None:
        """The policy that is enforced."""
        return self._engine.policy

    @property
    def unknown_policy_ids(self) -> Mapping[str, int]:
        """The number of policy ids that the bundle does not hold, per node type; harmless."""
        return self._engine.unknown_policy_ids

    @property
    def policy_warnings(self) -> tuple[str, ...]:
        """Likely mistakes in the policy that do no harm: unknown ids, empty lists."""
        return self._engine.policy_warnings

    def reload(self, path: str | Path, *, verify: bool = True) -> bool:
        """Serves another release from now on, with the same policy.

        Queries that are being answered finish on the old release; none waits or fails. If the new
        release cannot be used, the old one stays.

        Args:
            path: As for `open`. Reloading REGISTRY@current often is cheap: if that release is
                served already, only its manifest is read.
            verify: Whether to compare every file with its hash.

        Returns:
            Whether a release was opened.

        Raises:
            BundleError: The bundle cannot be opened; see `open_bundle`.
            PolicyError: The policy does not fit the schema of the new release.
        """
        if _is_release(path, self.bundle):
            return False
        release = ServedBundle(open_bundle(path, verify=verify))
        with self._swapping:
            release.warm_as(self._engine.release)
            self._engine = Engine(release, self._engine.policy, self._clock)
        return True

    def set_policy(self, policy: Policy | str | Path | None) -> None:
        """Enforces another policy or policy file from now on, or none.

        Args:
            policy: The rules that exclude nodes, or a file with them; None for none.

        Raises:
            PolicyError: It cannot be read or does not fit the schema of the bundle; the old policy
                stays.
        """
        new = _as_policy(policy)
        with self._swapping:
            self._engine = Engine(self._engine.release, new, self._clock)

    def explain_exclusion(
        self, node_type: str, node_id: str, *, query: tuple[str, str] | None = None
    ) -> tuple[Exclusion, ...]:
        """Returns why the policy excludes a node; empty if it does not.

        Args:
            query: Type and id of the node to recommend it to. Then only rules whose scope includes
                that node count, with the own blocks of a user and the missing licences of a
                creator.

        Raises:
            UnknownIdError: The bundle does not hold the node or the query node.
        """
        engine = self._engine.check_types(node_type)
        if query is not None:
            check_pair("query", query)
            engine.check_types(query[0])
        return engine.exclusions(node_type, node_id, query)

    # What to show to a user, and what a creator should carry
    recommend = _asks(feed.recommend)
    recommend_many = _asks(feed.recommend_many)
    recommend_for_events = _asks(feed.recommend_for_events)
    recommend_vector = _asks(feed.recommend_vector)
    top_rows = _asks(feed.top_rows)
    knows = _asks(feed.knows)
    products_for_user = _asks(feed.products_for_user)
    products_for_events = _asks(feed.products_for_events)
    brands_for_user = _asks(feed.brands_for_user)
    creators_for_user = _asks(feed.creators_for_user)
    contents_for_user = _asks(feed.contents_for_user)
    categories_for_creator = _asks(feed.categories_for_creator)
    products_for_creator = _asks(feed.products_for_creator)
    brands_for_creator = _asks(feed.brands_for_creator)
    for_creator_rows = _asks(feed.for_creator_rows)

    # Who should carry a product or brand, and who would buy it
    creators_for_product = _asks(merchant.creators_for_product)
    creators_for_brand = _asks(merchant.creators_for_brand)
    creator_rows = _asks(merchant.creator_rows)
    creator_portfolio = _asks(merchant.creator_portfolio)
    users_for_product = _asks(merchant.users_for_product)
    users_for_brand = _asks(merchant.users_for_brand)
    users_like = _asks(merchant.users_like)
    lookalike_rows = _asks(merchant.lookalike_rows)
    reach_curve = _asks(merchant.reach_curve)

    # What is similar to a node, what it has seen, and why
    similar = _asks(analyst.similar)
    similar_products = _asks(analyst.similar_products)
    similar_creators = _asks(analyst.similar_creators)
    similar_brands = _asks(analyst.similar_brands)
    similar_users = _asks(analyst.similar_users)
    seen = _asks(analyst.seen)
    fields = _asks(analyst.fields)
    explain = _asks(analyst.explain)
    embed_new = _asks(analyst.embed_new)


def _is_release(address: str | Path, bundle: Bundle) -> bool:
    """Whether an address names a release of a registry, and that is this bundle.

    A plain folder may have been written anew, so that is always opened.
    """
    if split_address(address) is None:
        return False
    folder = bundle_folder(address)
    return folder.resolve() == bundle.folder.resolve() and read_manifest(folder) == bundle.manifest


def _as_policy(policy: Policy | str | Path | None) -> Policy | None:
    if not isinstance(policy, Policy | str | Path | None):
        raise PolicyError(f"policy is {shown(policy)}", expected="a Policy or a path", value=policy)
    return policy if isinstance(policy, Policy | None) else read_policy(policy)
