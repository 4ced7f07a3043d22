from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from memgraph.errors import InputError, SettingsError, TrainingError
from memgraph.settings import Settings
from memgraph.store import keys
from trainer.reward.completions import check_columns, is_training, read_samples
from trainer.reward.ranks import Ranks
from trainer.reward.rows import Task, with_query_columns
from trainer.run.data import training_dataset


def columns(*queries: str, **more: Any) -> dict[str, Any]:
    return {
        "query": list(queries),
        "dataset": ["d"] * len(queries),
        "domain": ["qa"] * len(queries),
        "query_key": [keys.query_key("d", query) for query in queries],
        **more,
    }


def test_columns_that_are_missing_or_contradict_each_other_are_refused() -> None:
    with pytest.raises(TrainingError, match=r"lacks the columns query_key, dataset.*training_rows"):
        check_columns({"query": ["a"], "domain": ["qa"]})
    wrong = columns("a", "b")
    wrong["query_key"] = wrong["query_key"][::-1]
    with pytest.raises(TrainingError, match="row 0: the column query_key does not belong"):
        read_samples(["x", "y"], wrong)
    for split in (["validation", "validation"], ["train", "eval"]):
        with pytest.raises(TrainingError, match=f"split holds '{sorted(split)[0]}'"):
            read_samples(["x", "y"], columns("a", "b", split=split))
    with pytest.raises(ValueError, match="zip"):
        read_samples(["x", "y"], columns("a"))


@hypothesis_settings(deadline=None, max_examples=25)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=4, unique=True), st.sampled_from(["train", "eval"]))
def test_the_data_set_carries_the_query_the_split_and_no_truth(queries: list[str], split: Any) -> None:
    tasks = [Task(keys.query_key("d", query), query, f"id-{query}", "d", "qa") for query in queries]
    for system_prompt in (None, "Think."):
        data = training_dataset(tasks, format_prompt=str, system_prompt=system_prompt, split=split).to_dict()
        assert set(data) == {"prompt", "query_key", "query", "query_id", "dataset", "domain", "split"}
        samples = read_samples(["x"] * len(queries), data)
        assert [sample.query for sample in samples] == queries
        assert is_training(data) == (split == "train")


@pytest.mark.parametrize("conversational", [False, True])
def test_a_data_set_of_ones_own_keeps_its_columns(conversational: bool) -> None:
    asked = ["What is 2 + 3?", "Name a colour."]
    prompts = [[{"role": "system", "content": "Think."}, {"role": "user", "content": q}] for q in asked]
    rows = Dataset.from_dict(
        {"prompt": prompts if conversational else asked, "kind": ["math", "qa"], "level": [1, 5], "name": ["a", "b"]}
    )
    data = with_query_columns(rows, dataset="mine", domain_column="kind", query_id="name").to_dict()
    assert {name: data[name] for name in ("level", "prompt")} == {"level": [1, 5], "prompt": rows["prompt"][:]}
    samples = read_samples(["x", "y"], data)
    assert [(one.query, one.domain, one.query_id) for one in samples] == [
        (asked[0], "math", "a"),
        (asked[1], "qa", "b"),
    ]
    assert is_training(data)
    held_out = with_query_columns(rows, dataset="mine", domain="math", split="eval").to_dict()
    assert (held_out["domain"], held_out["query_id"]) == (["math", "math"], ["0", "1"])
    assert not is_training(held_out)


def test_a_data_set_without_queries_is_refused() -> None:
    rows = Dataset.from_dict({"prompt": ["a", " "]})
    with pytest.raises(InputError, match="no column question, only prompt"):
        with_query_columns(rows, dataset="mine", domain="qa", query="question")
    with pytest.raises(InputError, match="one of the two; found None and None"):
        with_query_columns(rows, dataset="mine")
    with pytest.raises(InputError, match="would be overwritten: split; rename"):
        with_query_columns(rows.add_column("split", [1, 2]), dataset="mine", domain="qa")
    with pytest.raises(InputError, match="row 1: the column 'prompt' holds no text"):
        with_query_columns(rows, dataset="mine", domain="qa")


@given(st.integers(1, 9), st.integers(1, 50))
def test_no_two_ranks_number_a_rollout_alike(size: int, rollouts: int) -> None:
    numbers = [Ranks(rank, size).sample(position) for rank in range(size) for position in range(rollouts)]
    assert len(set(numbers)) == size * rollouts


@pytest.mark.parametrize(
    ("size", "local_size"),  # torchrun and accelerate, DeepSpeed's launcher, Open MPI
    [
        ("WORLD_SIZE", "LOCAL_WORLD_SIZE"),
        ("WORLD_SIZE", "LOCAL_SIZE"),
        ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    ],
)
def test_several_machines_without_a_common_server_are_refused(
    monkeypatch: pytest.MonkeyPatch, size: str, local_size: str
) -> None:
    for name in ("NEO4J_URI", "NEO4J_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(size, "16")
    monkeypatch.setenv(local_size, "8")
    with pytest.raises(
        SettingsError, match="16 processes train together, 8 of them on this machine, and NEO4J_URI is not set"
    ):
        Settings.load()
    monkeypatch.setenv(local_size, "16")
    Settings.load()
    monkeypatch.setenv(local_size, "8")
    monkeypatch.setenv("NEO4J_URI", "neo4j://shared:7687")
    monkeypatch.setenv("NEO4J_PASSWORD", "secret")
    Settings.load()


def test_machines_that_the_launcher_does_not_tell_of_are_noticed_too(tmp_path: Path) -> None:
    alone = Settings(home=tmp_path)
    alone.require_common_server(["a", "a"])
    with pytest.raises(SettingsError, match=r"processes on a, b train together, and NEO4J_URI is not set"):
        alone.require_common_server(["a", "b", "a"])
    Settings(home=tmp_path, uri="bolt://graph:7687", password=SecretStr("secret")).require_common_server(["a", "b"])
