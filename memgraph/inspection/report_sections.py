"""The sections of a report: each a finding in words, and what it rests on."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from memgraph.inspection.drawing import Neighbour, bar, neighbourhood, shade, signed, stack
from memgraph.inspection.report_facts import Facts, Rows
from memgraph.inspection.summed import over_domains
from memgraph.markup import Html, joined, table, tag, whole_text
from memgraph.models.consensus import FEATURES
from memgraph.printable import cut, percent, shown

_INPUTS = 12
_DEVIATION = "_deviation"
_NO_REWARD = "no reward"  # a source of the query `reward_sources`
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
_GUESSED = ("q2 guessed", "dashed: predicted, no rollout has a label")
_WEIGHTS = "A weight says by how much the first regression's logit grows with one standard deviation of the input."
_IN_PYTHON = """\
from memgraph import Memory

with Memory.open(read_only=True) as memory:
    model = memory.model({key!r})
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
    limited = [row for row in ledgers if row["left"] is not None]
    if limited and len(limited) == len(ledgers):
        left = _sum(limited, "left")
        finding += f" {_left(left)} of the budget of {_sum(limited, 'budget'):,}."
    parts = [_rows_table("spending by ledger", _LEDGER, ledgers)]
    if purposes:
        parts += [_rows_table("spending by purpose", _PURPOSE, purposes), tag("p", _PURPOSES, class_="quiet")]
    if facts.run is not None or facts.dataset is not None:
        said = "The first table counts whole ledgers, the second the labels that concern what is shown."
        parts.append(tag("p", said, class_="quiet"))
    together = facts.rows["agreement"][:_PAIRS]
    if together:
        most = together[0]
        finding += f" {most['first']} and {most['second']} agree on {percent(most['agreeing'])} of {_many(most['judged'], 'answer')}."
        said = "Kappa is the agreement beyond chance: 1 for the same, 0 for chance."
        parts += [_rows_table("agreement of those who judge", _AGREEMENT, together), tag("p", said, class_="quiet")]
    queries = ("label_spending", "label_spending_by_purpose", "agreement")
    return Section("labels", "What labels cost", finding, joined(parts) if ledgers else Html(), queries)


def calibration(facts: Facts) -> Section:
    """How far predictions agree with labels, and of how much that is known."""
    by_domain, models = facts.rows["calibration"], facts.rows["predictions_against_truth"]
    rows = over_domains(by_domain)
    tested, others = ([row for row in rows if row["held_out"] is held_out] for held_out in (True, False))
    finding = "No predicted rollout has a label yet, so there is nothing to compare predictions with."
    if tested:
        finding = _tested(
            tested, [row for row in by_domain if row["held_out"]], [row for row in models if row["checked"]]
        )
    elif others:
        finding = (
            f"The models may have learned from every label here, so that the agreement of {_agreement(others)} says little about "
            "new rollouts."
        )
    if unchecked := [row for row in models if not row["checked"]]:
        names = _named([shown(row["model"] or row["scorer"]) for row in unchecked], "model")
        finding += (
            f" {names} predicted {_many(_sum(unchecked, 'predicted'), 'rollout')}, and no label tests any of these."
        )
    parts: list[Html] = []
    if models:
        parts = [tag("p", _RULE), _models_table(models[-_MODELS:]), tag("p", _VOTE, class_="quiet")]
    if len(models) > _MODELS:
        parts.append(tag("p", f"These {_MODELS} of {len(models)} predicted last.", class_="quiet"))
    for title, held_out, found in (
        ("Labels that the models could not have learned from", True, tested),
        ("Labels that the models may have learned from", False, others),
    ):
        if found:
            domains = _domains_table([row for row in by_domain if row["held_out"] is held_out])
            parts += [tag("h3", title), tag("p", _accuracy(found)), domains, _tenths(found)]
    queries = ("predictions_against_truth", "calibration")
    return Section("calibration", "How far predictions hold", finding, joined(parts), queries)


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
    because = ""
    if reasons := _reasons(newest):
        because = f" ({'mostly: ' if len(reasons) > 1 else ''}{reasons.most_common()[0][0]})"
    shares = ", ".join(
        f"{source} for {_share(number, total)}{because if source == _NO_REWARD else ''}"
        for source, number in _by_source(newest).most_common()
    )
    finding = f"In the newest run, {name}, rewards came from {shares}. {unanswered}"
    body = joined(_rewards_of_run(run, found) for run, found in runs)
    return Section("rewards", "Where rewards came from", finding, body, ("reward_sources", "memory_contents"))


