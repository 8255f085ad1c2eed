"""Draws maps of products and brands, in which nodes with similar vectors are close to each other.

t-SNE places the vectors in the plane. Colours show categories, at a level of the tree that
distinguishes nodes. On the page every node has its name; a map is also a picture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from itertools import groupby

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from graphdb.schema_types import EdgeType
from graphrec import Recommender
from graphrec.bundle import Bundle
from graphrec.explain.parts import short
from graphrec.query.metapaths import GROUPS, PARENT, Paths
from training.report.charts import Chart, legend_above
from training.report.palette import SERIES, Palette
from training.report.words import money, plural

FEWEST = 12
"""The minimum number of nodes of a map."""
_DIMENSIONS = 50  # as van der Maaten and Hinton (2008, section 4.2) shorten vectors before t-SNE
_PERPLEXITY = 30.0
_STEPS = 500  # twice as many change little, and take twice as long


def places(vectors: npt.NDArray[np.float32], seed: int = 0) -> npt.NDArray[np.float64]:
    """Returns the positions of nodes on a map, by t-SNE of their directions.

    Lengths of vectors are ignored: they carry popularity.

    Args:
        vectors: float32 [num_nodes, dim], none of them zero; at least `FEWEST`.
        seed: The same vectors and seed give the same map.

    Returns:
        float64 [num_nodes, 2], within 0 and 1.
    """
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    num_nodes = len(directions)
    short = PCA(min(_DIMENSIONS, *directions.shape), random_state=seed).fit_transform(directions)
    found = TSNE(
        perplexity=min(_PERPLEXITY, (num_nodes - 1) / 3),
        init="random" if short.shape[1] < 2 else "pca",
        random_state=seed,
        max_iter=_STEPS,
    ).fit_transform(short)
    lowest, highest = found.min(0), found.max(0)
    spread = np.maximum(highest - lowest, 1e-9)
    inside: npt.NDArray[np.float64] = ((found - lowest) / spread).astype(np.float64)
    return inside


Rows = npt.NDArray[np.int64]

NONE = -1
LARGEST_SHARE = 0.25
_DEEPEST = 12
_PRODUCT, _CATEGORY = "Product", "Category"


@dataclass(frozen=True, slots=True, eq=False)
class Categories:
    """One category per product, on a level of the tree that distinguishes products.

    Args:
        of_product: int64 [num_products], the category's row, or NONE.
    """

    of_product: Rows

    @classmethod
    def of(cls, bundle: Bundle, product_rows: Rows) -> "Categories | None":
        """Returns the roots of the tree, or their children where a root has too many products.

        None for a bundle without categories.
        """
        paths = Paths(bundle)
        if not paths.holds(GROUPS[_CATEGORY]) or not bundle.num_nodes(_CATEGORY):
            return None
        chains = _chains(paths)
        own = paths.adjacency(GROUPS[_CATEGORY].steps[0]).first_targets()
        depth = np.zeros(len(chains), dtype=np.int64)
        lines = np.arange(len(chains))
        while True:
            shown = chains[lines, depth]
            known = own[product_rows]
            counts = np.bincount(shown[known[known != NONE]], minlength=len(chains))
            deeper = np.minimum(depth + 1, chains.shape[1] - 1)
            too_large = counts[shown] > LARGEST_SHARE * len(product_rows)
            moved = too_large & (chains[lines, deeper] != shown)
            if not moved.any():
                return cls(np.where(own == NONE, NONE, shown[own]))
            depth[moved] = deeper[moved]

    def of_makers(self, made_by: Rows, num_makers: int) -> Rows:
        """Returns the most common category of each maker's products; NONE without products.

        Args:
            made_by: int64 [num_products], the maker's row, or NONE.
        """
        known = (made_by != NONE) & (self.of_product != NONE)
        pairs, counts = np.unique(
            np.column_stack([made_by[known], self.of_product[known]]), axis=0, return_counts=True
        )
        found = np.full(num_makers, NONE, dtype=np.int64)
        order = np.argsort(counts, kind="stable")
        found[pairs[order, 0]] = pairs[order, 1]  # the last of equal positions, the largest, wins
        return found


def makers(bundle: Bundle) -> Rows | None:
    """Returns the brand of every product, int64 [num_products]; None without such edges."""
    paths = Paths(bundle)
    if not paths.holds(GROUPS["Brand"]):
        return None
    return paths.adjacency(GROUPS["Brand"].steps[0]).first_targets()


def _chains(paths: Paths) -> Rows:
    """Returns, per category, its ancestors from the root on, padded with itself."""
    own = np.arange(paths.bundle.num_nodes(_CATEGORY))
    if not paths.holds(PARENT):
        return own[:, None]
    parent = paths.adjacency(PARENT.steps[0]).first_targets()
    chains = own[:, None]
    for _ in range(_DEEPEST):
        above = np.where(parent[chains[:, 0]] == NONE, chains[:, 0], parent[chains[:, 0]])
        if (above == chains[:, 0]).all():
            break
        chains = np.column_stack([above, chains])
    # A chain that is shorter than the longest repeats its root at the left.
    return np.array([_left_aligned(chain) for chain in chains])


def _left_aligned(chain: Rows) -> Rows:
    distinct = list(dict.fromkeys(chain.tolist()))
    return np.array(distinct + distinct[-1:] * (len(chain) - len(distinct)), dtype=np.int64)


WIDTH, HEIGHT = 720, 560
_MARGIN = 8
_LONGEST_LABEL = 160
OTHER = -1


@dataclass(frozen=True, slots=True, eq=False)
class NodeMap:
    """Nodes in the plane, coloured by groups.

    Args:
        name: The name of its file.
        places: float64 [num_nodes, 2], within 0 and 1.
        labels: The tooltip of each node.
        groups: int64 [num_nodes], the position of each node's group, or OTHER.
        legend: Names of the groups with their numbers of nodes.
        num_other: The number of nodes without a colour.
        num_known: The number of nodes of that type, drawn or not.
        note: A description in a sentence or two.
    """

    name: str
    title: str
    places: npt.NDArray[np.float64]
    labels: tuple[str, ...]
    groups: npt.NDArray[np.int64]
    legend: tuple[tuple[str, int], ...]
    num_other: int
    num_known: int
    note: str
    radius: float = 3.2

    @property
    def counted(self) -> str:
        """How many nodes there are."""
        return f"{len(self.labels):,} of {self.num_known:,}"

    @property
    def alt(self) -> str:
        """The alternative text."""
        names = ", ".join(f"{name} ({number})" for name, number in self.legend)
        return f"{self.title}: {len(self.labels):,} dots, coloured by {names}"

    def svg(self) -> str:
        """Returns the SVG for the page: one circle per node, with its name as a tooltip."""
        x = _MARGIN + self.places[:, 0] * (WIDTH - 2 * _MARGIN)
        y = _MARGIN + self.places[:, 1] * (HEIGHT - 2 * _MARGIN)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
            f' width="{WIDTH}" height="{HEIGHT}" id="map-{escape(self.name)}" role="img"'
            f' aria-label="{escape(self.alt)}">'
        ]
        order = sorted(range(len(self.labels)), key=lambda row: int(self.groups[row]))
        for group, rows in groupby(order, key=lambda row: int(self.groups[row])):
            parts.append(f'<g data-group="{group}" style="fill: var(--{colour_name(group)})">')
            parts += [
                f'<circle cx="{x[row]:.1f}" cy="{y[row]:.1f}" r="{self.radius:g}">'
                f"<title>{escape(short(self.labels[row], _LONGEST_LABEL))}</title></circle>"
                for row in rows
            ]
            parts.append("</g>")
        return "\n".join([*parts, "</svg>"])

    @property
    def chart(self) -> Chart:
        """Draws the same for a picture."""

        def draw(axes: Axes, palette: Palette) -> None:
            axes.axis("off")
            for group in range(OTHER, len(self.legend)):
                here = self.groups == group
                label = "other" if group == OTHER else short(self.legend[group][0], 30)
                axes.scatter(
                    self.places[here, 0],
                    -self.places[here, 1],
                    s=self.radius * 2.5,
                    linewidths=0,
                    color=getattr(palette, colour_name(group)),
                    label=label,
                )
            legend_above(axes, palette)

        return Chart(
            self.name,
            self.title,
            self.alt,
            draw,
            self.counted,
            width=WIDTH,
            height=HEIGHT + 60,
        )


def colour_name(group: int) -> str:
    """Returns the name of a group's colour in the palette."""
    return "other" if group == OTHER else SERIES[group]


