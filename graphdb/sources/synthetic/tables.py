"""Turns the arrays of a synthetic world into Arrow tables with ids, names, titles and times."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.schema import SCHEMA
from graphdb.schema_types import SOURCE_ID, TARGET_ID, EdgeType, Kind
from graphdb.sources.synthetic import config as w
from graphdb.sources.synthetic.catalogue import Brands, Products, Shops
from graphdb.sources.synthetic.config import Categories, Positions, Sizes, WorldConfig
from graphdb.sources.synthetic.draws import Edges, generator, pick
from graphdb.sources.synthetic.people import Contents, Creators, Users

_FEWEST_DIGITS = 4


def ids(prefix: str, num: int) -> pa.Array:
    """Ids of one width, so that their order as text is the order of rows.

    >>> ids("u", 2).to_pylist()
    ['u0000', 'u0001']
    """
    digits = max(_FEWEST_DIGITS, len(str(num - 1)))
    numbers = pc.utf8_lpad(pa.array(np.arange(num)).cast(pa.string()), digits, "0")
    return phrase(prefix, numbers)


def words(of: Sequence[str] | pa.Array, numbers: npt.NDArray[np.integer[Any]]) -> pa.Array:
    """Returns the word of each number."""
    return pa.array(of, type=pa.string()).take(pa.array(numbers))


def phrase(*parts: str | pa.Array) -> pa.Array:
    """Concatenates parts row by row; a plain string repeats in every row.

    >>> phrase(pa.array(["Lumeco", "Solria"]), " flagship shop").to_pylist()
    ['Lumeco flagship shop', 'Solria flagship shop']
    """
    scalars = [pa.scalar(part) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, "")


def capitalised(text: pa.Array) -> pa.Array:
    """Capitalises the first letter and keeps the others.

    >>> capitalised(pa.array(["cute T-shirt"])).to_pylist()
    ['Cute T-shirt']
    """
    first, rest = pc.utf8_slice_codeunits(text, 0, 1), pc.utf8_slice_codeunits(text, 1)
    return phrase(pc.utf8_upper(first), rest)


def typed_table(of: str | EdgeType, columns: Mapping[str, Any]) -> pa.Table:
    """A table with the schema's types, and its order of columns; times are microseconds."""
    arrays = {}
    for column in SCHEMA.columns(of):
        if column.name in columns:
            values = pa.array(columns[column.name])
            arrays[column.name] = values.cast(column.kind.arrow)
    return pa.table(arrays)


def edge_table(
    edge_type: EdgeType,
    edges: Edges,
    node_ids: Mapping[str, pa.Array],
    vocabulary: Mapping[str, Sequence[str] | pa.Array],
) -> pa.Table:
    """A table of edges.

    Args:
        node_ids: Ids per node type, by row.
        vocabulary: Words of the string properties, by number.
    """
    columns: dict[str, Any] = {
        SOURCE_ID: words(node_ids[edge_type.source], edges.source),
        TARGET_ID: words(node_ids[edge_type.target], edges.target),
    }
    for column in SCHEMA.columns(edge_type):
        if column.name in edges.columns:
            values = edges.columns[column.name]
            is_word = column.kind is Kind.STRING
            columns[column.name] = words(vocabulary[column.name], values) if is_word else values
    return typed_table(edge_type, columns)


_OUT_OF_STOCK_SHARE = 0.03
_WITHDRAWN_SHARE = 0.01


def user_table(config: WorldConfig, users: Users) -> pa.Table:
    """Makes the user table; only the income band reveals a part of the taste, the price level."""
    rng = generator(config.seed, "user table")
    num = len(users.created)
    off_by = rng.integers(-1, 2, num) * (rng.random(num) < 0.4)
    income = np.clip(users.tastes.level + off_by, 0, len(w.INCOME_BANDS) - 1)
    return typed_table(
        "User",
        {
            "user_id": ids("u", num),
            "age_band": words(w.AGE_BANDS, pick(rng, num, [3, 4, 4, 3, 3, 2])),
            "gender": words(w.GENDERS, pick(rng, num, [50, 45, 5])),
            "city": words(w.CITIES, rng.integers(0, len(w.CITIES), num)),
            "income_band": words(w.INCOME_BANDS, income),
            "household": words(w.HOUSEHOLDS, pick(rng, num, [3, 3, 1, 3, 1])),
            "created_at": users.created,
        },
    )


def product_table(config: WorldConfig, categories: Categories, products: Products) -> pa.Table:
    rng = generator(config.seed, "product table")
    num = len(products.created)
    leaves = categories.leaves
    makes = [make for leaf in leaves for make in leaf.makes]
    sizes = [size for leaf in leaves for size in leaf.sizes]
    num_sizes = np.array([len(leaf.sizes) for leaf in leaves])
    first_size = np.cumsum(num_sizes) - num_sizes
    size = first_size[products.category] + rng.integers(0, num_sizes[products.category])
    title = phrase(
        words(w.STYLES, products.style),
        " ",
        words(makes, products.category * len(leaves[0].makes) + products.level),
        " ",
        words([leaf.noun for leaf in leaves], products.category),
        " ",
        words(w.FUNCTIONS, products.function),
        ", ",
        words(w.TRENDS, products.trend),
        " edition",
    )
    shares = [1 - _OUT_OF_STOCK_SHARE - _WITHDRAWN_SHARE, _OUT_OF_STOCK_SHARE, _WITHDRAWN_SHARE]
    status = np.where(products.is_new, 0, pick(rng, num, shares))
    return typed_table(
        "Product",
        {
            "product_id": ids("p", num),
            "title": capitalised(title),
            "price": products.price,
            "size": words(sizes, size),
            "status": words(("active", "out_of_stock", "withdrawn"), status),
            "stock": np.where(status == 0, rng.integers(1, 2000, num), 0),
            "created_at": products.created,
        },
    )


