"""Builds the report sections with maps of nodes and nearest neighbors of well-known products."""

from collections import Counter

import numpy as np

from graphrec import Recommender
from training.report.maps import NONE, Categories, Rows, brand_map, product_map, product_sales
from training.report.page import Block, Cell, MapFigure, Omitted, Row, Section, Table, Text
from training.report.sources import Sources
from training.report.words import money

NO_BUNDLE = "no bundle was given (`--bundle`), and none is beside the results."


def maps(sources: Sources) -> Section | Omitted:
    """Products and brands in the plane."""
    title = "Maps"
    if sources.recommender is None:
        return Omitted(title, NO_BUNDLE)
    drawn = [
        draw(sources.recommender, sources.target_edge_type) for draw in (product_map, brand_map)
    ]
    figures = tuple(MapFigure(one) for one in drawn if one is not None)
    if not figures:
        return Omitted(title, "the bundle has too few products and brands with vectors.")
    return Section("maps", title, (Row(figures),))


_EXAMPLES, _OPEN = 6, 3
_NEIGHBORS = 5
_POOL = 400
_PRODUCT, _BRAND = "Product", "Brand"


def neighbors(sources: Sources) -> Section | Omitted:
    """Nearest neighbors of best-sellers, one of each of the largest categories."""
    title = "Nearest neighbors"
    recommender = sources.recommender
    if recommender is None:
        return Omitted(title, NO_BUNDLE)
    bundle = recommender.bundle
    if _PRODUCT not in bundle.node_types or not bundle.has_vectors(_PRODUCT):
        return Omitted(title, "the bundle has no vectors of products.")
    sales = product_sales(recommender, sources.target_edge_type)
    tables = tuple(
        _table(recommender, row, folded=place >= _OPEN)
        for place, row in enumerate(_examples(recommender, sales))
    )
    if not tables:
        return Omitted(title, "no product has a vector.")
    about = Text(
        "The best-selling product of each of the largest categories, and the most similar products "
        "by their vectors. No rule keeps them within a category or brand.",
        "muted",
    )
    blocks: tuple[Block, ...] = (about, Row(tables[:_OPEN], narrow=True), *tables[_OPEN:])
    return Section("neighbors", title, blocks)


def _examples(recommender: Recommender, sales: Rows) -> list[int]:
    """The best-seller of each of the categories of which many stand among the best-sellers."""
    lengths = np.linalg.norm(recommender.bundle.vectors(_PRODUCT), axis=1)
    best = [int(row) for row in np.argsort(-sales, kind="stable")[:_POOL] if lengths[row] > 0]
    categories = Categories.of(recommender.bundle, np.array(best, dtype=np.int64))
    if categories is None:
        return best[:_EXAMPLES]
    known = [row for row in best if categories.of_product[row] != NONE]
    sizes = Counter(int(categories.of_product[row]) for row in known)
    first: dict[int, int] = {}
    for row in known:
        first.setdefault(int(categories.of_product[row]), row)
    chosen = [first[category] for category, _ in sizes.most_common(_EXAMPLES)]
    return chosen + [row for row in best if row not in chosen][: _EXAMPLES - len(chosen)]


def _table(recommender: Recommender, row: int, *, folded: bool) -> Table:
    product_id = recommender.bundle.id_of(_PRODUCT, row)
    near = recommender.similar_products(product_id, k=_NEIGHBORS)
    product, price = _row(recommender, product_id)
    about = ", ".join(part for part in (product.note, price.words) if part)
    caption = f"Like {product.words} ({about})" if about else f"Like {product.words}"
    rows = tuple(_row(recommender, item.id) for item in near)
    return Table(caption, ("product", "price"), rows, frozenset({"price"}), folded=folded)


def _row(recommender: Recommender, product_id: str) -> tuple[Cell, Cell]:
    fields = recommender.fields(_PRODUCT, product_id)
    price = fields.get("price")
    title = str(fields.get("title") or product_id)
    about = [str(fields.get(name) or "") for name in ("brand", "category")]
    return (
        Cell(title, " · ".join(one for one in about if one and one not in title)),
        Cell("" if price is None else money(price)),
    )
