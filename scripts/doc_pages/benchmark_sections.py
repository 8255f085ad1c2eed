"""What docs/benchmarks.md shows of the results, and what it says of them.

The figures come from docs/benchmarks. A sentence here names none that a new run may change, and
whether a target is reached is worked out; a sentence that a new result contradicts has to go.
"""

from doc_pages.benchmarks import Goal, Rows, Section, Source, Versus

INTRO = """
The current figures: quality, then speed. *Italics* mark the strongest baseline, **bold** the better
value beside it. Every product competes. Targets stand in brackets; one that was missed stays here.
Commands, machines, dates, seeds and what else ran are in [the results](benchmarks/README.md),
earlier figures and trials in [the history](history/README.md).
"""

RUNS = """
[Benchmarks](../benchmarks.md) is made of the files here. Each is what a benchmark wrote with
`--out`; those of 2026-11 were copied from [the pages of that time](../history/README.md), where a
figure that was not noted is missing. `python scripts/bench.py --help` lists the benchmarks. To
replace a figure, run one with `--load TEXT --out docs/benchmarks/NAME.json`, then
`python scripts/generate_docs.py`. Nothing was run on a GPU yet.
"""


def pair(name: str) -> str:
    return f"{{{name}, recall@20}} / {{{name}, NDCG@20}}"


def same(*names: str) -> dict[str, str]:
    """Columns that are called as they are."""
    return {name: f"{{{name}}}" for name in names}


WEEKS_SHOWN = ["popularity", "item-knn", "ials", "preset svd-graph", "preset svd-graph-large"]
HABITS_SHOWN = [
    *("personal-frequency", "tifu-knn", "up-cf"),
    *("default without habits", "default", "auto"),
]
ALL_PRODUCTS, AGAIN = (f"{task}, recall@20" for task in ("all products", "bought before"))
HABITS = Source("habits", where={"model": ["default"]})
WEEKS = Section(
    "Held-out weeks",
    """
    The last four weeks of Complete Journey, a year of purchases of 2,469 households; recall@20 /
    NDCG@20. `auto` is what trains without options, with settings that it chooses on earlier weeks;
    `default` has fixed ones. Both have vectors, and habits, which score what a household bought
    before. They are ahead of every rule that counts, such as `personal-frequency`,
    in all products and in what is bought again. The other presets were measured by their vectors
    alone. In new brands, the presets are ahead of all baselines; in new products only
    `svd-graph-popularity` is above iALS by more than chance. The second table, of the vectors that
    `default` trains, has 95 % intervals and p of a paired test; in new categories they are no
    better than what sold recently.
    """,
    [
        Rows(
            [
                Source("weeks", where={"model": WEEKS_SHOWN}, all_baselines=True),
                Source("habits", where={"model": HABITS_SHOWN}, all_baselines=True),
                Source("weeks-svd-graph-popularity", where={"kind": ["graphrec"]}),
            ],
            {
                "model": "{model}",
                **{
                    name: f"[{pair(name)}]"
                    for name in ("all products", "bought before", "new products", "new brands")
                },
                "seconds": "{seconds}",
            },
        ),
        Versus(
            [Source("weeks-intervals")],
            "graphrec",
            {"recall@20": "{value} ({low} to {high})[, p {p against graphrec}]"},
            {
                f"{name}, recall@20": name
                for name in (
                    "all products",
                    "bought before",
                    "new products",
                    "new brands",
                    "new categories",
                )
            },
        ),
    ],
    [
        Goal("all products, default", HABITS, ALL_PRODUCTS, at_least=0.155),
        Goal("bought before, default", HABITS, AGAIN, at_least=0.39),
    ],
)


def accuracy(data: str, what: str, model: str, column: str, bound: float) -> Goal:
    return Goal(what, Source(f"{data}", where={"model": [model]}), column, at_least=bound)