def brand_table(config: WorldConfig, brands: Brands) -> pa.Table:
    rng = generator(config.seed, "brand table")
    num = len(brands.created)
    parts = (w.BRAND_STARTS, w.BRAND_MIDDLES, w.BRAND_ENDS)
    num_names = int(np.prod([len(part) for part in parts]))
    name = rng.permutation(num_names)[np.arange(num) % num_names]
    picked = np.unravel_index(name, [len(part) for part in parts])
    repeats = ["", *(f" {number}" for number in range(2, num // num_names + 2))]
    return typed_table(
        "Brand",
        {
            "brand_id": ids("b", num),
            "name": phrase(
                *(words(part, number) for part, number in zip(parts, picked, strict=True)),
                words(repeats, np.arange(num) // num_names),
            ),
            "created_at": brands.created,
        },
    )


def shop_table(brands: Brands, brand_names: pa.Array, shops: Shops) -> pa.Table:
    kinds = words((" outlet", " flagship shop"), shops.flagship.astype(np.int8))
    return typed_table(
        "Shop",
        {
            "shop_id": ids("s", len(shops.brand)),
            "name": phrase(words(brand_names, shops.brand), kinds),
            "created_at": brands.created[shops.brand],
        },
    )


def category_table(categories: Categories, founded: int) -> pa.Table:
    return _named("Category", "category_id", "c", categories.names, founded)


def tag_table(sizes: Sizes, founded: int) -> pa.Table:
    of_kinds = {
        "style": w.STYLES[: sizes.styles],
        "function": w.FUNCTIONS[: sizes.functions],
        "trend": w.TRENDS[: sizes.trends],
    }
    names = [name for of_kind in of_kinds.values() for name in of_kind]
    kinds = [kind for kind, of_kind in of_kinds.items() for _ in of_kind]
    table = _named("Tag", "tag_id", "t", names, founded)
    return table.add_column(2, "kind", pa.array(kinds))


def creator_table(
    config: WorldConfig, categories: Categories, creators: Creators, followers: Positions
) -> pa.Table:
    rng = generator(config.seed, "creator table")
    num = len(creators.created)
    groups = [leaf.path[1] for leaf in categories.leaves]
    return typed_table(
        "Creator",
        {
            "creator_id": ids("k", num),
            "name": phrase(
                words(w.FIRST_NAMES, rng.integers(0, len(w.FIRST_NAMES), num)),
                " ",
                words(w.LAST_NAMES, rng.integers(0, len(w.LAST_NAMES), num)),
                " · ",
                words(groups, creators.niche),
            ),
            "followers": followers,
            "created_at": creators.created,
        },
    )


def content_table(categories: Categories, creators: Creators, contents: Contents) -> pa.Table:
    """Titles such as 'Unboxing minimalist water cups for travel'."""
    openings = [opening for kind in ("short_video", "live") for opening in w.CONTENT_OPENINGS[kind]]
    num_short, num_live = (len(w.CONTENT_OPENINGS[kind]) for kind in ("short_video", "live"))
    num = len(contents.created)
    number = np.arange(num)
    opening = np.where(contents.live, num_short + number % num_live, number % num_short)
    tastes = creators.tastes
    title = phrase(
        words(openings, opening),
        " ",
        words(w.STYLES, tastes.style[contents.creator]),
        " ",
        words([leaf.goods for leaf in categories.leaves], creators.niche[contents.creator]),
        " ",
        words(w.FUNCTIONS, tastes.function[contents.creator]),
    )
    return typed_table(
        "Content",
        {
            "content_id": ids("v", num),
            "title": title,
            "kind": words(("short_video", "live"), contents.live.astype(np.int8)),
            "duration_s": contents.duration_s,
            "created_at": contents.created,
        },
    )


def agency_table(sizes: Sizes, founded: int) -> pa.Table:
    number = np.arange(sizes.agencies)
    starts = words(w.AGENCY_STARTS, number % len(w.AGENCY_STARTS))
    ends = words(w.AGENCY_ENDS, number // len(w.AGENCY_STARTS) % len(w.AGENCY_ENDS))
    return _named("Agency", "agency_id", "a", phrase(starts, " ", ends), founded)


def _named(
    node_type: str, key: str, prefix: str, names: Sequence[str] | pa.Array, founded: int
) -> pa.Table:
    """Makes a type with only a name, as old as the platform."""
    num = len(names)
    created = np.full(num, founded, dtype=np.int64)
    columns = {key: ids(prefix, num), "name": pa.array(names), "created_at": created}
    return typed_table(node_type, columns)
