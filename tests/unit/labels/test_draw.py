import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraph.errors import LedgerError
from memgraph.labels.draw import draw, parse_budget

clusters = st.lists(st.integers(1, 3), min_size=1, max_size=40).map(
    lambda sizes: [[f"q{cluster}-{member}" for member in range(size)] for cluster, size in enumerate(sizes)]
)
shares = st.floats(0, 1)


@settings(deadline=None)
@given(clusters, shares, shares, st.integers(0, 5))
def test_a_smaller_draw_lies_inside_a_larger_one(groups: list[list[str]], a: float, b: float, seed: int) -> None:
    small, large = sorted((a, b))
    assert set(draw(groups, small, seed)) <= set(draw(groups, large, seed))


@settings(deadline=None)
@given(clusters, shares, st.integers(0, 5), st.randoms())
def test_a_draw_does_not_depend_on_import_order(groups: list[list[str]], share: float, seed: int, random) -> None:
    shuffled = [random.sample(cluster, len(cluster)) for cluster in random.sample(groups, len(groups))]
    assert draw(groups, share, seed) == draw(shuffled, share, seed)


@settings(deadline=None)
@given(clusters, shares, st.integers(0, 5))
def test_near_duplicates_are_drawn_together_and_never_over_budget(
    groups: list[list[str]], share: float, seed: int
) -> None:
    drawn = set(draw(groups, share, seed))
    assert all(set(cluster) <= drawn or not set(cluster) & drawn for cluster in groups)
    assert len(drawn) <= -(-share * sum(map(len, groups)) // 1) + 1e-6


def test_a_share_a_count_and_everything() -> None:
    groups = [[f"q{i}"] for i in range(50)]
    assert len(draw(groups, 0.2, 0)) == 10
    assert len(draw(groups, 7, 0)) == 7
    assert len(draw(groups, 700, 0)) == 50
    assert len(draw(groups, None, 0)) == 50


def test_another_seed_draws_other_queries() -> None:
    groups = [[f"q{i}"] for i in range(50)]
    assert draw(groups, 10, 0) != draw(groups, 10, 1)


@pytest.mark.parametrize(
    ("text", "budget"), [("0.2", 0.2), ("20%", 0.2), ("50", 50), ("-1", -1), (None, None), ("1.0", 1.0)]
)
def test_budgets_are_read_as_shares_or_counts(text: str | None, budget: float | int | None) -> None:
    assert parse_budget(text) == budget
    assert type(parse_budget(text)) is type(budget)


def test_a_budget_that_is_neither_is_refused_with_what_was_found() -> None:
    with pytest.raises(LedgerError, match="'many'"):
        parse_budget("many")
    with pytest.raises(LedgerError, match=r"1\.5"):
        draw([["q"]], 1.5, 0)