def suspects(facts: Facts) -> Section:
    """What may have hacked the reward."""
    rows = facts.rows["suspects"]
    finding = "No rollout with a high prediction is suspect of having hacked the reward."
    if rows:
        finding = f"{_many(rows[0]['in_all'], 'rollout')} may have hacked the reward."
        of_query = {row["query"]: row for row in reversed(rows)}  # the most suspect of each, as the last one stays
        most = [row for row in rows if row is of_query[row["query"]]][:_SUSPECTS]
        if len(most) < rows[0]["in_all"]:
            finding += (
                f" {'This is' if len(most) == 1 else f'These {len(most)} are'} the most suspect, one for each query."
            )
        rows = [_cut(row) | {"rollout": row["rollout"][:12]} for row in most]
    columns = ("query", "answer", "predicted", "training_reward", "why", "run", "step", "rollout")
    body = joined([tag("p", _SUSPECT), _rows_table("suspects", columns, rows)]) if rows else Html()
    return Section("suspects", "What may have hacked the reward", finding, body, ("suspects",))


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
    """What the reward model is made of that predicted last."""
    title, name, queries = "What the reward model relies on", "model", ("reward_models", "predictions_against_truth")
    model, fitted = facts.model, facts.rows["reward_models"]
    if model is None:
        said = facts.no_model or ""
        return Section(
            name, title, f"There is no reward model to show: {said.rstrip('.')}.", _label_curve(fitted), queries
        )
    strongest = sorted(model.weights.items(), key=lambda one: -abs(one[1]))[:_INPUTS]
    named = " and ".join(f"{key} ({weight:+.2f})" for key, weight in strongest[:2] if weight)
    held_out = model.metrics.get("held_out_within_query_auc")
    subject, newer = _which_model(facts, model.key or "")
    finding = f"{subject} relies most on {named or 'nothing yet'}."
    finding += (
        " It was fitted without labels, so nothing measures it."
        if not model.metrics.get("labelled_queries")
        else "" if held_out is None else f" On held-out queries it ranks {percent(held_out)} of right and wrong pairs rightly."
    )  # fmt: skip
    finding += newer
    largest = max((abs(weight) for _, weight in strongest), default=0.0)
    inputs = [
        (_breakable(key), _family(key), f"{weight:+.3f}", signed(weight, largest, what=f"{key}: {weight:+.3f}"))
        for key, weight in strongest
    ]
    metrics = [(_METRICS[key], _metric(model.metrics[key])) for key in _METRICS if key in model.metrics]
    one_right = ", ".join(model.one_right) or "none"
    source = tag("pre", _IN_PYTHON.format(key=model.key))
    body = joined(
        [
            tag("p", f"{_WEIGHTS} These are {len(strongest)} of {len(model.weights)}."),
            table(
                "strongest inputs", ("input", "what it is", "weight", "to the right: speaks for being right"), inputs
            ),
            table("metrics of the model", ("metric", "value"), metrics),
            tag("p", f"Domains whose labels show that a query has one right answer: {one_right}."),
            _label_curve(fitted),
        ]
    )
    return Section(name, title, finding, body, queries, (tag("p", "The weights, in Python:"), source))


