"""Amazon Beauty, the split of PGPR and CAFE: purchases, brands, categories, related products."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from benchmarks.data.base import DataSet, Published, Rows, Split, graph_of, rows_of, static_split
from graphdb import SCHEMA
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency

PURCHASED = SCHEMA.edge_type("PURCHASED")
RELATED = {
    SCHEMA.edge_type(relation, "Product", "Product"): relation.lower()
    for relation in ("ALSO_BOUGHT", "ALSO_VIEWED", "BOUGHT_TOGETHER")
}


def read(folder: Path, validate: bool) -> Split:
    """Products outside of the catalogue stay where they connect at least two others."""
    users, catalogue, brands, categories, related = (
        _ids(folder, name)
        for name in ("users", "products", "brands", "categories", "related_products")
    )
    outside = related.filter(pc.invert(pc.is_in(related, value_set=catalogue)))
    products = pa.concat_arrays([catalogue, outside])
    edges = {
        edge_type: _edges(folder / f"{name}.parquet", sources, targets)
        for edge_type, name, sources, targets in (
            (PURCHASED, "purchased_train", users, products),
            (SCHEMA.edge_type("MADE_BY"), "made_by", products, brands),
            (SCHEMA.edge_type("IN_CATEGORY"), "in_category", products, categories),
            *((edge_type, name, products, products) for edge_type, name in RELATED.items()),
        )
    }
    num_products = _drop_lone(edges, len(catalogue), len(products))
    graph = graph_of(
        {
            "User": len(users),
            "Product": num_products,
            "Brand": len(brands),
            "Category": len(categories),
        },
        edges,
    )
    test = _edges(folder / "purchased_test.parquet", users, catalogue)
    taken, truth = (
        Adjacency.from_edges(*part, len(users), num_products) for part in (edges[PURCHASED], test)
    )
    in_catalogue = torch.arange(num_products) < len(catalogue)
    return static_split(graph, PURCHASED, taken, truth, validate=validate, candidates=in_catalogue)


def _ids(folder: Path, name: str) -> pa.Array:
    return pq.read_table(folder / f"{name}.parquet")["id"].combine_chunks()


def _edges(path: Path, sources: pa.Array, targets: pa.Array) -> Rows:
    table = pq.read_table(path)
    return np.stack([rows_of(table["src"], sources), rows_of(table["dst"], targets)])


def _drop_lone(edges: dict[EdgeType, Rows], num_catalogue: int, num_products: int) -> int:
    """Leaves out products outside of the catalogue with fewer than two edges; how many remain."""
    ends = np.concatenate([edges[edge_type].ravel() for edge_type in RELATED])
    keep = np.bincount(ends, minlength=num_products) >= 2
    keep[:num_catalogue] = True
    new_rows = np.cumsum(keep) - 1
    for edge_type in RELATED:
        known = edges[edge_type][:, keep[edges[edge_type]].all(axis=0)]
        edges[edge_type] = new_rows[known]
    return int(keep.sum())


AMAZON_BEAUTY = DataSet(
    "amazon-beauty",
    PURCHASED,
    10,
    read,
    (
        Published("PGPR", 0.0832, 0.0545, 0.1440),
        Published("GF-CF, purchases alone", 0.0945, 0.0658, 0.1601),
    ),
)
