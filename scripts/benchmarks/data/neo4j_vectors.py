"""Neo4j's vector index as one more way of the query benchmark.

Neo4j 5 finds some neighbors, which are then filtered; Neo4j 2026 filters inside its index.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import neo4j
import numpy as np
import numpy.typing as npt
from neo4j_local.own_server import own_server

from benchmarks.harness import Timer
from graphdb.printable import quoted
from graphdb.stores.neo4j.publishing import statements
from graphdb.stores.neo4j.publishing.statements import MipsVectors, num_dimensions, num_extra
from graphrec.query.embeddings import EmbeddingMatrix

MOST_PRODUCTS = 100_000
_RELEASE = "bench"
_EMBEDDING = statements.embedding_name(_RELEASE)
_BATCH = 2_000

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


class Served:
    """Products in a server, with what lets each pass as properties."""

    def __init__(self, driver: neo4j.Driver, users: npt.NDArray[np.float32]) -> None:
        self._driver = driver
        self._users = users
        self._padding = [0.0] * num_extra(users.shape[1])

    def best(self, user: int, passes: str, seen: Rows, fetch: int, k: int) -> Rows:
        """The k best of the `fetch` nearest that pass; fewer where fewer of them do."""
        records, _, _ = self._driver.execute_query(
            "CALL db.index.vector.queryNodes($index, $fetch, $vector) YIELD node, score"
            f" WHERE node.allowed AND node.{passes} AND NOT node.row IN $seen"
            " RETURN node.row ORDER BY score DESC LIMIT $k",
            index=statements.index_name(_RELEASE, "Product"),
            fetch=fetch,
            vector=[*self._users[user].tolist(), *self._padding],
            seen=seen.tolist(),
            k=k,
        )
        return np.array([record[0] for record in records], dtype=np.int64)

    def search(self, user: int, passes: str, seen: Rows, k: int) -> Rows:
        """The k best that pass, found by an index that filters by itself."""
        index = quoted(statements.index_name(_RELEASE, "Product"))
        records, _, _ = self._driver.execute_query(
            "CYPHER 25 WITH $vector AS query MATCH (node:Product)"
            f" SEARCH node IN (VECTOR INDEX {index} FOR query"
            f" WHERE node.allowed = true AND node.{passes} = true LIMIT $fetch) SCORE AS score"
            " WITH node, score WHERE NOT node.row IN $seen"
            " RETURN node.row ORDER BY score DESC LIMIT $k",
            fetch=k + len(seen),
            vector=[*self._users[user].tolist(), *self._padding],
            seen=seen.tolist(),
            k=k,
        )
        return np.array([record[0] for record in records], dtype=np.int64)


@contextmanager
def served(
    users: EmbeddingMatrix,
    products: EmbeddingMatrix,
    policy: Mask,
    filters: Mapping[str, Mask],
    release: str,
) -> Iterator[tuple[Served, float]]:
    """Fills a server of its own, and gives it with the seconds that its index took to build.

    Args:
        release: Of the server, '5' or '2026'.
    """
    with own_server("2g", release) as settings:
        auth = (settings.user, settings.password)
        with neo4j.GraphDatabase.driver(settings.uri, auth=auth) as driver:
            _fill(driver, MipsVectors(products.vectors, products.norms), policy, filters)
            timer = Timer()
            dimensions = num_dimensions(users.vectors.shape[1])
            inside = ["allowed", *filters] if release == "2026" else []
            driver.execute_query(statements.create_index("Product", _RELEASE, dimensions, inside))
            driver.execute_query("CALL db.awaitIndexes(3600)")
            timer.split()
            yield Served(driver, users.vectors), timer.clock.last


def _fill(
    driver: neo4j.Driver, products: MipsVectors, policy: Mask, filters: Mapping[str, Mask]
) -> None:
    for start in range(0, len(products.vectors), _BATCH):
        rows = np.arange(start, min(start + _BATCH, len(products.vectors)))
        properties = [
            {
                "row": int(row),
                "allowed": bool(policy[row]),
                **{name: bool(mask[row]) for name, mask in filters.items()},
            }
            for row in rows
        ]
        driver.execute_query(
            "UNWIND range(0, size($properties) - 1) AS i CREATE (n:Product)"
            " SET n = $properties[i] WITH n, i"
            " CALL db.create.setNodeVectorProperty(n, $embedding, $vectors[i])",
            properties=properties,
            embedding=_EMBEDDING,
            vectors=products.targets(rows).tolist(),
        )