def next_labels(facts: Facts) -> Section:
    """What is worth a label most, and what is left to pay for it."""
    left = {row["ledger"]: row["left"] for row in facts.rows["label_spending"]}
    rows = [_cut(row) for row in facts.rows["next_labels"][:_NEXT]]
    finding, body = "Every answer here is judged already.", Html()
    if rows:
        finding = "Worth a label most are answers that nobody has judged, that many rollouts give, and of which the model is unsure."
        ledger = facts.ledger or ("default" if "default" in left else next(iter(left), "default"))
        scope = [
            f"--{kind}={name}" for kind, name in (("run", facts.run), ("dataset", facts.dataset)) if name is not None
        ]
        out = tag("code", shlex.join(["memreward", "queue", "labels.csv", f"--ledger={ledger}", *scope]))
        back = tag("code", shlex.join(["memreward", "label", "labels.csv", f"--ledger={ledger}"]))
        how = joined([out, " writes a sheet of them, and ", back, " takes it back, filled in."])
        if (remaining := left.get(ledger)) is not None:
            finding += f" {_left(remaining)} of the budget of the ledger {ledger}."
            how = joined(
                [how, "" if remaining > 0 else " Its budget is used up: the second needs a larger one (--budget)."]
            )
        columns = ("query", "answer", "rollouts", "predicted", "value")
        body = joined([_rows_table("what to label next", columns, rows), tag("p", how)])
    return Section("next", "What to label next", finding, body, ("next_labels", "label_spending"))


def neighbourhoods(facts: Facts) -> Section:
    """Some queries and what they are similar to."""
    groups = [list(found) for _, found in groupby(facts.rows["neighbourhoods"], key=lambda row: row["query"])]
    near = [row for group in groups for row in group[1:]]
    finding = "No query is linked to similar ones yet. An import links them as soon as there are two."
    if near:
        mean = sum(row["cosine"] for row in near) / len(near)
        finding = f"{_many(len(groups), 'query')} with what they are similar to: neighbours have a cosine of {mean:.2f} on average."
    steps = joined(
        tag("li", _key(kind), words) for kind, words in (*((shade(right), words) for right, words in _SHADES), _GUESSED)
    )
    body = joined([tag("ul", steps, class_="legend"), *map(_neighbourhood, groups)]) if near else Html()
    return Section("neighbourhoods", "What is similar to what", finding, body, ("neighbourhoods",))


SECTIONS: tuple[Callable[[Facts], Section], ...] = (
    contents,
    spending,
    calibration,
    rewards,
    suspects,
    disagreements,
    relies_on,
    next_labels,
    neighbourhoods,
)
_LEDGER = (
    "ledger",
    "budget",
    "left",
    "queries_paid",
    "calibrate",
    "train",
    "monitor",
    "answers_paid",
    "reused",
    "labels",
)
_PURPOSE = ("ledger", "purpose", "kind", "authors", "labels", "queries", "rollouts", "share_right")
_CAME = {
    "later": "which came later",
    "monitor": "paid before, kept from the model (monitor)",
    "before": "which the model may have learned from",
}
_AGREEMENT = ("first", "second", "kinds", "judged", "agreeing", "kappa")
_PAIRS = 12
_EXAMPLES = 10
_MODELS = 12
_SUSPECTS = 5
_NEXT = 10
_REASONS = 8
_FEW_QUERIES = 20
_FEW_NAMES = 3
_RULE = (
    "A label tests a prediction if the model could not have learned from it: it came after the prediction, or it was paid to "
    "monitor the models, which are never trained on such labels."
)
_VOTES = {
    **dict.fromkeys(FEATURES, "the answer within its group"),
    "pooled_share": "the answer's share of the group and of the query's other groups, each policy by its weight",
    "experience_share": "the answer's share of the query's other groups alone, beside that",
    "experience": "how many rollouts the other groups have",
}
_VOTE = "Agreeing is the share that label and prediction say the same of. The vote is that of each group, on the same rollouts."
_PURPOSES = (
    "Purposes: calibrate was drawn at random, and models are trained and calibrated on it. Train was chosen otherwise, and models are "
    "trained on it. Monitor is kept from the models, to watch them."
)
_SUSPECT = (
    "Suspect are high predictions on what is more than twice as long as its group, repeats another's thinking, or belongs to a group "
    "with one answer. Each is a reason to look, no verdict."
)
_WORDS = {
    "datasets": "data sets",
    "dataset": "data set",
    "models": "reward models",
    "unanswered": "no answer",
    "left": "left of it",
    "queries_paid": "queries paid for",
    "calibrate": "calibrate (at random)",
    "train": "train (chosen)",
    "monitor": "monitor (kept from models)",
    "training_reward": "training reward",
    "answers_paid": "answers judged",
    "reused": "reused, free",
    "judged": "judged by both",
    "share_right": "share of these that is right",
}


