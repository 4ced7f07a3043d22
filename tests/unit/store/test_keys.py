from hypothesis import given
from hypothesis import strategies as st

from memgraph.store import keys

texts = st.text(max_size=30)


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
def test_keys_differ_exactly_where_parts_differ(left: list[str], right: list[str]) -> None:
    assert (keys.key_of("kind", *left) == keys.key_of("kind", *right)) == (left == right)


def test_the_kind_is_part_of_the_key() -> None:
    assert keys.key_of("query", "a") != keys.key_of("answer", "a")


def test_a_key_is_the_same_in_every_version_of_this_package() -> None:
    # Stored graphs depend on it: a change here orphans every node.
    assert keys.query_key("gsm8k", "1+1?").startswith("39bb52ed2e050f24")


@given(texts, texts)
def test_rollouts_of_different_samples_have_different_keys(run: str, query: str) -> None:
    found = {
        keys.sampled_rollout_key(run, attempt, call, query, sample)
        for attempt in range(2)
        for call in range(2)
        for sample in range(3)
    }
    assert len(found) == 12


@given(st.integers(), st.lists(texts, min_size=1, max_size=4))
def test_a_draw_position_lies_in_the_unit_interval_and_ignores_order(seed: int, members: list[str]) -> None:
    position = keys.draw_position(seed, members)
    assert 0 <= position < 1
    assert position == keys.draw_position(seed, reversed(members))