MOST_PRODUCTS, MOST_BRANDS = 3000, 1500
"""t-SNE of 3,000 takes some 15 seconds of processor time."""
_PRODUCT_TYPE, _BRAND = "Product", "Brand"
_RADII = ((1500, 3.0), (400, 4.0), (0, 5.5))


def product_map(recommender: Recommender, target_edge_type: EdgeType) -> NodeMap | None:
    """Returns the map of best-selling products, coloured by category; None without products."""
    bundle = recommender.bundle
    if _PRODUCT_TYPE not in bundle.node_types or not bundle.has_vectors(_PRODUCT_TYPE):
        return None
    sales = product_sales(recommender, target_edge_type)
    rows = _drawn(sales, bundle.vectors(_PRODUCT_TYPE), MOST_PRODUCTS)
    if rows is None:
        return None
    categories = Categories.of(bundle, rows)

    def label(row: int) -> str:
        fields = recommender.fields(_PRODUCT_TYPE, bundle.id_of(_PRODUCT_TYPE, row))
        named = [fields.get("title") or bundle.id_of(_PRODUCT_TYPE, row), fields.get("brand")]
        price = fields.get("price")
        words = [str(name) for name in named if name]
        return " · ".join(words if price is None else [*words, money(price)])

    of_node = None if categories is None else categories.of_product[rows]
    return _map_of(recommender, _PRODUCT_TYPE, rows, of_node, label, "bought most often")