def _tested(rows: Rows, by_domain: Rows, models: Rows) -> str:
    """What labels say of predictions that they test.

    Args:
        rows: by tenth.
        by_domain: by domain and tenth.
        models: rows of `predictions_against_truth` with something checked.
    """
    queries = sum({row["domain"]: row["queries"] for row in by_domain}.values())
    names = [shown(row["model"] or row["scorer"]) for row in models]
    first = min((row["first_checked"] for row in models if row["first_checked"] is not None), default=None)
    last = max((row["last_checked"] for row in models if row["last_checked"] is not None), default=None)
    steps = "" if first is None else f" at step {first}" if first == last else f" at steps {first} to {last}"
    checked = _sum(models, "checked")
    voted = sum(row["checked"] * row["vote_accuracy"] for row in models if row["checked"])
    vote = f", the vote of each group of {percent(voted / checked)}" if checked == _sum(rows, "rollouts") else ""
    ended = max((row["last_step"] for row in models if row["last_step"] is not None), default=None)
    rest = (
        ""
        if last is None or ended is None or ended <= last
        else f" Nothing tests what came after step {last}, up to step {ended}."
    )
    said = (
        f"On {_many(_sum(rows, 'rollouts'), 'rollout')} of {_many(queries, 'query')}, label and prediction say the same of "
        f"{_agreement(rows)}{vote}. {_named(names, 'model')} predicted them{steps}, and could not have learned from these "
        f"labels. Predicted and observed shares differ by {percent(_gap(rows))} on average.{rest}"
    )
    return said + (" So few queries say little about others." if queries < _FEW_QUERIES else "")


def _models_table(models: Rows) -> Html:
    """For each model how much it predicted, on how much of that it is checked, and what came out."""
    cells = [
        (
            *(
                shown(row["model"] or row["scorer"]),
                f"{row['predicted']:,}",
                _steps(row["first_step"], row["last_step"]),
            ),
            *(f"{row['checked']:,}", f"{row['queries']:,}", _steps(row["first_checked"], row["last_checked"])),
            *(percent(row[name]) for name in ("accuracy", "vote_accuracy", "predicted_of_right", "predicted_of_wrong")),
        )
        for row in models
    ]
    columns = (
        *("model", "predicted", "at steps", "checked", "of queries", "at steps", "agreeing", "vote agreeing"),
        *("mean prediction of right", "of wrong"),
    )
    return table("what tests each model", columns, cells)


def _domains_table(rows: Rows) -> Html:
    """Agreement by domain, where there are several."""
    cells = []
    for domain, found in groupby(rows, key=lambda row: row["domain"]):
        part = list(found)
        total = _sum(part, "rollouts")
        predicted = sum(row["predicted"] * row["rollouts"] for row in part) / total
        numbers = (
            f"{total:,}",
            f"{part[0]['queries']:,}",
            _agreement(part),
            percent(predicted),
            _share(_sum(part, "right"), total),
        )
        cells.append((shown(domain), *numbers))
    columns = ("domain", "rollouts", "queries", "agreeing", "mean prediction", "right")
    return table("agreement by domain", columns, cells) if len(cells) > 1 else Html()


