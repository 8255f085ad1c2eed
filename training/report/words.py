"""Numbers and names as a reader wants them."""

from training.evaluation.results import Estimate, Evaluation, TaskResult

_METRICS = {
    "recall": "Of what was to be found, the share in the first k places.",
    "ndcg": "The same, but what stands further ahead counts more; 1 is a perfect list.",
    "mrr": "One over the place of the first hit.",
    "hit_rate": "The share of queries with at least one hit.",
    "map": "Precision at each hit, averaged.",
    "precision": "The share of the first k places that are hits.",
    "value_ndcg": "NDCG in which a hit counts the net money that it brought.",
    "coverage": "The share of all targets that stand in at least one list.",
    "gini": "How unevenly places are dealt out: 0 is evenly, near 1 all to one target.",
    "novelty": "How rare what is shown is, in bits: one more bit is half as many events.",
    "diversity": "The share of pairs in one list that are of different categories.",
    "new_items": "The share of places that went to targets new at the cut-off.",
}


def parted(metric: str) -> tuple[str, int | None]:
    """A metric's name and length of list.

    >>> parted("recall@20"), parted("spread")
    (('recall', 20), ('spread', None))
    """
    name, _, k = metric.partition("@")
    return name, int(k) if k.isdecimal() else None


def meaning(metric: str) -> str:
    """What a metric tells, in a sentence; empty for one that is not known here."""
    return _METRICS.get(parted(metric)[0], "")


def metric_title(metric: str) -> str:
    """As it stands above a column.

    >>> metric_title("hit_rate@10"), metric_title("ndcg@5")
    ('hit rate@10', 'NDCG@5')
    """
    name, k = parted(metric)
    name = name.replace("_", " ")
    for short in ("ndcg", "mrr", "map"):
        name = " ".join(word.upper() if word == short else word for word in name.split(" "))
    return name if k is None else f"{name}@{k}"


def number(value: float) -> str:
    """Four digits after the point for shares, fewer for what is large.

    >>> number(0.10954), number(12.3456), number(92331), number(-0.00004)
    ('0.1095', '12.35', '92,331', '0.0000')
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"
    return text.removeprefix("-") if not float(text) else text


def interval(estimate: Estimate) -> str:
    """From where to where.

    >>> interval(Estimate(mean=0.2, low=0.1, high=0.3))
    '0.1000\N{EN DASH}0.3000'
    >>> interval(Estimate(mean=0, low=-0.1, high=0.1))
    '-0.1000 to 0.1000'
    """
    between = "\N{EN DASH}" if estimate.low >= 0 else " to "
    return f"{number(estimate.low)}{between}{number(estimate.high)}"


def percent(share: float, digits: int = 1) -> str:
    """A share as people say it; a tiny one is never called none.

    >>> percent(0.1097), percent(0.0000123)
    ('11.0 %', '0.0012 %')
    """
    value = 100 * share
    while 0 < abs(value) < 10**-digits:
        digits += 1
    return f"{value:.{digits + 1 if digits > 1 else digits}f} %"


def money(price: float) -> str:
    """A price; a tiny one is not called nothing.

    >>> money(1234.5), money(0.0012)
    ('1,234.50', '0.0012')
    """
    return f"{price:.4f}" if 0 < price < 0.01 else f"{price:,.2f}"


def in_words(node_type: str) -> str:
    """A node type in the middle of a sentence, one of it.

    >>> in_words("PriceBand")
    'price band'
    """
    return "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in node_type).strip()


def plural(node_type: str) -> str:
    """Several of a node type.

    >>> plural("User"), plural("Category"), plural("PriceBand")
    ('users', 'categories', 'price bands')
    """
    words = in_words(node_type)
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def chance(p_value: float) -> str:
    """A p-value.

    >>> chance(0.00002), chance(0.034)
    ('p < 0.001', 'p = 0.034')
    """
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def headline_metric(evaluation: Evaluation, task: TaskResult) -> str:
    """What models are compared by first: recall of the longest lists, as groups and tests are.

    Where there is no recall, the first of the metrics. Of too few queries there is none.
    """
    known = [name for result in task.models for name in result.metrics]
    longest = f"recall@{max(evaluation.protocol.ks)}"
    return longest if longest in known or not known else known[0]
