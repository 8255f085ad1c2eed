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
    """Recommends from one bundle under one policy. Safe to use from several threads.

    A process that is forked while threads answer can go on asking.

    A query node is the node one asks for, a target a node that may come out; both are named by type
    and id. Equal scores come out in the order of their ids, every time.

    Args:
        policy: What must not come out; nothing is excluded without one.
        clock: Tells the time, with its timezone, by which rules of the policy begin and end.

    Raises:
        PolicyError: The policy does not fit the bundle: see `Enforcement`.
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
        """Opens the bundle at `path`, with the policy (or the policy file) given.

        Args:
            path: A bundle's folder; or REGISTRY@current or REGISTRY@NAME, a release of a registry.
            verify: Compare every file with its hash.

        Raises:
            BundleError: See `open_bundle` for what can go wrong.
            PolicyError: See `read_policy`.
        """
        return cls(open_bundle(path, verify=verify), policy=_as_policy(policy), clock=clock)

    @property
    def bundle(self) -> Bundle:
        """The release being served."""
        return self._engine.release.bundle

    @property
    def policy(self) -> Policy | None:
        """The policy being enforced."""
        return self._engine.policy

    @property
    def unknown_policy_ids(self) -> Mapping[str, int]:
        """Per node type how many ids of the policy the bundle does not hold; they do no harm."""
        return self._engine.unknown_policy_ids

    @property
    def policy_warnings(self) -> tuple[str, ...]:
        """What of the policy does no harm but may be a mistake: unknown ids, empty lists."""
        return self._engine.policy_warnings

    def reload(self, path: str | Path, *, verify: bool = True) -> bool:
        """Serves another release from now on; the policy stays.

        Questions that are being answered end on the old one, and none waits or fails. When
        anything is wrong with the new release, the old one goes on being served.

        Args:
            path: As for `open`. To ask for REGISTRY@current again and again is cheap: as long as
                that is what is served already, only its manifest is read.

        Returns:
            Whether anything was opened.

        Raises:
            BundleError: See `open_bundle` for what can go wrong.
            PolicyError: The policy does not fit the new release's schema.
        """
        if _is_release(path, self.bundle):
            return False
        release = ServedBundle(open_bundle(path, verify=verify))
        with self._swapping:
            release.warm_as(self._engine.release)
            self._engine = Engine(release, self._engine.policy, self._clock)
        return True

    def set_policy(self, policy: Policy | str | Path | None) -> None:
        """Enforces another policy, or policy file, from now on; None for none.

        Raises:
            PolicyError: It cannot be read or does not fit the bundle's schema; the old one stays.
        """
        new = _as_policy(policy)
        with self._swapping:
            self._engine = Engine(self._engine.release, new, self._clock)

    def explain_exclusion(
        self, node_type: str, node_id: str, *, query: tuple[str, str] | None = None
    ) -> tuple[Exclusion, ...]:
        """Why the policy keeps a node from coming out; empty when it does not.

        Args:
            query: Type and id of whom one would recommend it to: then only the rules in whose
                scope that is, with a user's own blocks and a creator's missing licences.

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
        """The best targets for one query node.

        Users for a brand or product are ranked by similarity to its buyers; creators, and what fits
        them, by who follows them and what they carry; all else by the dot product of vectors.

        Args:
            options: See `Options`.

        Raises:
            UnknownIdError: No node of the query node's type has that id.
            InvalidFilterError: A filter names what does not exist.
            QueryError: The bundle has no vectors for a type, or knows nothing about the query node,
                or there is no such option.
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
        """For every query node what `recommend` gives, to the last bit, but faster.

        A query node that the bundle does not hold, or knows nothing about, gets an empty answer
        whose `outcome` says so; with `on_unknown="error"` it is an error, as in `recommend`.
        """
        question = RankOptions.of({"on_unknown": "skip", **options})
        ids = as_ids(query_ids, "query_ids")
        engine = self._engine.check_types(query_type, target_type)
        return answers(engine, query_type, ids, target_type, question)

    def knows(self, query_type: str, query_id: str, target_type: str) -> bool:
        """Whether the bundle holds a query, and `recommend` knows enough about it to answer."""
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
        """The best targets for someone whom the bundle does not hold, by recent events.

        Args:
            events: Such as [("PURCHASED", "p1"), ("VIEWED", "p2", moment)]; see `FoldIn`. What
                they are about counts as seen. Those about nodes that the bundle does not hold are
                skipped, and told in the trace.
            half_life_days: After how long an event counts half, from the newest one back; None
                for never. Events without a time count as the newest.

        Returns:
            As from `recommend`, with an empty query node type and id, and without reasons. Policies
            hold in every scope.

        Raises:
            InvalidFilterError: A filter names what does not exist.
            QueryError: A relation is none that a user has; or the events tell of no taste, or are
                about nothing that the bundle holds, and `on_unknown` does not say what then.
        """
        question = RankOptions.of(options)
        engine = self._engine.check_types(target_type)
        return answer_for_events(engine, events, target_type, half_life_days, question)

    def similar(
        self, node_type: str, node_id: str, **options: Unpack[SimilarOptions]
    ) -> Recommendations:
        """Nodes of the same type that point the same way, by shrunk cosine.

        Lengths of vectors carry popularity, so they do not count here, but that very short ones
        rest on little evidence and count less; see `EmbeddingMatrix.damped`. Users are compared by
        how their scores for products differ from everyone's, see `Directions`; brands, categories
        and what else products belong to by how they differ from the average one, see
        `EmbeddingMatrix.apart`. The node itself and unknown nodes are never returned.

        Raises:
            UnknownIdError: No node of that type has that id.
            QueryError: The node's own vector is zero.
        """
        question = RankOptions.of({**options, "exclude_seen": False})
        engine = self._engine.check_types(node_type)
        queries = queries_by_id(engine.release, node_type, [node_id])
        space = engine.release.similarity_space(node_type)
        if space is not queries.space:
            queries = replace(queries, space=space, targets=space)
        return engine.answer(queries, [node_id], node_type, question, Similarity.COSINE)[0]

    def embed_new(self, node_type: str, neighbors: Neighbors) -> npt.NDArray[np.float32]:
        """A vector for a node that the bundle does not hold, from the nodes it is connected to.

        What its neighbors and peers tell by the served vectors, see `graphrec.cold_start`; nothing
        of the bundle changes. The dot product with another node's vector is the score, as for all
        nodes.

        Args:
            neighbors: Per edge type, such as 'Product-MADE_BY-Brand', the ids of the nodes at
                the other end; their order does not matter, and an id named twice counts once.
                Where an edge has both ends in this type, it goes either way.

        Returns:
            float32 [dim].

        Raises:
            UnknownIdError: A neighbor is not in the bundle.
            QueryError: No neighbor has a vector, or an edge type tells nothing about this type,
                or the bundle was trained without rules for new items.
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
        """The best targets for a vector, such as one that `embed_new` gave.

        Args:
            vector: float32 [dim].
            exclude_ids: Targets that must not come out, such as what a new user bought already.
                Those that the bundle does not hold are skipped, and told in the trace.

        Returns:
            As from `recommend`, with an empty query node type and id, and without reasons.

        Raises:
            UnknownIdError: One of `exclude_ids` is known, but in another spelling.
            InvalidFilterError: A filter names what does not exist.
            QueryError: The vector is of another length, zero or not finite, or there are no
                vectors of the target type.
        """
        engine, question = self._engine.check_types(target_type), RankOptions.of(options)
        columns, dim = engine.release.columns, engine.release.space(target_type).dim
        excluded, skipped = excluded_rows(columns, target_type, "exclude_ids", exclude_ids)
        query = vector_query(vector, dim, excluded, skipped)
        return engine.answer(query, [""], target_type, question)[0]

    def seen(
        self, query_type: str, query_id: str, target_type: str, rule: Seen = USUAL_RULE
    ) -> tuple[str, ...]:
        """The ids of what a query has seen, such as the products a user bought, in order of id.

        Raises:
            UnknownIdError: No node of the query node's type has that id.
            QueryError: The bundle lacks the edges that would tell.
        """
        release = self._engine.check_types(query_type, target_type).release
        if not isinstance(rule, Seen):
            raise QueryError(f"rule is {shown(rule)}", expected="Seen(...)", value=rule)
        seen_by = SeenRows(release.paths, query_type, target_type, rule)
        rows = seen_by.of(release.bundle.row_of(query_type, query_id))
        return tuple(release.bundle.id_of(target_type, seen) for seen in rows)

    def fields(self, node_type: str, node_id: str) -> Fields:
        """What to show of a node: the same fields that a recommendation of it carries."""
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
        """The strongest ways in which a target is connected to a query; see `Explainer.explain`.

        What the policy bars for this query node is on none of them.
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
        """The best targets by dot product, as rows and scores: for evaluation and bulk work.

        For most directions that is what `recommend_many` ranks; for audiences of brands and
        products see `lookalike_rows`, for their creators `creator_rows`.

        Returns:
            Rows int64 [num_queries, k], padded with -1, and scores float64 [num_queries, k], padded
            with -inf. A query node with a zero vector gets no targets: nothing is known about it.
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