def _cut(row: dict[str, Any]) -> dict[str, Any]:
    """The row with a query and an answer that fit into a table."""
    return {**row, "query": cut(shown(row["query"])), "answer": cut(shown(row["answer"]))}


def _steps(first: int | None, last: int | None) -> str:
    return "–" if first is None else f"{first:,}" if first == last else f"{first:,} to {last:,}"


def _agreement(rows: Rows) -> str:
    """Share of rollouts that label and prediction say the same of."""
    return _share(_sum(rows, "agreeing"), _sum(rows, "rollouts"))


def _named(names: Sequence[str], what: str) -> str:
    """A few by name, more by number; to begin a sentence with."""
    if len(names) > _FEW_NAMES:
        return _many(len(names), what)
    first = ", ".join(names[:-1])
    return f"The {what} {names[0]}" if not first else f"The {what}s {first} and {names[-1]}"


def _tenths(rows: Rows) -> Html:
    cells = []
    for row in rows:
        right, tenth = row["right"] / row["rollouts"], row["tenth"] / 10
        said = f"predicted {percent(row['predicted'])}, right {percent(right)}"
        numbers = f"{row['rollouts']:,}", percent(row["predicted"]), percent(right)
        cells.append((f"{tenth:.1f} to {tenth + 0.1:.1f}", *numbers, bar(right, mark=row["predicted"], what=said)))
    columns = ("predicted", "rollouts", "mean prediction", "right", "right, and the mean prediction as a line")
    return table("calibration by tenths", columns, cells)


def _accuracy(rows: Rows) -> str:
    total = _sum(rows, "rollouts")
    brier = sum(row["brier"] * row["rollouts"] for row in rows) / total
    return f"{_many(total, 'rollout')}: accuracy at ½ {_agreement(rows)}, Brier score {brier:.3f}, calibration error {_gap(rows):.3f}."


def _gap(rows: Rows) -> float:
    """Mean gap between predicted and observed share over the tenths, by rollouts."""
    gaps = (abs(row["predicted"] * row["rollouts"] - row["right"]) for row in rows)
    return float(sum(gaps)) / _sum(rows, "rollouts")


def _rewards_of_run(run: str, rows: Rows) -> Html:
    sources = sorted(_by_source(rows), key=lambda source: (source == _NO_REWARD, source))
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
    parts = [tag("h3", f"Run {run}"), tag("ul", legend, class_="legend"), table(f"rewards of {run}", columns, cells)]
    if reasons := _reasons(rows):
        why = [(reason, f"{number:,}") for reason, number in reasons.most_common(_REASONS)]
        parts.append(table(f"why rollouts of {run} got no reward", ("why there was no reward", "rollouts"), why))
    return joined(parts)


def _reasons(rows: Rows) -> Counter[str]:
    """Why rollouts got no reward, with how many."""
    found: Counter[str] = Counter()
    for row in rows:
        if row["reason"] is not None:
            found[row["reason"]] += row["rollouts"]
    return found


def _example(number: int, row: dict[str, Any]) -> Html:
    by = f" by {', '.join(row['authors'])}" if row["authors"] else ""
    where = f"run {row['run']}" + ("" if row["step"] is None else f", step {row['step']}")
    where += ("" if not row["policy"] else f", policy {row['policy']}") + f", rollout {row['rollout'][:12]}"
    said = f"Predicted {row['predicted']:.2f}, labelled {row['label']:.2f} ({row['says']}{by}), {_CAME[row['label_came']]}."
    parts = joined(
        joined([tag("dt", part), tag("dd", whole_text(row[part]))]) for part in ("query", "thinking", "answer")
    )
    return tag(
        "article", tag("h3", f"{number}. {said}"), tag("p", where, class_="quiet"), tag("dl", parts), class_="example"
    )  # fmt: skip


