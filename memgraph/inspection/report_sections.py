"""The sections of a report: each a finding in words, and what it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from memgraph.inspection.drawing import Neighbour, bar, neighbourhood, shade, signed, stack
from memgraph.inspection.report_facts import Facts, Rows
from memgraph.inspection.summed import over_domains
from memgraph.markup import Html, joined, table, tag, whole_text
from memgraph.models.consensus import EXPERIENCE, FEATURES
from memgraph.printable import shown

_INPUTS = 12
_DEVIATION = "_deviation"
_METRICS = {
    "labelled_queries": "labelled queries it was fitted on",
    "labelled_rollouts": "labelled rollouts it was fitted on",
    "held_out_accuracy": "held out: accuracy at ½",
    "held_out_auc": "held out: AUC",
    "held_out_within_query_auc": "held out: AUC within queries",
    "held_out_ece": "held out: expected calibration error",
    "trees_share": "how much trees count beside the first regression",
    "noise_floor": "spread below which a group's order may be chance",
}
_SHADES = (
    (0.1, "0 to 20 % right"),
    (0.3, "to 40 %"),
    (0.5, "to 60 %"),
    (0.7, "to 80 %"),
    (0.9, "to 100 %"),
    (None, "unknown"),
)
_WEIGHTS = "A weight says by how much the first regression's logit grows with one standard deviation of the input."
_IN_PYTHON = """\
from memgraph import Memory