def brand_map(recommender: Recommender, target_edge_type: EdgeType) -> NodeMap | None:
    """Returns the map of brands, coloured by their most common category; None without brands."""
    bundle = recommender.bundle
    if _BRAND not in bundle.node_types or not bundle.has_vectors(_BRAND):
        return None
    made_by = makers(bundle)
    if made_by is None:
        return None
    known = made_by != NONE
    num_brands = bundle.num_nodes(_BRAND)
    sizes = np.bincount(made_by[known], minlength=num_brands)
    sold = product_sales(recommender, target_edge_type)[known]
    sales = np.bincount(made_by[known], weights=sold, minlength=num_brands)
    rows = _drawn(sales.astype(np.int64), bundle.vectors(_BRAND), MOST_BRANDS)
    if rows is None:
        return None
    categories = Categories.of(bundle, np.flatnonzero(np.isin(made_by, rows)))

    def label(row: int) -> str:
        brand_id = bundle.id_of(_BRAND, row)
        name = recommender.fields(_BRAND, brand_id).get("name") or brand_id
        return f"{name} · {sizes[row]:,} products"

    of_node = None if categories is None else categories.of_makers(made_by, num_brands)[rows]
    return _map_of(
        recommender, _BRAND, rows, of_node, label, "whose products are bought most often"
    )


def product_sales(recommender: Recommender, target_edge_type: EdgeType) -> Rows:
    """Counts the query nodes of each product, by the evaluated edges."""
    bundle = recommender.bundle
    if target_edge_type.target != _PRODUCT_TYPE or not bundle.has_edges(target_edge_type):
        return np.zeros(bundle.num_nodes(_PRODUCT_TYPE), dtype=np.int64)
    return np.bincount(
        bundle.edges(target_edge_type).indices, minlength=bundle.num_nodes(_PRODUCT_TYPE)
    )


def _drawn(sales: Rows, vectors: npt.NDArray[np.float32], most: int) -> Rows | None:
    """Returns the best-selling rows with a vector, ascending; None if there are too few."""
    known = np.flatnonzero(np.linalg.norm(vectors, axis=1) > 0)
    if len(known) < FEWEST:
        return None
    best: Rows = known[np.argsort(-sales[known], kind="stable")[:most]]
    return np.sort(best)


def _map_of(
    recommender: Recommender,
    node_type: str,
    rows: Rows,
    categories: Rows | None,
    label: Callable[[int], str],
    chosen: str,
) -> NodeMap:
    groups, legend = _groups(recommender, categories, len(rows))
    name = plural(node_type)
    known = recommender.bundle.num_nodes(node_type)
    which = f"All {name}" if len(rows) == known else f"The {name} {chosen}"
    return NodeMap(
        name=f"map-{name}",
        title=f"Map of {name}",
        places=places(recommender.bundle.vectors(node_type)[rows]),
        labels=tuple(label(int(row)) for row in rows),
        groups=groups,
        legend=legend,
        num_other=int((groups == OTHER).sum()),
        num_known=known,
        note=f"{which}, by t-SNE of the directions of their vectors: close nodes are similar to "
        "the model; distances between distant groups mean nothing.",
        radius=next(radius for least, radius in _RADII if len(rows) >= least),
    )


def _groups(
    recommender: Recommender, categories: Rows | None, num_nodes: int
) -> tuple[Rows, tuple[tuple[str, int], ...]]:
    """Returns the position of each node's category among the largest ones, and their sizes."""
    if categories is None:
        return np.full(num_nodes, OTHER, dtype=np.int64), ()
    found, counts = np.unique(categories[categories != NONE], return_counts=True)
    largest = np.argsort(-counts, kind="stable")[: len(SERIES)]
    groups = np.full(num_nodes, OTHER, dtype=np.int64)
    legend = []
    for place, at in enumerate(largest):
        groups[categories == found[at]] = place
        category_id = recommender.bundle.id_of("Category", int(found[at]))
        name = recommender.fields("Category", category_id).get("name") or category_id
        legend.append((str(name), int(counts[at])))
    return groups, tuple(legend)
