"""The sections of a report in their order, and those on what is in the memory, what was paid and rewarded, and what to label next."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby
from math import isnan
from typing import Any

from memgraph.inspection.drawing import Neighbour, neighbourhood, shade, stack
from memgraph.inspection.report_facts import Facts, Rows
from memgraph.inspection.report_parts import (
    Section,
    cut_texts,
    in_words,
    left_over,
    many,
    rows_table,
    share,
    total_of,
    was,
)
from memgraph.inspection.report_predictions import calibration, disagreements, relies_on, suspects
from memgraph.inspection.summed import mean_of
from memgraph.markup import Html, joined, table, tag
from memgraph.printable import percent
from memgraph.store.meant import ledger_among

_ENOUGH = 20  # rewards of a source, before their mean says something
_FAR_LESS = 0.15  # than the mean prediction
_NO_REWARD = "no reward"  # a source of the query `reward_sources`
_SHADES = (
    (0.1, "0 to 20 % right"),
    (0.3, "to 40 %"),
    (0.5, "to 60 %"),
    (0.7, "to 80 %"),
    (0.9, "to 100 %"),
    (None, "unknown"),
)
_GUESSED = ("q2 guessed", "dashed: predicted, no rollout has a label")
_LEDGER = (
    "ledger",
    "budget",
    "left",
    "queries_paid",
    "calibrate",
    "train",
    "monitor",
    "answers_paid",
    "forgotten",
    "reused",
    "labels",
    "evaluations",
)
_PURPOSE = ("ledger", "purpose", "kind", "authors", "labels", "queries", "rollouts", "share_right")
_AGREEMENT = ("first", "second", "kinds", "judged", "agreeing", "kappa")
_PAIRS = 12
_NEXT = 10
_REASONS = 8
_PURPOSES = (
    "Purposes: calibrate was drawn at random, and models are trained and calibrated on it. Train was chosen otherwise, and models are "
    "trained on it. Monitor is kept from the models, to watch them."
)


def contents(facts: Facts) -> Section:
    """What is in the memory."""
    counts = facts.contents
    rows = facts.rows["rollouts_by_run"]
    domains = sorted({row["domain"] for row in rows if row["domain"]})
    finding = (
        f"{many(counts['rollouts'], 'rollout')} of {many(counts['queries'], 'query')}, from {many(counts['runs'], 'run')}. "
        f"{share(counts['unanswered'], counts['rollouts'])} of them state no answer."
    )
    tiles = ("queries", "rollouts", "runs", "datasets", "domains", "policies", "labels", "predictions", "models")
    facts_list = joined(tag("div", tag("dt", in_words(name)), tag("dd", f"{counts[name]:,}")) for name in tiles)
    columns = ("run", "dataset", "domain", "policies", "queries", "rollouts", "unanswered", "labelled", "predicted")
    said = f"Domains: {', '.join(domains)}. " if domains else ""
    said += "A rollout is labelled where its answer has a label, and predicted where a scorer has ever given it a probability."
    body = joined([tag("dl", facts_list, class_="facts"), tag("p", said), rows_table("rollouts by run", columns, rows)])
    return Section("contents", "What is in it", finding, body, ("memory_contents", "rollouts_by_run"))


def spending(facts: Facts) -> Section:
    """What was paid for labels."""
    ledgers, purposes = facts.rows["label_spending"], facts.rows["label_spending_by_purpose"]
    paid = sum(row["queries_paid"] for row in ledgers)
    answers = sum(row["answers_paid"] for row in ledgers)
    judged = facts.contents["labelled"]
    finding = (
        f"{many(paid, 'query')} {was(paid)} paid for in {many(len(ledgers), 'ledger')}, and {many(answers, 'answer')} "
        f"{was(answers)} judged one by one. {many(judged, 'rollout')} {'has' if judged == 1 else 'have'} a label by now."
        if ledgers
        else "No label was paid for yet. `memreward reveal` reveals the truth of some queries, `memreward label` takes "
        "what people say."
    )
    limited = [row for row in ledgers if row["left"] is not None]
    if limited and len(limited) == len(ledgers):
        left = total_of(limited, "left")
        finding += f" {left_over(left)} of the budget of {total_of(limited, 'budget'):,}."
    parts = [rows_table("spending by ledger", _LEDGER, ledgers)]
    if purposes:
        parts += [rows_table("spending by purpose", _PURPOSE, purposes), tag("p", _PURPOSES, class_="quiet")]
    if facts.run is not None or facts.dataset is not None:
        said = "The first table counts whole ledgers, the second the labels that concern what is shown."
        parts.append(tag("p", said, class_="quiet"))
    together = facts.rows["agreement"][:_PAIRS]
    if together:
        most = together[0]
        finding += f" {most['first']} and {most['second']} agree on {percent(most['agreeing'])} of {many(most['judged'], 'answer')}."
        said = "Kappa is the agreement beyond chance: 1 for the same, 0 for chance."
        parts += [rows_table("agreement of those who judge", _AGREEMENT, together), tag("p", said, class_="quiet")]
    queries = ("label_spending", "label_spending_by_purpose", "agreement")
    return Section("labels", "What labels cost", finding, joined(parts) if ledgers else Html(), queries)


def rewards(facts: Facts) -> Section:
    """Where training runs got their rewards from."""
    rows = facts.rows["reward_sources"]
    runs = [(run, list(found)) for run, found in groupby(rows, key=lambda row: row["run"])]
    counts = facts.contents
    unanswered = f"{share(counts['unanswered'], counts['rollouts'])} of all rollouts state no answer."
    if not runs:
        said = "No training run has asked for rewards yet."
        return Section("rewards", "Where rewards came from", f"{said} {unanswered}", Html(), ("reward_sources",))
    name, newest = runs[0]
    total = total_of(newest, "rollouts")
    because = ""
    if reasons := _reasons(newest):
        because = f" ({'mostly: ' if len(reasons) > 1 else ''}{reasons.most_common()[0][0]})"
    shares = ", ".join(
        f"{source} for {share(number, total)}{because if source == _NO_REWARD else ''}"
        for source, number in _by_source(newest).most_common()
    )
    finding = f"In the newest run, {name}, rewards came from {shares}. {unanswered}{against_labels(newest)}"
    body = joined(_rewards_of_run(run, found) for run, found in runs)
    return Section("rewards", "Where rewards came from", finding, body, ("reward_sources", "memory_contents"))


def next_labels(facts: Facts) -> Section:
    """What is worth a label most, and what is left to pay for it."""
    left = {row["ledger"]: row["left"] for row in facts.rows["label_spending"]}
    rows = [cut_texts(row) for row in facts.rows["next_labels"][:_NEXT]]
    finding, body = "Every answer here is judged already.", Html()
    if rows:
        finding = "Worth a label most are answers that nobody has judged, that many rollouts give, and of which the model is unsure."
        scope = [
            f"--{kind}={name}" for kind, name in (("run", facts.run), ("dataset", facts.dataset)) if name is not None
        ]
        ledger = facts.ledger or ledger_among(left)
        named = "--ledger=LEDGER" if ledger is None else f"--ledger={ledger}"
        out = tag("code", shlex.join(["memreward", "queue", "labels.csv", named, *scope]))
        back = tag("code", shlex.join(["memreward", "label", "labels.csv", named]))
        how = joined([out, " writes a sheet of them, and ", back, " takes it back, filled in."])
        if ledger is None:
            how = joined([how, f" LEDGER is one of {', '.join(left)}."])
        elif (remaining := left.get(ledger)) is not None:
            finding += f" {left_over(remaining)} of the budget of the ledger {ledger}."
            how = joined(
                [how, "" if remaining > 0 else " Its budget is used up: the second needs a larger one (--budget)."]
            )
        columns = ("query", "answer", "rollouts", "predicted", "value")
        body = joined([rows_table("what to label next", columns, rows), tag("p", how)])
    return Section("next", "What to label next", finding, body, ("next_labels", "label_spending"))


def neighbourhoods(facts: Facts) -> Section:
    """Some queries and what they are similar to."""
    groups = [list(found) for _, found in groupby(facts.rows["neighbourhoods"], key=lambda row: row["query"])]
    near = [row for group in groups for row in group[1:]]
    finding = "No query is linked to similar ones yet. An import links them as soon as there are two."
    if near:
        mean = sum(row["cosine"] for row in near) / len(near)
        finding = f"{many(len(groups), 'query')} with what they are similar to: neighbours have a cosine of {mean:.2f} on average."
    steps = joined(
        tag("li", _key(kind), words) for kind, words in (*((shade(right), words) for right, words in _SHADES), _GUESSED)
    )
    body = joined([tag("ul", steps, class_="legend"), *map(_neighbourhood, groups)]) if near else Html()
    return Section("neighbourhoods", "What is similar to what", finding, body, ("neighbourhoods",))


def _rewards_of_run(run: str, rows: Rows) -> Html:
    sources = sorted(_by_source(rows), key=lambda source: (source == _NO_REWARD, source))
    legend = joined(tag("li", _key(f"s{number % 6}"), source) for number, source in enumerate(sources))
    cells = []
    for (first, last), part in groupby(rows, key=lambda row: (row["first"], row["last"])):
        found = list(part)
        total, given = total_of(found, "rollouts"), _by_source(found)
        mean = mean_of("mean_reward", found)
        said = ", ".join(f"{source} {share(given[source], total)}" for source in sources if given[source])
        picture = joined(
            [stack([given[source] / total for source in sources], what=said), tag("span", said, class_="quiet")]
        )
        steps = str(first) if first == last else f"{first} to {last}"
        reward = "–" if isnan(mean) else f"{mean:.3f}"
        cells.append((steps, f"{total:,}", reward, share(total_of(found, "unanswered"), total), picture))
    columns = ("steps", "rollouts", "mean reward", "no answer", "sources")
    parts = [tag("h3", f"Run {run}"), tag("ul", legend, class_="legend"), table(f"rewards of {run}", columns, cells)]
    if reasons := _reasons(rows):
        why = [(reason, f"{number:,}") for reason, number in reasons.most_common(_REASONS)]
        parts.append(table(f"why rollouts of {run} got no reward", ("why there was no reward", "rollouts"), why))
    return joined(parts)


def against_labels(rows: Rows) -> str:
    """A sentence where a run's labels say, in the last quarter of its steps, that far less is right than was predicted.

    Its labelled queries are trained on by their labels, so that they should be right more often than the others, not less.

    Args:
        rows: of the run, from the query `reward_sources`.
    """
    from_on = rows[0]["first"] + (rows[-1]["last"] + 1 - rows[0]["first"]) * 3 / 4
    mean = {}
    for source in ("label", "reward_model"):
        given = [row for row in rows if row["source"] == source and row["first"] >= from_on]
        if total_of(given, "rollouts") < _ENOUGH:
            return ""
        mean[source] = mean_of("mean_reward", given)
    if mean["reward_model"] - mean["label"] < _FAR_LESS:
        return ""
    return (
        f" In the last quarter of its steps predictions gave {mean['reward_model']:.2f} on the mean and labels {mean['label']:.2f}: "
        "the policy may have learned to please the reward model. Fit it more often, or label more."
    )


def _reasons(rows: Rows) -> Counter[str]:
    """Why rollouts got no reward, with how many."""
    found: Counter[str] = Counter()
    for row in rows:
        if row["reason"] is not None:
            found[row["reason"]] += row["rollouts"]
    return found


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


def _by_source(rows: Iterable[dict[str, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        found[row["source"]] += row["rollouts"]
    return found


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
