"""How the evaluated model did against the best baseline, in a sentence, also where it lost."""

from dataclasses import dataclass

from training.evaluation.results import Comparison, Evaluation, TaskResult, too_few_queries
from training.report.words import chance, headline_metric, metric_title, number, percent, plural

_SURE = 0.05
_TAKEN = {"PURCHASED": "bought", "VIEWED": "viewed", "WATCHED": "watched", "LIKED": "liked"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The evaluated model beside the best baseline of one task.

    Args:
        rival: The best baseline; None where there is none.
        ours: The model's mean.
        theirs: The rival's.
        comparison: The paired test of the two; None where it was not made.
    """

    metric: str
    rival: str | None
    ours: float
    theirs: float
    comparison: Comparison | None

    @property
    def is_sure(self) -> bool:
        """Whether the difference is more than chance; without a test it is not known."""
        return self.comparison is not None and self.comparison.p_value < _SURE


def verdict_of(evaluation: Evaluation, task: TaskResult, metric: str) -> Verdict | None:
    """By one metric; None where the model was not measured by it."""
    ours, *_ = evaluation.models
    means = {
        result.model: result.metrics[metric].mean
        for result in task.models
        if metric in result.metrics
    }
    if ours not in means:
        return None
    rivals = {model: mean for model, mean in means.items() if model != ours}
    rival = max(rivals, key=lambda model: rivals[model], default=None)
    pair = (ours, rival, metric)
    comparison = next(
        (one for one in task.comparisons if (one.model, one.against, one.metric) == pair), None
    )
    return Verdict(metric, rival, means[ours], rivals[rival] if rival else 0.0, comparison)


def sentence(evaluation: Evaluation) -> str:
    """What was measured, and how the model did against the best baseline."""
    task = evaluation.tasks[0]
    metric = headline_metric(evaluation, task)
    verdict = verdict_of(evaluation, task, metric)
    model = evaluation.models[0]
    asked = _asked(evaluation, task)
    if metric in task.too_few:
        return f"{asked}: {too_few_queries(task.too_few[metric])} to tell how {model} did."
    if verdict is None:
        return f"{asked}, {model} was not measured by {metric_title(metric)}."
    name, _, k = metric.partition("@")
    if name == "recall":
        _, relation, _ = evaluation.direction.split("-")
        taken = _TAKEN.get(relation, "took")
        reached = (
            f"{model} found {percent(verdict.ours)} of what they then {taken} "
            f"with {k} suggestions each"
        )
        theirs = percent(verdict.theirs)
    else:
        reached = f"{model} reached {number(verdict.ours)} in {metric_title(metric)}"
        theirs = number(verdict.theirs)
    return f"{asked}, {reached}, {_against(verdict, theirs)}."


def _asked(evaluation: Evaluation, task: TaskResult) -> str:
    protocol = evaluation.protocol
    seeds = f"{task.num_seeds:,} {plural(task.seed_type)}"
    if protocol.split == "time" and protocol.cutoff is not None:
        days = f" {protocol.holdout_days} days" if protocol.holdout_days else " time"
        begin = f"{protocol.cutoff.day} {protocol.cutoff:%B %Y}"
        return f"Asked what {seeds} would do in the{days} from {begin} on"
    if protocol.split == "leave-last-out":
        return f"Asked for the last step of each of {seeds}"
    return f"Asked for what was held out of {seeds}"


def _against(verdict: Verdict, theirs: str) -> str:
    if verdict.rival is None:
        return "with no baseline beside it"
    rival = f"the best baseline, {verdict.rival}, with {theirs}"
    tested = "not tested"
    if verdict.comparison is not None:
        tested = f"paired test, {chance(verdict.comparison.p_value)}"
        if not verdict.is_sure:
            return f"no more apart than by chance from {rival} ({tested})"
    if not verdict.theirs:
        return f"{'more than' if verdict.ours else 'as'} {rival} ({tested})"
    change = verdict.ours / verdict.theirs - 1
    if round(100 * change, 1) == 0:
        return f"as {rival} ({tested})"
    more = "more" if change > 0 else "less"
    return f"{_change(abs(change))} {more} than {rival} ({tested})"


def _change(share: float) -> str:
    """As '35 %', and what is small with a digit after the point."""
    return percent(share, 0 if share >= 0.1 else 1)


@dataclass(frozen=True, slots=True)
class Loss:
    """Where a baseline is ahead."""

    task: str
    verdict: Verdict


def lost(evaluation: Evaluation) -> tuple[list[Loss], int]:
    """Where the best baseline is ahead, over all tasks and metrics, and how many there are."""
    found, compared = [], 0
    for task in evaluation.tasks:
        for metric in dict.fromkeys(name for one in task.models for name in one.metrics):
            verdict = verdict_of(evaluation, task, metric)
            if verdict is None or verdict.rival is None:
                continue
            compared += 1
            if verdict.theirs > verdict.ours:
                found.append(Loss(task.name, verdict))
    return found, compared
