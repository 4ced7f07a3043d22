"""The wheel: what it asks for, and what it can do without any extra."""

from __future__ import annotations

import email
import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ON_DEMAND = {  # package → extras that bring it
    "torch": {"embed", "gnn"},
    "transformers": {"embed"},
    "sentence-transformers": {"embed"},
    "trl": {"trl"},
    "accelerate": {"trl"},
    "peft": {"trl"},
    "datasets": {"trl"},
    "torch-geometric": {"gnn"},
    "matplotlib": {"plots"},
    "pandas": {"pandas"},
    "textual": {"tui"},
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    (file,) = folder.glob("*.whl")
    return file


def test_a_memory_without_rl_asks_for_no_heavy_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as parts:
        (name,) = (name for name in parts.namelist() if name.endswith(".dist-info/METADATA"))
        wanted = email.message_from_bytes(parts.read(name)).get_all("Requires-Dist") or []
    extras: dict[str, set[str]] = {}
    for line in wanted:
        package = re.match(r"[\w.-]+", line)
        assert package is not None
        extras.setdefault(package[0].lower(), set()).update(re.findall(r"extra == '([\w-]+)'", line) or {""})
    assert all(extras[package] >= names for package, names in ON_DEMAND.items())
    assert [package for package in ON_DEMAND if "" in extras[package]] == []
    assert {package for package, names in extras.items() if "" in names} >= {"neo4j", "numpy", "scipy", "scikit-learn"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_bare_wheel_takes_rollouts_and_gives_rewards(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NEO4J_", "PYTHONPATH"))}

    def run(*words: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(python), *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1500, check=False
        )  # fmt: skip
        assert (done.returncode == 0) is ok, done.stderr
        return done

    run("-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), str(wheel))
    try:
        found = json.loads(run(str(Path(__file__).parent / "bare_install.py"), str(tmp_path)).stdout.splitlines()[-1])
        assert found["installed"] == []
        assert (found["new"], found["labelled"], found["scored"], found["rewards"]) == (48, 6, 24, 48)
        assert found["labels"] == 12
        assert "pip install 'memreward-graph[pandas]'" in found["pandas"]
        assert "pip install 'memreward-graph[embed]'" in found["embed"]
        shown = run("-m", "memgraph.cli", "inspect", "label_spending", "--json", "--home", str(tmp_path / "home"))
        assert json.loads(shown.stdout)[0]["queries_paid"] == 6
        refused = run("-m", "memgraph.cli", "demo", "--home", str(tmp_path / "demo"), ok=False)
        assert "pip install 'memreward-graph[trl]'" in refused.stderr
        assert "Traceback" not in refused.stderr
    finally:
        run("-m", "memgraph.cli", "db", "stop", "--home", str(tmp_path / "home"))
