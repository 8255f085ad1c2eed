"""What a policy bars is on no path of an explanation."""

from graphrec import Block, OwnBlock, Policy, Recommender


def nodes_on_paths(recommender, seed, target):
    found = recommender.explain(*seed, *target, k=50)
    return {
        (node.type, node.id)
        for group in found.groups
        for path in group.paths
        for node in path.nodes
    }


def under(market, **rules):
    return Recommender(market, policy=Policy(version="1", **rules))


def test_blocked_nodes_are_on_no_path(market):
    # u0 bought p0, which b0 makes as it makes p2; both stand among drinks, and s0 sells both.
    seed, target = ("User", "u0"), ("Product", "p2")
    assert ("Shop", "s0") in nodes_on_paths(Recommender(market), seed, target)
    recommender = under(market, blocks=[Block(type="Category", ids="toys", reason="X")])
    assert ("Shop", "s0") in nodes_on_paths(recommender, seed, target)
    own = under(market, own_blocks=[OwnBlock(user="u0", type="Tag", ids="t0")])
    assert ("Shop", "s0") in nodes_on_paths(own, seed, target)
    recommender = under(market, blocks=[Block(type="Creator", ids="c1", reason="SUSPENDED")])
    on_paths = nodes_on_paths(recommender, seed, target)
    assert not {("Creator", "c1"), ("Content", "v2")} & on_paths
    assert ("Content", "v2") in nodes_on_paths(Recommender(market), seed, target)


def test_a_excluded_target_has_no_path_but_a_blocked_query_node_may_ask(market):
    seed, target = ("User", "u0"), ("Product", "p2")
    shop = under(market, blocks=[Block(type="Shop", ids="s0", reason="FAKES")])
    assert nodes_on_paths(shop, seed, target) == set()
    own = under(market, own_blocks=[OwnBlock(user="u0", type="Brand", ids="b0")])
    assert nodes_on_paths(own, seed, target) == set()
    closed = under(market, blocks=[Block(type="User", ids="u0", reason="CLOSED")])
    assert ("Shop", "s0") in nodes_on_paths(closed, seed, target)