with Memory.open(read_only=True) as memory:
    model = memory.model(ledger={ledger!r})
    print(model.weights, model.metrics, model.one_right)
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Attributes:
        name: to link to.
        finding: in a sentence or two.
        queries: names of the Cypher queries behind it.
        sources: what else it rests on.
    """

    name: str
    title: str
    finding: str
    body: Html
    queries: tuple[str, ...]
    sources: tuple[Html, ...] = ()


def contents(facts: Facts) -> Section:
    """What is in the memory."""
    counts = facts.contents
    rows = facts.rows["rollouts_by_run"]
    domains = sorted({row["domain"] for row in rows if row["domain"]})
    finding = (
        f"{_many(counts['rollouts'], 'rollout')} of {_many(counts['queries'], 'query')}, from {_many(counts['runs'], 'run')}. "
        f"{_share(counts['unanswered'], counts['rollouts'])} of them state no answer."
    )
    tiles = ("queries", "rollouts", "runs", "datasets", "domains", "policies", "labels", "predictions", "models")
    facts_list = joined(tag("div", tag("dt", _WORDS.get(name, name)), tag("dd", f"{counts[name]:,}")) for name in tiles)
    columns = ("run", "dataset", "domain", "policies", "queries", "rollouts", "unanswered", "labelled", "predicted")
    said = f"Domains: {', '.join(domains)}. " if domains else ""
    said += "A rollout is labelled where its answer has a label, and predicted where a scorer has ever given it a probability."
    body = joined(
        [tag("dl", facts_list, class_="facts"), tag("p", said), _rows_table("rollouts by run", columns, rows)]
    )
    return Section("contents", "What is in it", finding, body, ("memory_contents", "rollouts_by_run"))


def spending(facts: Facts) -> Section:
    """What was paid for labels."""
    ledgers, purposes = facts.rows["label_spending"], facts.rows["label_spending_by_purpose"]
    paid = sum(row["queries_paid"] for row in ledgers)
    answers = sum(row["answers_paid"] for row in ledgers)
    judged = facts.contents["labelled"]
    finding = (
        f"{_many(paid, 'query')} {_was(paid)} paid for in {_many(len(ledgers), 'ledger')}, and {_many(answers, 'answer')} "
        f"{_was(answers)} judged one by one. {_many(judged, 'rollout')} {'has' if judged == 1 else 'have'} a label by now."
        if ledgers
        else "No label was paid for yet. `memreward reveal` reveals the truth of some queries, `memreward label` takes "
        "what people say."
    )
    parts = [_rows_table("spending by ledger", _LEDGER, ledgers)]
    if purposes:
        parts.append(_rows_table("spending by purpose", _PURPOSE, purposes))
    if facts.run is not None or facts.dataset is not None:
        said = "The first table counts whole ledgers, the second the labels that concern what is shown."
        parts.append(tag("p", said, class_="quiet"))
    together = facts.rows["agreement"][:_PAIRS]
    if together:
        most = together[0]
        finding += f" {most['first']} and {most['second']} agree on {most['agreeing']:.0%} of {_many(most['judged'], 'answer')}."
        said = "Kappa is the agreement beyond chance: 1 for the same, 0 for chance."
        parts += [_rows_table("agreement of those who judge", _AGREEMENT, together), tag("p", said, class_="quiet")]
    queries = ("label_spending", "label_spending_by_purpose", "agreement")
    return Section("labels", "What labels cost", finding, joined(parts) if ledgers else Html(), queries)


def calibration(facts: Facts) -> Section:
    """How far predictions agree with labels."""
    rows = over_domains(facts.rows["calibration"])
    by_time = {when: [row for row in rows if row["label_came"] == when] for when in ("later", "before")}
    later = by_time["later"]
    finding = "No predicted rollout has a label yet, so there is nothing to compare predictions with."
    if later:
        finding = (
            f"The label came after the prediction for {_many(_sum(later, 'rollouts'), 'rollout')}. Both say the same of "
            f"{_share(_sum(later, 'agreeing'), _sum(later, 'rollouts'))} of them. "
            f"Predicted and observed shares differ by {_gap(later):.0%} on average."
        )
    elif rows:
        finding = (
            "Every label was visible before the prediction, so that their agreement of "
            f"{_share(_sum(rows, 'agreeing'), _sum(rows, 'rollouts'))} says little about new rollouts."
        )
    titles = {"later": "Labels that came after the prediction", "before": "Labels that were there before it"}
    parts = [
        joined([tag("h3", titles[when]), tag("p", _accuracy(found)), _tenths(found)])
        for when, found in by_time.items()
        if found
    ]
    return Section("calibration", "How far predictions hold", finding, joined(parts), ("calibration",))


def rewards(facts: Facts) -> Section:
    """Where training runs got their rewards from."""
    rows = facts.rows["reward_sources"]
    runs = [(run, list(found)) for run, found in groupby(rows, key=lambda row: row["run"])]
    counts = facts.contents
    unanswered = f"{_share(counts['unanswered'], counts['rollouts'])} of all rollouts state no answer."
    if not runs:
        said = "No training run has asked for rewards yet."
        return Section("rewards", "Where rewards came from", f"{said} {unanswered}", Html(), ("reward_sources",))
    name, newest = runs[0]
    total = _sum(newest, "rollouts")
    shares = ", ".join(f"{source} for {_share(number, total)}" for source, number in _by_source(newest).most_common())
    finding = f"In the newest run, {name}, rewards came from {shares}. {unanswered}"
    body = joined(_rewards_of_run(run, found) for run, found in runs)
    return Section("rewards", "Where rewards came from", finding, body, ("reward_sources", "memory_contents"))


def disagreements(facts: Facts) -> Section:
    """Where a prediction says the opposite of a label."""
    rows = [row for row in facts.rows["wrong_predictions"] if row["place"] == 1][:_EXAMPLES]
    all_of = facts.rows["calibration"]
    wrong = _sum(all_of, "rollouts") - _sum(all_of, "agreeing")
    finding = (
        f"{_many(wrong, 'prediction')} of {_sum(all_of, 'rollouts'):,} that have a label {'is' if wrong == 1 else 'are'} on "
        f"its other side of ½. {'This is' if len(rows) == 1 else f'These {len(rows)} are'} the farthest off, one for each query."
        if rows
        else "No prediction is on the other side of ½ than a label."
    )
    body = joined(_example(number, row) for number, row in enumerate(rows, start=1))
    return Section("disagreements", "Where it was wrong", finding, body, ("wrong_predictions", "calibration"))


def relies_on(facts: Facts) -> Section:
    """What the newest reward model is made of."""
    title, name, queries = "What the reward model relies on", "model", ("reward_models",)
    model, fitted = facts.model, facts.rows["reward_models"]
    if model is None:
        said = facts.no_model or ""
        return Section(
            name, title, f"There is no reward model to show: {said.rstrip('.')}.", _label_curve(fitted), queries
        )
    strongest = sorted(model.weights.items(), key=lambda one: -abs(one[1]))[:_INPUTS]
    named = " and ".join(f"{key} ({weight:+.2f})" for key, weight in strongest[:2] if weight)
    held_out = model.metrics.get("held_out_within_query_auc")
    finding = f"The newest model relies most on {named or 'nothing yet'}."
    finding += (
        " It was fitted without labels, so nothing measures it."
        if not model.metrics.get("labelled_queries")
        else "" if held_out is None else f" On held-out queries it ranks {held_out:.0%} of right and wrong pairs rightly."
    )  # fmt: skip
    largest = max((abs(weight) for _, weight in strongest), default=0.0)
    inputs = [
        (_breakable(key), _family(key), f"{weight:+.3f}", signed(weight, largest, what=f"{key}: {weight:+.3f}"))
        for key, weight in strongest
    ]
    metrics = [(_METRICS[key], _metric(model.metrics[key])) for key in _METRICS if key in model.metrics]
    one_right = ", ".join(model.one_right) or "none"
    source = tag("pre", _IN_PYTHON.format(ledger=facts.ledger))
    body = joined(
        [
            tag("p", f"It is {(model.key or '')[:12]}. {_WEIGHTS} These are {len(strongest)} of {len(model.weights)}."),
            table(
                "strongest inputs", ("input", "what it is", "weight", "to the right: speaks for being right"), inputs
            ),
            table("metrics of the model", ("metric", "value"), metrics),
            tag("p", f"Domains whose labels show that a query has one right answer: {one_right}."),
            _label_curve(fitted),
        ]
    )
    return Section(name, title, finding, body, queries, (tag("p", "The weights, in Python:"), source))


def neighbourhoods(facts: Facts) -> Section:
    """Some queries and what they are similar to."""
    groups = [list(found) for _, found in groupby(facts.rows["neighbourhoods"], key=lambda row: row["query"])]
    near = [row for group in groups for row in group[1:]]
    finding = "No query is linked to similar ones yet. An import links them as soon as there are two."
    if near:
        mean = sum(row["cosine"] for row in near) / len(near)
        finding = f"{_many(len(groups), 'query')} with what they are similar to: neighbours have a cosine of {mean:.2f} on average."
    steps = joined(tag("li", _key(shade(right)), words) for right, words in _SHADES)
    body = joined([tag("ul", steps, class_="legend"), *map(_neighbourhood, groups)]) if near else Html()
    return Section("neighbourhoods", "What is similar to what", finding, body, ("neighbourhoods",))


SECTIONS: tuple[Callable[[Facts], Section], ...] = (
    contents,
    spending,
    calibration,
    rewards,
    disagreements,
    relies_on,
    neighbourhoods,
)
_LEDGER = (
    "ledger",
    "budget",
    "queries_paid",
    "drawn_at_random",
    "chosen",
    "monitored",
    "answers_paid",
    "reused",
    "labels",
)
_PURPOSE = ("ledger", "purpose", "kind", "authors", "labels", "queries", "rollouts", "mean_score")
_AGREEMENT = ("first", "second", "kinds", "judged", "agreeing", "kappa")
_PAIRS = 12
_EXAMPLES = 10
_WORDS = {
    "datasets": "data sets",
    "dataset": "data set",
    "models": "reward models",
    "unanswered": "no answer",
    "queries_paid": "queries paid for",
    "drawn_at_random": "drawn at random",
    "answers_paid": "answers judged",
    "reused": "reused, free",
    "judged": "judged by both",
    "mean_score": "mean label",
}


def _tenths(rows: Rows) -> Html:
    cells = []
    for row in rows:
        right, tenth = row["right"] / row["rollouts"], row["tenth"] / 10
        said = f"predicted {row['predicted']:.0%}, right {right:.0%}"
        numbers = f"{row['rollouts']:,}", f"{row['predicted']:.0%}", f"{right:.0%}"
        cells.append((f"{tenth:.1f} to {tenth + 0.1:.1f}", *numbers, bar(right, mark=row["predicted"], what=said)))
    columns = ("predicted", "rollouts", "mean prediction", "right", "right, and the mean prediction as a line")
    return table("calibration by tenths", columns, cells)


def _accuracy(rows: Rows) -> str:
    total = _sum(rows, "rollouts")
    brier = sum(row["brier"] * row["rollouts"] for row in rows) / total
    right = _share(_sum(rows, "agreeing"), total)
    return f"{_many(total, 'rollout')}: accuracy at ½ {right}, Brier score {brier:.3f}, calibration error {_gap(rows):.3f}."


def _gap(rows: Rows) -> float:
    """Mean gap between predicted and observed share over the tenths, by rollouts."""
    gaps = (abs(row["predicted"] * row["rollouts"] - row["right"]) for row in rows)
    return float(sum(gaps)) / _sum(rows, "rollouts")


def _rewards_of_run(run: str, rows: Rows) -> Html:
    sources = sorted(_by_source(rows), key=lambda source: (source == "no reward", source))
    legend = joined(tag("li", _key(f"s{number % 6}"), source) for number, source in enumerate(sources))
    cells = []
    for (first, last), part in groupby(rows, key=lambda row: (row["first"], row["last"])):
        found = list(part)
        total, given = _sum(found, "rollouts"), _by_source(found)
        rewarded = [row for row in found if row["mean_reward"] is not None]
        mean = sum(row["mean_reward"] * row["rollouts"] for row in rewarded) / max(1, _sum(rewarded, "rollouts"))
        said = ", ".join(f"{source} {_share(given[source], total)}" for source in sources if given[source])
        picture = joined(
            [stack([given[source] / total for source in sources], what=said), tag("span", said, class_="quiet")]
        )
        steps = str(first) if first == last else f"{first} to {last}"
        reward = f"{mean:.3f}" if rewarded else "–"
        cells.append((steps, f"{total:,}", reward, _share(_sum(found, "unanswered"), total), picture))
    columns = ("steps", "rollouts", "mean reward", "no answer", "sources")
    return joined(
        [tag("h3", f"Run {run}"), tag("ul", legend, class_="legend"), table(f"rewards of {run}", columns, cells)]
    )


def _example(number: int, row: dict[str, Any]) -> Html:
    came = "came later" if row["label_came"] == "later" else "was visible before"
    by = f" by {', '.join(row['authors'])}" if row["authors"] else ""
    where = f"run {row['run']}" + ("" if row["step"] is None else f", step {row['step']}")
    where += ("" if not row["policy"] else f", policy {row['policy']}") + f", rollout {row['rollout'][:12]}"
    said = f"Predicted {row['predicted']:.2f}, labelled {row['label']:.2f} ({row['says']}{by}), which {came}."
    parts = joined(
        joined([tag("dt", part), tag("dd", whole_text(row[part]))]) for part in ("query", "thinking", "answer")
    )
    return tag(
        "article", tag("h3", f"{number}. {said}"), tag("p", where, class_="quiet"), tag("dl", parts), class_="example"
    )  # fmt: skip


def _metric(value: float | None) -> str:
    return f"{value:,.0f}" if value is not None and value > 1 else shown(value)


def _label_curve(fitted: Rows) -> Html:
    """What models that were fitted here knew of held-out queries, by how many labels they had."""
    models = sorted(fitted, key=lambda row: (row["labelled_queries"], row["fitted"]))
    cells = []
    for row in models:
        within = row["held_out_within_query_auc"]
        picture = Html() if within is None else bar(within, mark=0.5, what=f"AUC within queries {within:.3f}")
        known = (shown(row[f"held_out_{metric}"]) for metric in ("accuracy", "auc", "within_query_auc"))
        when = row["fitted"][:16].replace("T", " ")
        cells.append(
            (f"{row['labelled_queries']:,.0f}", *known, picture, row["model"][:12], shown(row["ledger"]), when)
        )
    columns = ("labelled queries", "accuracy", "AUC", "within queries", "chance as a line", "model", "ledger", "fitted")
    title = tag("h3", "What labels have brought")
    said = tag("p", "Held-out metrics of the models that were fitted last, by the labels they had.", class_="quiet")
    return joined([title, said, table("label curve", columns, cells)]) if cells else Html()


def _neighbourhood(group: Rows) -> Html:
    middle, near = group[0], group[1:]
    picture = neighbourhood(
        middle["right"],
        [Neighbour(row["cosine"], row["right"]) for row in near],
        what=f"a query and {len(near)} neighbours; the table below has their numbers",
    )
    cells = [
        (name, row["text"], cosine, _right(row), f"{row['labelled']} of {row['rollouts']}")
        for name, cosine, row in (("Q", "–", middle), *((str(n), f"{row['cosine']:.3f}", row) for n, row in enumerate(near, 1)))
    ]  # fmt: skip
    columns = ("", "query", "cosine", "right", "labelled rollouts")
    return joined([tag("h3", middle["text"]), picture, table("neighbours", columns, cells)])


def _right(row: dict[str, Any]) -> str:
    return "–" if row["right"] is None else f"{row['right']:.0%}"


def _key(kind: str) -> Html:
    """A patch of a colour, for a legend."""
    patch = tag("rect", x=1, y=1, width=8, height=8, class_=kind)
    return tag("svg", patch, viewBox="0 0 10 10", class_="key", aria_hidden="true")


def _breakable(name: str) -> Html:
    """A name that may go on in a new line after each underscore: on a phone it would push the numbers out of sight."""
    first, *others = name.split("_")
    return joined([first, *(part for other in others for part in (Html("_<wbr>"), other))])


def _family(name: str) -> str:
    """What kind of input of the regression it is."""
    base = name.removesuffix(_DEVIATION)
    beside = ", against its group" if name.endswith(_DEVIATION) else ""
    if base in (*FEATURES, *EXPERIENCE):
        return "votes of the rollouts to the query"
    return (f"check of {base.split('_')[1]}" if base.startswith("check_") else "came with the rollout") + beside


def _by_source(rows: Iterable[dict[str, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        found[row["source"]] += row["rollouts"]
    return found


def _rows_table(what: str, columns: Sequence[str], rows: Rows) -> Html:
    """Some columns of a query's rows."""
    cells = ([f"{row[name]:,}" if isinstance(row[name], int) else shown(row[name]) for name in columns] for row in rows)
    return table(what, [_WORDS.get(name, name) for name in columns], cells)


def _sum(rows: Iterable[dict[str, Any]], name: str) -> int:
    return sum(int(row[name]) for row in rows)


def _share(part: int, of: int) -> str:
    return f"{part / of:.0%}" if of else "none"


def _many(number: int, what: str) -> str:
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
