"""Formats numbers, names and metrics for readers."""

from training.evaluation.results import Estimate, Evaluation, TaskResult

_METRICS = {
    "recall": "The share of true targets in the first k places.",
    "ndcg": "Like recall, but higher places count more; 1 is a perfect list.",
    "mrr": "One over the rank of the first hit.",
    "hit_rate": "The share of queries with at least one hit.",
    "map": "Precision at each hit, averaged.",
    "precision": "The share of the first k places that are hits.",
    "value_ndcg": "NDCG in which a hit counts its net revenue.",
    "coverage": "The share of all targets in at least one list.",
    "gini": "Inequality of exposure: 0 is equal, near 1 is all places for one target.",
    "novelty": "Rarity of the shown targets in bits: one more bit means half as many events.",
    "diversity": "The share of pairs in one list that are of different categories.",
    "new_items": "The share of places with targets that were new at the cut-off.",
}


def parted(metric: str) -> tuple[str, int | None]:
    """A metric's name and length of list.

    >>> parted("recall@20"), parted("spread")
    (('recall', 20), ('spread', None))
    """
    name, _, k = metric.partition("@")
    return name, int(k) if k.isdecimal() else None


def meaning(metric: str) -> str:
    """Returns the meaning of a metric in a sentence; empty for an unknown one."""
    return _METRICS.get(parted(metric)[0], "")


def metric_title(metric: str) -> str:
    """Returns a metric as a column heading.

    >>> metric_title("hit_rate@10"), metric_title("ndcg@5")
    ('hit rate@10', 'NDCG@5')
    """
    name, k = parted(metric)
    name = name.replace("_", " ")
    for short in ("ndcg", "mrr", "map"):
        name = " ".join(word.upper() if word == short else word for word in name.split(" "))
    return name if k is None else f"{name}@{k}"


def number(value: float) -> str:
    """Formats a number with four decimals for shares, and fewer for large numbers.

    >>> number(0.10954), number(12.3456), number(92331), number(-0.00004)
    ('0.1095', '12.35', '92,331', '0.0000')
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"
    return text.removeprefix("-") if not float(text) else text


def interval(estimate: Estimate) -> str:
    """Formats an interval.

    >>> interval(Estimate(mean=0.2, low=0.1, high=0.3))
    '0.1000\N{EN DASH}0.3000'
    >>> interval(Estimate(mean=0, low=-0.1, high=0.1))
    '-0.1000 to 0.1000'
    """
    between = "\N{EN DASH}" if estimate.low >= 0 else " to "
    return f"{number(estimate.low)}{between}{number(estimate.high)}"


def percent(share: float, digits: int = 1) -> str:
    """Formats a share as a percentage; a tiny one is never shown as 0.

    >>> percent(0.1097), percent(0.0000123)
    ('11.0 %', '0.0012 %')
    """
    value = 100 * share
    while 0 < abs(value) < 10**-digits:
        digits += 1
    return f"{value:.{digits + 1 if digits > 1 else digits}f} %"


def money(price: float) -> str:
    """Formats a price; a tiny one is never shown as 0.

    >>> money(1234.5), money(0.0012)
    ('1,234.50', '0.0012')
    """
    return f"{price:.4f}" if 0 < price < 0.01 else f"{price:,.2f}"


def in_words(node_type: str) -> str:
    """Returns a node type within a sentence, in the singular.

    >>> in_words("PriceBand")
    'price band'
    """
    return "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in node_type).strip()


def plural(node_type: str) -> str:
    """Returns a node type in the plural.

    >>> plural("User"), plural("Category"), plural("PriceBand")
    ('users', 'categories', 'price bands')
    """
    words = in_words(node_type)
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def chance(p_value: float) -> str:
    """Formats a p-value.

    >>> chance(0.00002), chance(0.034)
    ('p < 0.001', 'p = 0.034')
    """
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def headline_metric(evaluation: Evaluation, task: TaskResult) -> str:
    """Returns the main metric: recall of the longest lists, as in groups and tests.

    Without recall, it is the first of the metrics; None for too few queries.
    """
    known = [name for result in task.models for name in result.metrics]
    longest = f"recall@{max(evaluation.protocol.ks)}"
    return longest if longest in known or not known else known[0]
