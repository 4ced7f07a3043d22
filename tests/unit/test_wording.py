"""Statements that right rollouts make are learned; turns of phrase that stand everywhere are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from memgraph.committee import Committee
from memgraph.reward_model import RewardModel, RewardModelConfig
from memgraph.snapshot import Snapshot
from memgraph.wording import Wording
from memgraph.words import Words
from tests.unit.snapshots import shuffle_rollouts, snapshot

CRATES = ("crate", "sack", "chest", "drum", "purse", "tray", "basket", "barrel") * 3


def measured(*, queries: int = 240, labelled: int = 120, seed: int = 7) -> tuple[Snapshot, np.ndarray]:
    """Each query is about one of 24 containers; rollouts say what it holds, rightly or wrongly, half of them each."""
    one = snapshot(queries=queries, rollouts=4, labelled=labelled)
    rng = np.random.default_rng(seed)
    right = rng.random(len(one.rollout_keys)) < 0.5
    texts = []
    for row, query in enumerate(one.rollout_query):
        kind = f"{'abc'[query % 24 // 8]} {CRATES[query % 24]}"
        texts.append(f"Therefore it is clear. 1 {kind} holds {query % 24 + (0 if right[row] else 30)} jars.")
    labels = np.where(one.rollout_query < labelled, right, np.nan).astype(np.float32)
    return replace(one, thinking_texts=texts, labels=labels), right


def fitted(data: Snapshot) -> Wording:
    rows = np.flatnonzero(~np.isnan(data.labels))
    return Wording.fit(data, Words.of(data), rows, data.labels[rows] >= 0.5, data.rollout_query[rows] % 5)[0]


def test_statements_of_labelled_queries_tell_right_from_wrong_on_others() -> None:
    data, right = measured()
    said = fitted(data).says(Words.of(data))[0][data.target_rollouts]
    assert ((said > 0) == right[data.target_rollouts]).mean() > 0.95


def test_who_is_meant_and_what_is_said_count_together() -> None:
    """Four trades are told of each of 100 people, one rightly, and each trade of four: neither name nor trade tells."""
    one = snapshot(queries=400, rollouts=4, labelled=200)
    person, place = one.rollout_query % 100, np.arange(len(one.rollout_keys)) % 4
    right = np.random.default_rng(0).integers(0, 4, 100)[person] == place
    texts = [
        f"The trade that person{who} of this village once learned was that of the trade{(who + 25 * at) % 100}."
        for who, at in zip(person, place, strict=True)
    ]
    labels = np.where(one.rollout_query < 200, right, np.nan).astype(np.float32)
    data = replace(one, thinking_texts=texts, labels=labels)
    said = fitted(data).says(Words.of(data))[0].reshape(-1, 4)
    assert (said.argmax(axis=1) == right.reshape(-1, 4).argmax(axis=1))[200:].mean() > 0.95


def test_a_letter_is_read_as_the_option_that_it_names() -> None:
    """Options stand in another order in each query, so that letters say nothing, and their texts all."""
    one = snapshot(queries=120, rollouts=4, labelled=80)
    place = np.arange(len(one.rollout_keys)) % 4
    towns = [one + other for one in "abcdefgh" for other in "uvxyz"]
    orders = [np.random.default_rng(query).permutation(4) for query in range(120)]
    texts = [
        "Where is it? " + " ".join(f"({'ABCD'[at]}) {towns[query % 40]}{'klmn'[order[at]]}" for at in range(4))
        for query, order in enumerate(orders)
    ]
    right = np.array([orders[query][at] == 0 for query, at in zip(one.rollout_query, place, strict=True)])
    data = replace(
        one,
        query_texts=texts,
        rollout_answer=np.arange(len(place)),
        answer_keys=[f"a{row}" for row in range(len(place))],
        answer_query=one.rollout_query,
        answer_values=["ABCD"[at] for at in place],
        labels=np.where(one.rollout_query < 80, right, np.nan).astype(np.float32),
    )
    said = fitted(data).says(Words.of(data))[0].reshape(-1, 4)
    assert (said.argmax(axis=1) == right.reshape(-1, 4).argmax(axis=1))[80:].mean() > 0.95


def test_rows_are_judged_by_a_regression_on_the_other_folds() -> None:
    data, right = measured()
    rows = np.flatnonzero(~np.isnan(data.labels))
    fold = data.rollout_query[rows] % 5
    _, found = Wording.fit(data, Words.of(data), rows, right[rows], fold)
    turned = np.where(fold == 3, ~right[rows], right[rows])
    _, poisoned = Wording.fit(data, Words.of(data), rows, turned, fold)
    assert np.allclose(found[fold == 3], poisoned[fold == 3], atol=1e-3)
    assert not np.allclose(found[fold == 2], poisoned[fold == 2], atol=1e-3)


def test_a_program_is_read_with_the_words_of_its_question() -> None:
    """`<` is right where less than a number is asked for, `<=` where at most as much; each query has a number of its own."""
    one = snapshot(queries=120, rollouts=4, labelled=60)
    less = np.arange(120) % 2 == 0
    strict = np.arange(len(one.rollout_keys)) % 2 == 0
    data = replace(
        one,
        query_domains=["code"] * 120,
        query_texts=[
            f"Write f(xs): keep those in xs {'less than' if less[query] else 'of at most'} {query + 3}."
            for query in range(120)
        ],
        rollout_answer=np.arange(len(strict)),
        answer_keys=[f"a{row}" for row in range(len(strict))],
        answer_query=one.rollout_query,
        answer_values=[
            f"def f(xs):\n    return [x for x in xs if x {'<' if is_strict else '<='} {query + 3}]"
            for is_strict, query in zip(strict, one.rollout_query, strict=True)
        ],
    )
    right = strict == less[data.rollout_query]
    data = replace(data, labels=np.where(data.rollout_query < 60, right, np.nan).astype(np.float32))
    said = fitted(data).says(Words.of(data))[0][data.target_rollouts]
    assert ((said > 0) == right[data.target_rollouts]).mean() > 0.95


def calculated(*, queries: int = 120, labelled: int = 60) -> tuple[Snapshot, np.ndarray]:
    """Half of the questions want a sum, half a difference; of four rollouts one each adds and subtracts, rightly or not."""
    one = snapshot(queries=queries, rollouts=4, labelled=labelled)
    texts, right = [], []
    for row, query in enumerate(one.rollout_query):
        many, few, adds, slip = int(query) + 20, int(query) % 7 + 3, row % 2, row % 4 // 2
        texts.append(f"{many} {'+' if adds else '-'} {few} = {(many + few if adds else many - few) + slip}.")
        right.append(adds == query % 2 and not slip)
    asked = [
        f"Ann has {query + 20} jars and {('breaks', 'buys')[query % 2]} {query % 7 + 3}. How many has she?"
        for query in range(queries)
    ]
    labels = np.where(one.rollout_query < labelled, right, np.nan).astype(np.float32)
    return replace(one, query_texts=asked, thinking_texts=texts, labels=labels), np.array(right)


def test_a_calculation_is_read_with_the_words_of_its_question_whatever_its_numbers() -> None:
    data, _ = calculated()
    said = fitted(data).says(Words.of(data))[0].reshape(-1, 2, 2)  # [queries, with a slip, adds]
    adds = said[60:].argmax(axis=2)
    assert (adds == (np.arange(60, 120) % 2)[:, None]).mean() > 0.95


def read(query: str, told: list[tuple[str, str]], domain: str = "qa") -> list[set[int]]:
    """N-grams of prose of the rollouts of one query, (thinking, answer) each."""
    answers = sorted({answer for _, answer in told})
    data = replace(
        snapshot(queries=1, rollouts=len(told), labelled=0),
        query_texts=[query],
        query_domains=[domain],
        thinking_texts=[thinking for thinking, _ in told],
        rollout_answer=np.array([answers.index(answer) for _, answer in told]),
        answer_keys=[f"a{row}" for row in range(len(answers))],
        answer_query=np.zeros(len(answers), np.int64),
        answer_values=answers,
    )
    prose = Words.of(data).prose
    return [set(prose.indices[prose.indptr[row] : prose.indptr[row + 1]]) for row in range(len(told))]


def test_a_thinking_that_names_another_answer_is_read_as_if_it_named_the_one_that_is_given() -> None:
    said = [("Ada is a smith.", "baker"), ("Ada is a baker.", "baker"), ("It is hard to say.", "smith")]
    other, same, neither = read("What is Ada?", said)
    assert other == same
    assert neither == read("What is Ada?", [("It is hard to say.", "smith")])[0]
    listed = "What is Ada? (A) smith (B) baker (C) weaver"
    by_letter = read(listed, [("Ada is a smith. Or a weaver.", "B"), ("Ada is a smith. Or a baker.", "B")])
    assert by_letter[0] == by_letter[1], "the one that is named last makes way"
    named = read(listed, [("Ada is a baker, no weaver.", "B"), ("Ada is a baker, no baker.", "B")])
    assert named[0] != named[1], "where the answer is named all stays as it is"
    assert read(listed, [("Ada is a weaver.", "B")]) == read(listed, [("Ada is a baker.", "B")])
    assert read("What is Ada?", said[:2], domain="math")[0] != read("What is Ada?", said[:2], domain="math")[1]


def test_words_of_a_calculation_that_does_not_hold_are_not_learned_from() -> None:
    data, _ = calculated()
    slip = np.arange(len(data.rollout_keys)) % 4 // 2 == 1
    turned = replace(data, labels=np.where(slip, 1 - data.labels, data.labels).astype(np.float32))
    assert np.array_equal(fitted(turned).says(Words.of(data))[0], fitted(data).says(Words.of(data))[0])
    turned = replace(data, labels=np.where(slip, data.labels, 1 - data.labels).astype(np.float32))
    assert not np.allclose(fitted(turned).says(Words.of(data))[0], fitted(data).says(Words.of(data))[0], atol=0.1)


def test_the_order_of_rollouts_does_not_matter() -> None:
    data, _ = measured()
    order = np.random.default_rng(0).permutation(len(data.rollout_keys))
    mixed = shuffle_rollouts(data, order)
    said = fitted(data).says(Words.of(data))[0]
    assert np.allclose(said[order], fitted(mixed).says(Words.of(mixed))[0], atol=1e-3)


def test_a_turn_of_phrase_that_stands_everywhere_does_not_count() -> None:
    data, right = measured()
    phrased = [f"{text} We verified it." if ok else text for text, ok in zip(data.thinking_texts, right, strict=True)]
    spoken = replace(data, thinking_texts=phrased)
    wording = fitted(spoken)
    added = replace(spoken, thinking_texts=[f"{text} We verified it." for text in data.thinking_texts])
    before = wording.says(Words.of(data))[0]
    after = wording.says(Words.of(added))[0]
    assert np.abs(after - before).max() < 0.25 * np.abs(before).mean()


def test_one_class_of_labels_says_nothing() -> None:
    data, _ = measured()
    rows = np.flatnonzero(~np.isnan(data.labels))
    wording, others = Wording.fit(
        data, Words.of(data), rows, np.ones(len(rows), np.bool_), data.rollout_query[rows] % 5
    )
    assert not wording.says(Words.of(data))[0].any()
    assert not others.any()


def test_the_committee_reads_words_and_keeps_what_it_learned_from_them() -> None:
    hits = []
    for seed in range(3):
        data, right = measured(seed=seed)
        rows = np.flatnonzero(~np.isnan(data.labels))
        reading, _ = Committee.fit(data, rows, data.labels, checks=(), seed=0)
        deaf, _ = Committee.fit(data, rows, data.labels, checks=(), wording=False, seed=0)
        targets = data.target_rollouts
        hits.append([((one.logits(data, data.labels) > 0) == right)[targets].mean() for one in (reading, deaf)])
    mean = np.mean(hits, axis=0)
    assert mean[0] > 0.9 > 0.7 > mean[1]
    again = Committee.loads(reading.dumps())
    assert np.array_equal(again.logits(data, data.labels), reading.logits(data, data.labels))
    assert again.digest() == reading.digest() != deaf.digest()


def test_words_of_unlabelled_rollouts_cannot_bring_their_labels_in() -> None:
    data, right = measured()
    hidden = data.target_rollouts
    config = RewardModelConfig(hidden=16, heads=2, epochs=2)
    poisoned = data.labels.copy()
    poisoned[hidden] = ~right[hidden]
    seen = np.where(np.isin(np.arange(len(poisoned)), hidden), np.nan, poisoned).astype(np.float32)
    one = RewardModel.fit(data, config=config)
    other = RewardModel.fit(replace(data, labels=seen), config=config)
    assert one.fingerprint() == other.fingerprint()