def _metric(value: float | None) -> str:
    return f"{value:,.0f}" if value is not None and value > 1 else shown(value)


def _which_model(facts: Facts, key: str) -> tuple[str, str]:
    """The model that is shown as a subject, and what to say of newer ones that have predicted nothing."""
    narrowed = " here" if facts.run is not None or facts.dataset is not None else ""
    if facts.spoke is None:
        return f"The newest model, {key[:12]}, which has predicted nothing{narrowed} yet,", ""
    keys = [row["model"] for row in facts.rows["reward_models"]]  # the newest first
    spoke = {row["model"] for row in facts.rows["predictions_against_truth"]}
    silent = [one[:12] for one in (keys[: keys.index(key)] if key in keys else []) if one[:12] not in spoke]
    said = f" A newer one, {silent[0]}, has predicted nothing{narrowed} yet." if silent else ""
    return f"Model {key[:12]}, which predicted last{narrowed} ({_many(facts.spoke['predicted'], 'rollout')}),", said


def _label_curve(fitted: Rows) -> Html:
    """What models that were fitted here knew of held-out queries: by how many labels they had, if these differ."""
    models = sorted(fitted, key=lambda row: (row["labelled_queries"], row["fitted"]))
    cells = []
    for row in models:
        within = row["held_out_within_query_auc"]
        picture = Html() if within is None else bar(within, mark=0.5, what=f"AUC within queries {within:.3f}")
        known = (shown(row[f"held_out_{metric}"]) for metric in ("accuracy", "auc", "within_query_auc"))
        when = row["fitted"][:16].replace("T", " ")
        cells.append(
            (
                *(f"{row[labelled] or 0:,.0f}" for labelled in ("labelled_queries", "labelled_rollouts")),
                *(*known, picture, row["model"][:12], shown(row["ledger"]), when),
            )
        )
    columns = (
        *("labelled queries", "rollouts to them", "accuracy", "AUC", "within queries", "chance as a line"),
        *("model", "ledger", "fitted"),
    )
    if len(cells) < 2:
        return Html()
    title, said = (
        "What labels have brought",
        "Held-out metrics of the models that were fitted last, by the labels they had.",
    )
    if len({row["labelled_queries"] for row in models}) == 1:
        title = "The models side by side"
        said = (
            f"All have {_many(int(models[0]['labelled_queries']), 'labelled query')}. They differ by age, and by how many rollouts to "
            "these there were: each is measured on its own. So this does not say what labels bring."
        )
    return joined([tag("h3", title), tag("p", said, class_="quiet"), table("models by labels", columns, cells)])


def _neighbourhood(group: Rows) -> Html:
    middle, near = group[0], group[1:]
    picture = neighbourhood(
        *(Neighbour(row["cosine"], row["right"], row["predicted"]) for row in group),
        what=f"a query and {len(near)} neighbours; the table below has their numbers",
    )
    cells = [
        (name, row["text"], cosine, f"{row['labelled']} of {row['rollouts']}", percent(row["right"]), percent(row["predicted"]))
        for name, cosine, row in (("Q", "–", middle), *((str(n), f"{row['cosine']:.3f}", row) for n, row in enumerate(near, 1)))
    ]  # fmt: skip
    columns = ("", "query", "cosine", "labelled rollouts", "right of these", "predicted for the others")
    return joined([tag("h3", middle["text"]), picture, table("neighbours", columns, cells)])


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
    if base in _VOTES:
        return _VOTES[base]
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
    return percent(part / of) if of else "none"


def _many(number: int, what: str) -> str:
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"


def _left(number: int) -> str:
    return f"{number:,} {'is' if number == 1 else 'are'} left" if number > 0 else "Nothing is left"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