WITHOUT_GRAPH = {
    "model": [
        *("ChebyCF", "LightGCN+BSL", "GF-CF, purchases alone"),
        *("ials", "item-knn", "ease", "gf-cf", "popularity", "lightgcn"),
        *("svd", "concat, network weighs 3", "concat, network weighs 4"),
    ]
}
SPLITS = Section(
    "Standard splits",
    """
    Recall and NDCG at 20, on Amazon Beauty at 10. The first row of each set is the best published
    figure, mostly of the best epoch on the test part; ours are not chosen by it. `svd` is the
    normalised SVD; `concat` has HeteroLightGCN beside it and takes minutes. In KuaiRand, popularity
    orders creators that were shown best; in Beibei, iALS is as good at who should offer a product.
    """,
    [
        Rows(
            [
                Source("gowalla", "", "Gowalla", WITHOUT_GRAPH),
                Source("yelp2018", "", "Yelp2018", WITHOUT_GRAPH),
                Source("amazon-beauty", "", "Amazon Beauty", WITHOUT_GRAPH),
            ],
            {
                "model": "{model}",
                "data": "{label}",
                "recall": "{recall@20|recall@10}",
                "NDCG": "{NDCG@20|NDCG@10}",
                "seconds": "{seconds}",
            },
        ),
        Versus(
            [Source("kuairand-pure"), Source("beibei-groupbuy")],
            "svd",
            {"recall / NDCG@20, svd": "[{recall@20} / ]{NDCG@20}"},
            {
                "creators for a user": "KuaiRand-Pure: creators for a user",
                "of those shown": "creators of those that were shown",
                "products to offer": "Beibei group deals: products to offer",
                "who should offer it": "who should offer it",
            },
        ),
    ],
    [
        accuracy("gowalla", "Gowalla, svd", "svd", "recall@20", 0.183),
        accuracy("gowalla", "Gowalla, concat", "concat, network weighs 4", "recall@20", 0.2),
        accuracy("gowalla", "Gowalla, concat, NDCG", "concat, network weighs 4", "NDCG@20", 0.168),
        accuracy("yelp2018", "Yelp2018, concat", "concat, network weighs 3", "recall@20", 0.077),
        accuracy(
            "yelp2018", "Yelp2018, concat, NDCG", "concat, network weighs 3", "NDCG@20", 0.064
        ),
        accuracy(
            "amazon-beauty", "Beauty, concat, NDCG", "concat, network weighs 4", "NDCG@10", 0.09
        ),
    ],
)


SELECTION = Section(
    "Settings that training chooses",
    """
    Two worlds with planted tastes, made for this: a dense and a sparse one. `default` has the same
    settings everywhere; `auto`, what trains without options, chooses its own on a tenth of the
    training pairs.
    Seconds hold choosing and training.
    """,
    [
        Rows(
            [
                Source("selection", "dense", "dense"),
                Source("selection", "sparse", "sparse"),
            ],
            {
                "model": "{model}",
                "world": "{label}",
                "recall@20": "{recall@20}",
                "NDCG@20": "{NDCG@20}",
                "dimensions": "[{dimensions}]",
                "seconds": "{seconds}",
            },
        ),
    ],
)


NEXT_SHOWN = ["OneRec, with texts", "transitions", "ease", "decayed-ease", "next-512"]
BASKETS_SHOWN = ["up-cf", "auto"]
NEXT_SOFTMAX = Source("next-softmax", "", "Amazon Beauty", where={"model": ["next-softmax-128"]})
BASKETS = Source("baskets", where={"model": ["auto"]})
VIEWED = Source("viewed", "with all", where={"model": ["auto"]})
NEXT = Section(
    "What comes next",
    """
    The last event of each of 22,363 users of Amazon Beauty, ranked among all products without those
    of the user's history. The first row is the best published figure. `next-512` is the block
    `next` alone, in a written bundle, and `next-softmax-128` the same with vectors learned in six
    epochs; settings were chosen on the events before the last ones. Like the baselines, both learn
    from all but the last event of everybody; published models learn without the validation events
    too. Then the next basket of each of 13,858 users of Ta-Feng, repeats included: `auto`
    with habits finds more than any rule that counts baskets; `up-cf` has the better first places.
    On Taobao, rules about what was viewed (`viewed-then-bought`) are far ahead of vectors.
    """,
    [
        Rows(
            [
                Source("next", "", "Amazon Beauty", where={"model": NEXT_SHOWN}),
                NEXT_SOFTMAX,
                Source(
                    "baskets", "", "Ta-Feng", where={"model": BASKETS_SHOWN}, all_baselines=True
                ),
            ],
            {
                "model": "{model}",
                "data": "{label}",
                "recall@5 / 10 / 20": "[{recall@5} / ]{recall@10}[ / {recall@20}]",
                "NDCG@5 / 10 / 20": "[{NDCG@5} / ][{NDCG@10}][ / {NDCG@20}]",
                "seconds": "{seconds}",
            },
        ),
    ],
    [
        Goal("recall@10", NEXT_SOFTMAX, "recall@10", at_least=0.1),
        Goal("NDCG@10", NEXT_SOFTMAX, "NDCG@10", at_least=0.062),
        Goal("Ta-Feng, above `tifu-knn` in recall@20", BASKETS, "recall@20", at_least=0.1845),
        Goal("above `up-cf` in NDCG@20", BASKETS, "NDCG@20", at_least=0.1383),
        Goal("Taobao, hit rate@10", VIEWED, "hit rate@10", at_least=0.3477),
    ],
)


