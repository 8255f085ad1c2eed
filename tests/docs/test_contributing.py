"""docs/contributing.md: its encoder is one."""

import torch
from pages.markdown import texts

from graphdb import SCHEMA
from training.data import HeteroData

BOUGHT = SCHEMA.edge_type("PURCHASED")


def test_the_encoder_of_the_page_counts():
    (code,) = texts("docs/contributing.md", "python")
    names = {"__name__": "page"}
    exec(compile(code, "contributing.md", "exec"), names)
    graph = HeteroData()
    graph["User"].num_nodes, graph["Product"].num_nodes = 2, 3
    graph[BOUGHT].edge_index = torch.tensor([[0, 1, 1], [2, 2, 0]])
    vectors = names["CountingEncoder"](BOUGHT).fit(graph)
    assert (vectors["User"] @ vectors["Product"].T).tolist() == [[1, 0, 2], [1, 0, 2]]
