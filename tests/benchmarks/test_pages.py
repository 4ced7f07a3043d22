"""Pages and README's figures are what the rows in results/ give."""

from __future__ import annotations

from dataclasses import replace

import pytest


def test_the_page_on_reward_quality_is_what_its_rows_give() -> None:
    from pages import README
    from reward_quality_page import PAGE, page, read, readme

    _, results, splits = read()
    assert page(results, splits) == PAGE.read_text(encoding="utf-8"), "run benchmarks/reward_quality_page.py"
    text = README.read_text(encoding="utf-8")
    assert readme(text, results, splits) == text, "run benchmarks/reward_quality_page.py"


@pytest.mark.slow
def test_the_page_on_rl_with_the_former_model_is_what_its_rows_give() -> None:
    from rl_page import FORMER, FORMER_PAGE, REPLACED, former_page, rows_of

    expected = former_page(*map(rows_of, (FORMER, REPLACED)))
    assert expected == FORMER_PAGE.read_text(encoding="utf-8"), "run benchmarks/rl_page.py"


def test_the_page_on_rl_is_what_its_rows_give() -> None:
    from pages import README, holds
    from rl_page import FORMER, PAGE, PRESENT, earlier_runs, page, rows_of, sentence

    present, former = map(rows_of, (PRESENT, FORMER))
    assert page(present, earlier_runs(), former) == PAGE.read_text(encoding="utf-8"), "run benchmarks/rl_page.py"
    assert holds(README.read_text(encoding="utf-8"), sentence(present, former)), "run benchmarks/rl_page.py"


def test_several_seeds_are_counted_and_share_their_interval() -> None:
    from rl_page import FORMER, PRESENT, rows_of, sentence, table

    former = rows_of(FORMER)
    of_26 = [row for row in rows_of(PRESENT) if row.seed == 26]
    others = {seed: next(row for row in former if (row.arm, row.seed) == ("acquired", seed)) for seed in (27, 28)}
    made_up = [replace(row, arm=arm) for row in others.values() for arm in ("memory", "moment")]
    said = sentence([*of_26, *made_up], former)
    assert ", three seeds) of what all labels give" in said
    lines = {line.split(" | ")[0].strip("| "): line for line in table([*of_26, *made_up], {}, former).splitlines()}
    assert "| 26 27 28 |" in lines["memory"]
    assert " ± ." in lines["memory"]
    assert "| 26 27 |" in lines["memory, the model before that"]  # it has not run with 28
    assert lines["oracle"].endswith("| 100.0 (100.0 to 100.0) |  |")


def test_a_draw_counts_as_many_problems_as_there_are() -> None:
    import numpy as np
    from rl_tables import _times

    times = _times(((3, 2), (3, 2), (4, 1)))
    assert times.shape[1] == 15
    assert times[0].tolist() == [1] * 15
    of_seed = np.stack([times[:, :5], times[:, 5:10], times[:, 10:]]).sum(axis=2)
    assert set(np.unique(of_seed)) <= {0, 5, 10, 15}
    assert (of_seed.sum(axis=0) == 15).all()
    assert (3 * times[:, 3:5].sum(axis=1) == 2 * times[:, :3].sum(axis=1)).all()  # problems are drawn within domains


def test_a_passage_that_is_not_there_is_told() -> None:
    from pages import holds, replaced, replaced_sentence

    text = "# Title\n\nOne 1 % of\nall. Two.\n\nEnd\n"
    assert replaced_sentence(text, r"One .*? of all\.", "One 2 % of all.") == "# Title\n\nOne 2 % of all. Two.\n\nEnd\n"
    assert holds(text, "1 % of all")
    with pytest.raises(ValueError, match="0 passages"):
        replaced(text, "Three", "Four")
    with pytest.raises(ValueError, match="0 paragraphs"):
        replaced_sentence(text, "Three", "Four")