def lost(what: str, data: str, model: str) -> Goal:
    source = Source("new-items", data, where={"rule": [f"embed_new, {model}"]})
    return Goal(what, source, "loss of others, %", at_most=2, unit=" %")


COLD_START = Section(
    "Cold start",
    """
    A tenth of the products is hidden from training; each gets its vector from its brand,
    categories and related products (`embed_new`). Recall is among the hidden products; baselines
    count what a user bought with the same brand and categories, or related.
    """,
    [
        Rows(
            [
                Source("new-items", "amazon-beauty", "Amazon Beauty"),
                Source("new-items", "complete-journey", "Complete Journey"),
            ],
            {
                "rule": "{rule}",
                "data": "{label}",
                "recall@20": "{held out, recall@20}",
                "NDCG@20": "{held out, NDCG@20}",
                "times chance": "{held out, times chance}",
                "recall lost for others": "[{loss of others, %} %]",
            },
        ),
    ],
    [
        lost("recall lost for others, Beauty, svd", "amazon-beauty", "svd"),
        lost("Beauty, graph", "amazon-beauty", "graph"),
        lost("Complete Journey, svd", "complete-journey", "svd"),
        lost("Complete Journey, graph", "complete-journey", "graph"),
    ],
)

LOOKALIKES = Section(
    "Lookalikes",
    """
    Who buys a brand of Complete Journey for the first time in the held-out weeks? The lift is the
    share of new buyers at the top over their share among all who never bought it. Most of it is
    activity: who buys more, buys more new brands. The file also has the calibration of the
    returned chances to buy, and of `reach_curve`.
    """,
    [
        Rows(
            [
                Source(
                    "lookalikes",
                    where={
                        "households": [
                            "random",
                            "most active recently",
                            "most active in its categories",
                            "users_for_brand",
                        ]
                    },
                )
            ],
            {
                "households": "{households}",
                **{
                    f"top {share}": f"{{lift, top {share}}} ± {{lift, top {share}, error}}"
                    for share in ("1%", "5%", "10%")
                },
            },
        ),
    ],
)

CREATORS = Section(
    "Creators and their followers",
    """
    Three synthetic worlds, because no public data has creators, products and purchases together.
    Who begins to promote a product, or something of a brand, in the held-out weeks? And whose
    followers are planted to like it best? With 95 % intervals over all questions.
    """,
    [
        Versus(
            [Source("creators", "Who should carry it")],
            "",
            {
                "NDCG@10": "{NDCG@10}[ ({NDCG@10 low} to {NDCG@10 high})]",
                "recall@10": "{recall@10}",
            },
        )
    ],
)

SYNTHETIC = Section(
    "Contents, and a planted taste",
    """
    Contents and creators for users, on the last four weeks of a synthetic world: recall@20. Brands
    are about where recent popularity is. Below, ten water cups for shoppers who never met one: the
    share that agrees with the taste that their other purchases show. Chance is the floor, knowing
    the planted taste the ceiling.
    """,
    [
        Versus(
            [Source("contents")],
            "graphrec",
            {"recall@20": "{recall@20}[ ({low} to {high})]"},
            {
                "User-WATCHED-Content": "contents watched",
                "User-LIKED-Content": "contents liked",
                "User-FOLLOWS-Creator": "creators followed",
                "User-FOLLOWS-Brand": "brands followed",
            },
        ),
        Rows(
            [Source("cups", where={"scenario": ["shoppers"]})],
            same("lists", "level", "style", "function", "trend", "brand"),
        ),
    ],
)

