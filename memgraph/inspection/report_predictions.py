"""Sections of a report on predictions: how far they hold, where they were wrong, what may have hacked them, what makes them."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from memgraph.inspection.drawing import bar, signed
from memgraph.inspection.report_facts import Facts, Rows
from memgraph.inspection.report_parts import (
    Section,
    cut_texts,
    listed,
    many,
    rows_table,
    share,
    steps_between,
    total_of,
)
from memgraph.inspection.summed import over_domains
from memgraph.markup import Html, joined, table, tag, whole_text
from memgraph.models.consensus import FEATURES
from memgraph.printable import percent, shown

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
_WEIGHTS = "A weight says by how much the first regression's logit grows with one standard deviation of the input."
_IN_PYTHON = """\
from memgraph import Memory

with Memory.open(read_only=True) as memory:
    model = memory.model({key!r})
    print(model.weights, model.metrics, model.one_right)
"""
_CAME = {
    "later": "which came later",
    "monitor": "paid before, kept from the model (monitor)",
    "before": "which the model may have learned from",
}
_EXAMPLES = 10
_MODELS = 12
_SUSPECTS = 5
_FEW_QUERIES = 20
_RULE = (
    "A label tests a prediction if the model could not have learned from it: it came after the prediction, or it was paid to "
    "monitor the models, which are never trained on such labels."
)
_VOTES = {
    **dict.fromkeys(FEATURES, "the answer within its group"),
    "vote": "how likely the answer is right by all votes of the query, each policy by its weight",
    "pooled_share": "the answer's share of the group and of the query's other groups, each policy by its weight",
    "experience_share": "the answer's share of the query's other groups alone, beside that",
    "experience": "how many rollouts the other groups have",
}
_VOTE = "Agreeing is the share that label and prediction say the same of. The vote is that of each group, on the same rollouts."
_SUSPECT = (
    "Suspect are high predictions on what is more than twice as long as its group, repeats another's thinking, or belongs to a group "
    "with one answer. Each is a reason to look, no verdict."
)


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
        names = listed([shown(row["model"] or row["scorer"]) for row in unchecked], "model")
        finding += (
            f" {names} predicted {many(total_of(unchecked, 'predicted'), 'rollout')}, and no label tests any of these."
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


def suspects(facts: Facts) -> Section:
    """What may have hacked the reward."""
    rows = facts.rows["suspects"]
    finding = "No rollout with a high prediction is suspect of having hacked the reward."
    if rows:
        reasons = {why: rows[0][f"in_all_{why.replace(' ', '_')}"] for why in ("long", "repeated", "one answer")}
        each = ", ".join(f"{why} {count:,}" for why, count in reasons.items() if count)
        finding = f"{many(rows[0]['in_all'], 'rollout')} may have hacked the reward ({each})."
        of_query = {row["query"]: row for row in reversed(rows)}  # the most suspect of each, as the last one stays
        most = [row for row in rows if row is of_query[row["query"]]][:_SUSPECTS]
        if len(most) < rows[0]["in_all"]:
            finding += (
                f" {'This is' if len(most) == 1 else f'These {len(most)} are'} the most suspect, one for each query."
            )
        rows = [cut_texts(row) | {"rollout": row["rollout"][:12]} for row in most]
    columns = ("query", "answer", "predicted", "training_reward", "why", "run", "step", "rollout")
    body = joined([tag("p", _SUSPECT), rows_table("suspects", columns, rows)]) if rows else Html()
    return Section("suspects", "What may have hacked the reward", finding, body, ("suspects",))


def disagreements(facts: Facts) -> Section:
    """Where a prediction says the opposite of a label."""
    rows = [row for row in facts.rows["wrong_predictions"] if row["place"] == 1][:_EXAMPLES]
    all_of = facts.rows["calibration"]
    wrong = total_of(all_of, "rollouts") - total_of(all_of, "agreeing")
    finding = (
        f"{many(wrong, 'prediction')} of {total_of(all_of, 'rollouts'):,} that have a label {'is' if wrong == 1 else 'are'} on "
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
    checked = total_of(models, "checked")
    voted = sum(row["checked"] * row["vote_accuracy"] for row in models if row["checked"])
    vote = f", the vote of each group of {percent(voted / checked)}" if checked == total_of(rows, "rollouts") else ""
    ended = max((row["last_step"] for row in models if row["last_step"] is not None), default=None)
    rest = (
        ""
        if last is None or ended is None or ended <= last
        else f" Nothing tests what came after step {last}, up to step {ended}."
    )
    said = (
        f"On {many(total_of(rows, 'rollouts'), 'rollout')} of {many(queries, 'query')}, label and prediction say the same of "
        f"{_agreement(rows)}{vote}. {listed(names, 'model')} predicted them{steps}, and could not have learned from these "
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
                steps_between(row["first_step"], row["last_step"]),
            ),
            *(f"{row['checked']:,}", f"{row['queries']:,}", steps_between(row["first_checked"], row["last_checked"])),
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
        total = total_of(part, "rollouts")
        predicted = sum(row["predicted"] * row["rollouts"] for row in part) / total
        numbers = (
            f"{total:,}",
            f"{part[0]['queries']:,}",
            _agreement(part),
            percent(predicted),
            share(total_of(part, "right"), total),
        )
        cells.append((shown(domain), *numbers))
    columns = ("domain", "rollouts", "queries", "agreeing", "mean prediction", "right")
    return table("agreement by domain", columns, cells) if len(cells) > 1 else Html()


def _agreement(rows: Rows) -> str:
    """Share of rollouts that label and prediction say the same of."""
    return share(total_of(rows, "agreeing"), total_of(rows, "rollouts"))


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
    total = total_of(rows, "rollouts")
    brier = sum(row["brier"] * row["rollouts"] for row in rows) / total
    return f"{many(total, 'rollout')}: accuracy at ½ {_agreement(rows)}, Brier score {brier:.3f}, calibration error {_gap(rows):.3f}."


def _gap(rows: Rows) -> float:
    """Mean gap between predicted and observed share over the tenths, by rollouts."""
    gaps = (abs(row["predicted"] * row["rollouts"] - row["right"]) for row in rows)
    return float(sum(gaps)) / total_of(rows, "rollouts")


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
    return f"Model {key[:12]}, which predicted last{narrowed} ({many(facts.spoke['predicted'], 'rollout')}),", said


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
            f"All have {many(int(models[0]['labelled_queries']), 'labelled query')}. They differ by age, and by how many rollouts to "
            "these there were: each is measured on its own. So this does not say what labels bring."
        )
    return joined([tag("h3", title), tag("p", said, class_="quiet"), table("models by labels", columns, cells)])


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
