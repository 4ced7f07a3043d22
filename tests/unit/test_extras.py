"""A package that is not installed is missed by an error that names the extra."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from memgraph.errors import MemRewardError, MissingPackage
from memgraph.extras import _EXTRAS, installed
from memgraph.models.scorers import PaperGnnScorer
from memgraph.rollouts.embedding import SentenceEmbedder
from tests.unit.snapshots import snapshot

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_extra_that_an_error_names_brings_the_package() -> None:
    for package, extra in _EXTRAS.items():
        names = [line.split(">")[0].replace("-", "_") for line in PROJECT["optional-dependencies"][extra]]
        assert package in names


def test_the_missing_package_and_its_extra_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("memgraph.models.graph_data", "memgraph.models.paper_gnn"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    missing = {"sentence_transformers", "torch_geometric"}
    for name in {*missing, *(name for name in sys.modules if name.partition(".")[0] in missing)}:
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed, whatever other tests have loaded
    with pytest.raises(MissingPackage, match=r"sentence_transformers .*'memreward-graph\[embed\]'"):
        SentenceEmbedder("some/model").embed(["text"])
    with pytest.raises(MissingPackage, match=r"torch_geometric .*'memreward-graph\[gnn\]'"):
        PaperGnnScorer("published").fit(snapshot())


def test_what_no_extra_brings_is_an_error_as_before() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package") as raised, installed():
        import no_such_package  # noqa: F401
    assert not isinstance(raised.value, MemRewardError)
    with pytest.raises(MissingPackage, match=r"memreward-graph\[trl\]"), installed("trl"):
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