RULES = Section(
    "What rules cost and bring",
    """
    Complete Journey. A little `value_weight` costs next to no recall and finds more of the money
    that was spent ("found"); much finds less again. "Order" is what an order of what is shown
    brings. Below, products that a household never bought: a tenth of the places for new items
    costs little recall, and new items that nobody was shown are found.
    """,
    [
        Rows(
            [
                Source(
                    "value-complete-journey",
                    "all products",
                    where={"weight": [0, 0.2, 0.5]},
                )
            ],
            {
                "value_weight": "{weight}",
                "recall@20 / NDCG@20": "{recall@20} / {NDCG@20}",
                **same("money NDCG@20", "found", "order", "quality"),
            },
        ),
        Rows(
            [
                Source(
                    "exposure",
                    where={"setting": ["affinity alone", "new items .1", "2 per brand"]},
                )
            ],
            same("setting", "recall", "recall of new items", "NDCG", "coverage", "Gini"),
        ),
    ],
)

TRAINING = Section(
    "Seconds per epoch",
    """
    Gowalla, beside PyG's LightGCN as its example trains it (`edge_index`), which the target is
    about, and with the adjacency as CSR. Neither several processes nor bfloat16 were timed.
    """,
    [
        Rows(
            [Source("training", where={"layers": [1]}, all_baselines=True)],
            same("trainer", "layers", "seconds", "times as fast", "of it training, MB"),
        )
    ],
    [
        Goal(
            f"times as fast, {number} layer{'s' * (number > 1)}",
            Source("training", where={"trainer": ["graphrec"], "layers": [number]}),
            "times as fast",
            at_least=5,
        )
        for number in (1, 2, 3)
    ],
)


SHORT = {"vectors": ["128, int8", "256, float16", "whole, float32"]}
VECTORS = Section(
    "Short vectors",
    """
    Complete Journey with default settings and habits, vectors of several sizes; a million nodes are
    all files of a bundle in proportion. Scans ask for 20 of 92,331 products, by whole and by short
    vectors in turn; lists are exact for what is stored.
    """,
    [
        Rows(
            [Source("vectors", "served, with habits", where=SHORT)],
            {
                "vectors": "{vectors}",
                **{name: pair(name) for name in ("all products", "new products", "new brands")},
                "bytes a node": "{vectors, bytes a node}",
                "a million nodes": "{a million nodes, MB} MB",
            },
        ),
    ],
    [
        Goal(
            "a million nodes",
            Source("vectors", "served, with habits", where={"vectors": ["128, int8"]}),
            "a million nodes, MB",
            at_most=1000,
            unit=" MB",
        ),
        Goal(
            "one scan, times faster",
            Source(
                "vectors", "scan of 92,331 products, 128, int8", where={"queries at once": ["1"]}
            ),
            "times faster",
            at_least=3,
        ),
    ],
)


def p99(share: str, most: int) -> Goal:
    source = Source("query", where={"method": ["graphrec"], "pass": [share]})
    return Goal(f"p99 where {share} pass", source, "p99 ms", at_most=most, unit=" ms")


def at_once(what: str, file: str, share: str, threads: int) -> Goal:
    source = Source(file, "1,000 users", where={"pass": [share], "threads": [threads]})
    return Goal(what, source, "times one by one", at_least=10)


QUERY = Section(
    "Ten of a million products",
    """
    Single questions on one thread, under a filter that a share of the products pass. graphrec is
    exact. FAISS HNSW is faster but misses most of what a narrow filter passes; NumPy and FAISS
    flat are exact, and slower among a million. Among 100,000 FAISS flat is slightly faster. The
    rows with processor time are of a busy machine, where by the clock p99 missed 3 ms.
    """,
    [
        Rows(
            [
                Source(
                    "query", where={"method": ["NumPy", "graphrec"], "pass": ["100.0%", "1.0%"]}
                ),
                Source(
                    "query-faiss",
                    label=", processor time",
                    where={
                        "method": ["graphrec", "FAISS flat", "FAISS HNSW, 200 then filtered"],
                        "pass": ["1.0%"],
                    },
                    all_baselines=True,
                    templates={"p50 ms": "{cpu p50}", "p99 ms": "{cpu p99}"},
                ),
                Source(
                    "query-neo4j",
                    label=", 100,000 products",
                    where={
                        "method": ["graphrec", "FAISS flat", "Neo4j, 2000 then filtered"],
                        "pass": ["1.0%"],
                    },
                    all_baselines=True,
                ),
            ],
            {"method": "{method}{label}", **same("pass", "p50 ms", "p99 ms", "recall@10")},
        )
    ],
    [
        p99("100.0%", 10),
        p99("1.0%", 3),
        at_once("a thousand users at once, times one by one, two threads", "query", "100.0%", 2),
        at_once("a thousand at once, one thread", "query", "100.0%", 1),
        at_once("on a busy machine", "query-faiss", "100.0%", 2),
    ],
)

