"""Answers questions from a bundle: every question by name stands on one ranking function."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np
import numpy.typing as npt

from graphdb.errors import PolicyError, QueryError, shown
from graphdb.locking import ForkLock
from graphrec.bundle import Bundle, open_bundle
from graphrec.bundle.manifest import read_manifest
from graphrec.query.answers import answer_for_events, answers, is_known
from graphrec.query.cold_start import Neighbors
from graphrec.query.embeddings import Rows
from graphrec.query.engine import Clock, Engine, utc_now
from graphrec.query.fold_in import Event
from graphrec.query.limits import check_pair
from graphrec.query.names import as_ids, excluded_rows
from graphrec.query.options import Options, RankOptions, SimilarOptions
from graphrec.query.policy import Exclusion, Policy, read_policy
from graphrec.query.propose import Similarity
from graphrec.query.query_nodes import (
    queries_by_id,
    queries_by_row,
    vector_query,
)
from graphrec.query.questions import (
    AnalystQuestions,
    CreatorQuestions,
    FeedQuestions,
    MerchantQuestions,
)
from graphrec.query.reasons import Fields
from graphrec.query.release import ServedBundle
from graphrec.query.results import Recommendations
from graphrec.query.seen import USUAL_RULE, Seen, SeenRows
from graphrec.query.topk import Scores
from graphrec.registry.address import bundle_folder, split_address

if TYPE_CHECKING:
    from graphrec.explain import EdgeSource, Explanation


class Recommender(FeedQuestions, MerchantQuestions, CreatorQuestions, AnalystQuestions):
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
            verify: Whether to compare every file with its hash.

        Raises:
            BundleError: The bundle cannot be opened; see `open_bundle`.
            PolicyError: The policy cannot be used; see `read_policy`.
        """
        return cls(open_bundle(path, verify=verify), policy=_as_policy(policy), clock=clock)

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

    def recommend(
        self, query_type: str, query_id: str, target_type: str, **options: Unpack[Options]
    ) -> Recommendations:
        """Returns the best targets for one query node.

        Users for a brand or product are ranked by similarity to its buyers. Creators, and targets
        for creators, are ranked by followers and by the products that the creator carries. All
        other targets are ranked by the dot product of vectors.

        Args:
            options: See `Options`.

        Raises:
            UnknownIdError: No node of that type has that id.
            InvalidFilterError: A filter names something that does not exist.
            QueryError: The bundle has no vectors for a type, or knows nothing about the query node,
                or an option does not exist.
        """
        engine = self._engine.check_types(query_type, target_type)
        return answers(engine, query_type, [query_id], target_type, RankOptions.of(options))[0]

    def recommend_many(
        self,
        query_type: str,
        query_ids: Sequence[str],
        target_type: str,
        **options: Unpack[Options],
    ) -> list[Recommendations]:
        """Returns for every query node the same as `recommend`, to the last bit, but faster.

        A query node that the bundle does not hold, or knows nothing about, gets an empty answer
        whose `outcome` says so. With `on_unknown="error"`, it raises an error, as in `recommend`.
        """
        question = RankOptions.of({"on_unknown": "skip", **options})
        ids = as_ids(query_ids, "query_ids")
        engine = self._engine.check_types(query_type, target_type)
        return answers(engine, query_type, ids, target_type, question)

    def knows(self, query_type: str, query_id: str, target_type: str) -> bool:
        """Whether `recommend` can answer for this query node, with the given target type."""
        engine = self._engine.check_types(query_type, target_type)
        return is_known(engine, query_type, query_id, target_type)

    def recommend_for_events(
        self,
        events: Sequence[Event],
        target_type: str,
        *,
        half_life_days: float | None = 30.0,
        **options: Unpack[Options],
    ) -> Recommendations:
        """Returns the best targets for a user whom the bundle does not hold, from recent events.

        Args:
            events: A list such as [("PURCHASED", "p1"), ("VIEWED", "p2", moment)]. Their targets
                count as seen. Events about nodes that the bundle does not hold are skipped and
                listed in the trace.
            half_life_days: The age at which an event counts half, back from the newest one; None
                for never. Events without a time count as the newest.

        Returns:
            The same as `recommend`, with an empty query type and id, and without reasons. All rules
            of the policy apply, whatever their scope.

        Raises:
            InvalidFilterError: A filter names something that does not exist.
            QueryError: A relation is none of a user, or the events say nothing about taste, and
                `on_unknown` is "error".
        """
        question = RankOptions.of(options)
        engine = self._engine.check_types(target_type)
        return answer_for_events(engine, events, target_type, half_life_days, question)

    def similar(
        self, node_type: str, node_id: str, **options: Unpack[SimilarOptions]
    ) -> Recommendations:
        """Returns the nodes of the same type that are most similar, by shrunk cosine.

        Lengths of vectors carry popularity, so they do not count, except that very short vectors
        have little evidence and count less. Users are compared by how their scores for products
        differ from the average user. Brands, categories and other groups of products are compared
        by how they differ from the average group. The node itself and unknown nodes are never
        returned.

        Raises:
            UnknownIdError: No node of that type has that id.
            QueryError: The vector of the node is zero.
        """
        question = RankOptions.of({**options, "exclude_seen": False})
        engine = self._engine.check_types(node_type)
        queries = queries_by_id(engine.release, node_type, [node_id])
        space = engine.release.similarity_space(node_type)
        if space is not queries.space:
            queries = replace(queries, space=space, targets=space)
        return engine.answer(queries, [node_id], node_type, question, Similarity.COSINE)[0]

    def embed_new(self, node_type: str, neighbors: Neighbors) -> npt.NDArray[np.float32]:
        """Computes a vector for a node that the bundle does not hold, from its neighbors.

        It aggregates the vectors of its neighbors and siblings by the rules of the bundle, and
        changes nothing in the bundle. The dot product with the vector of another node is the score,
        as for all nodes.

        Args:
            neighbors: Per edge type, such as 'Product-MADE_BY-Brand', the ids of the nodes at the
                other end, in any order; duplicates count once. An edge type with this type at both
                ends counts in either direction.

        Returns:
            float32 [dim].

        Raises:
            UnknownIdError: A neighbor is not in the bundle.
            QueryError: No neighbor has a vector, or an edge type has no rule for this type, or the
                bundle was trained without rules for new items.
        """
        engine = self._engine.check_types(node_type)
        return engine.release.cold_start.embed(node_type, neighbors)

    def recommend_vector(
        self,
        vector: npt.NDArray[np.float32],
        target_type: str,
        *,
        exclude_ids: Sequence[str] = (),
        **options: Unpack[SimilarOptions],
    ) -> Recommendations:
        """Returns the best targets for a vector, such as one of `embed_new`.

        Args:
            vector: float32 [dim].
            exclude_ids: Targets to exclude, such as what a new user already bought. Ids that the
                bundle does not hold are skipped and listed in the trace.

        Returns:
            The same as `recommend`, with an empty query type and id, and without reasons.

        Raises:
            UnknownIdError: One of `exclude_ids` is known, but in another spelling.
            InvalidFilterError: A filter names something that does not exist.
            QueryError: The vector has another length, is zero or not finite, or the target type has
                no vectors.
        """
        engine, question = self._engine.check_types(target_type), RankOptions.of(options)
        columns, dim = engine.release.columns, engine.release.space(target_type).dim
        excluded, skipped = excluded_rows(columns, target_type, "exclude_ids", exclude_ids)
        query = vector_query(vector, dim, excluded, skipped)
        return engine.answer(query, [""], target_type, question)[0]

    def seen(
        self, query_type: str, query_id: str, target_type: str, rule: Seen = USUAL_RULE
    ) -> tuple[str, ...]:
        """Returns the ids that a query node has seen, such as products a user bought, in order.

        Raises:
            UnknownIdError: No node of that type has that id.
            QueryError: The bundle lacks the edges that would say so.
        """
        release = self._engine.check_types(query_type, target_type).release
        if not isinstance(rule, Seen):
            raise QueryError(f"rule is {shown(rule)}", expected="Seen(...)", value=rule)
        seen_by = SeenRows(release.paths, query_type, target_type, rule)
        rows = seen_by.of(release.bundle.row_of(query_type, query_id))
        return tuple(release.bundle.id_of(target_type, seen) for seen in rows)

    def fields(self, node_type: str, node_id: str) -> Fields:
        """Returns the display fields of a node, the same that a recommendation of it has."""
        release = self._engine.check_types(node_type).release
        return release.display.fields(node_type, release.bundle.row_of(node_type, node_id))

    def explain(
        self,
        query_type: str,
        query_id: str,
        target_type: str,
        target_id: str,
        *,
        k: int = 3,
        max_hops: int = 4,
        evidence: "EdgeSource | None" = None,
    ) -> "Explanation":
        """Returns the strongest paths between a query node and a target.

        Nodes that the policy excludes for this query node are on none of them. The arguments are
        those of `graphrec.explain.explain`.
        """
        engine = self._engine.check_types(query_type, target_type)
        return engine.release.explainer().explain(
            (query_type, query_id),
            (target_type, target_id),
            k=k,
            max_hops=max_hops,
            evidence=evidence,
            allowed=engine.allowed_for(query_type, query_id),
        )

    def top_rows(
        self,
        query_type: str,
        query_rows: npt.NDArray[np.int64],
        target_type: str,
        **options: Unpack[Options],
    ) -> tuple[Rows, Scores]:
        """Returns the best targets by dot product as rows and scores, for evaluation and bulk work.

        This is what `recommend_many` ranks for most target types. Exceptions are audiences of
        brands and products (`lookalike_rows`) and their creators (`creator_rows`).

        Returns:
            Rows int64 [num_queries, k], padded with -1, and scores float64 [num_queries, k], padded
            with -inf. A query node with a zero vector gets no targets, because nothing is known
            about it.
        """
        engine = self._engine.check_types(query_type, target_type)
        question = RankOptions.of(options)
        queries = queries_by_row(engine.release, query_type, query_rows)
        rows, scores, _ = engine.rank(queries, target_type, question, Similarity.DOT)
        return rows, scores


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