STORE = Section(
    "The graph in and out",
    """
    Ten million synthetic edges into the embedded store, beside sqlite3 and a loop over rows; all of
    Complete Journey into Neo4j, beside a loop over records and MERGE without an index (second
    ratio: with our constraints, the fair one). The import tool holds the bulk import back.
    """,
    [
        Rows(
            [
                Source("store", where={"step": ["ingest", "read the snapshot into HeteroData"]}),
                Source(
                    "neo4j",
                    where={
                        "step": [
                            "ingest into Neo4j",
                            "read purchases by store.read_edges",
                            "upsert purchases",
                            "bulk import",
                        ]
                    },
                ),
            ],
            {
                "step": "{step}",
                "rows": "{edges|rows}",
                "seconds": "{seconds}",
                "per s": "{edges/s|rows/s}",
                "times the plain way": "{times the plain way|ratio}",
                "second ratio": "{second ratio}",
            },
        ),
    ],
    [
        Goal(what, Source("neo4j", where={"step": [step]}), "ratio", at_least=bound)
        for what, step, bound in (
            ("reading from Neo4j, times a loop", "read purchases by store.read_edges", 6),
            ("upserts, times MERGE without an index", "upsert purchases", 3),
            ("bulk import, times upserts", "bulk import", 10),
        )
    ],
)

SECOND, MORNING = "second run", "second run, in the morning of the same day"
CHECKED = {"nodes": [1_000_000], "files": ["checked"]}
IN_ALL = {"step": ["in all"]}
USED = {"processor time": "{of processors} s"}
EXPLAINED = {"what": "{method}: {pairs}", "processor time": "{p50 CPU ms} ms"}
BUSIEST = "User of 4,009 edges to Product of 58,405 edges"
TIMES = Section(
    "The demo, opening, evaluating, explaining",
    """
    `./scripts/demo` runs from the data to the tour. Opening compares every file with its hash. The
    evaluation has 30,000 users, 40,000 products, two models and three tasks. Explanations were
    timed on a busy machine: only processor time counts. The baseline follows every path.
    """,
    [
        Rows(
            [
                Source("demo", where={"what": [SECOND]}),
                Source(
                    "open",
                    where=CHECKED,
                    templates={
                        "what": "open a bundle of {nodes} nodes",
                        "time": "{open s} s",
                        "processor time": "{open cpu s} s",
                    },
                ),
                Source(
                    "evaluate-608",
                    where=IN_ALL,
                    templates={"what": "evaluate, 608 dimensions", **USED},
                ),
                Source(
                    "explain",
                    where={"pairs": ["usual"], "method": ["explain, 3 hops"]},
                    templates=EXPLAINED,
                ),
                Source(
                    "explain",
                    where={"pairs": [BUSIEST, "usual, 5 of them"]},
                    templates=EXPLAINED,
                ),
            ],
            {
                "what": "the demo, {what}",
                "time": "[{seconds} s]",
                "processor time": "[{processor seconds} s]",
            },
        )
    ],
    [
        Goal(SECOND, Source("demo", where={"what": [SECOND]}), "seconds", at_most=90, unit=" s"),
        Goal(
            "second run, another time",
            Source("demo", where={"what": [MORNING]}),
            "seconds",
            at_most=90,
            unit=" s",
        ),
        Goal("opening", Source("open", where=CHECKED), "open s", at_most=1, unit=" s"),
        Goal("evaluating", Source("evaluate-608", where=IN_ALL), "seconds", at_most=60, unit=" s"),
        *(
            Goal(
                f"batches, times as fast, {name}",
                Source(f"batches-{name}", where={"code": ["now"]}),
                "times as fast",
                at_least=5,
            )
            for name in ("synthetic", "complete-journey")
        ),
    ],
)

SECTIONS = (
    WEEKS, SPLITS, SELECTION, NEXT, COLD_START, LOOKALIKES, CREATORS, SYNTHETIC, RULES,
    TRAINING, VECTORS, QUERY, STORE, TIMES,
)  # fmt: skip
