from pathlib import Path
from typing import Any

import pytest
import yaml

from memgraph.settings import Settings
from memgraph.store.server.artifacts import wanted_artifacts
from memgraph.store.server.home import SHARED_SETTINGS, memory_sizes

SERVICE: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "docker-compose.yml").read_text())["services"][
    "neo4j"
]


def variable(setting: str) -> str:
    """Name of a Neo4j setting in the container's environment: `_` doubled, `.` to `_`."""
    return "NEO4J_" + setting.replace("_", "__").replace(".", "_")


def test_it_is_the_version_that_the_managed_server_runs() -> None:
    assert SERVICE["image"] == f"neo4j:{wanted_artifacts()[0]}-community"


@pytest.mark.parametrize("setting", SHARED_SETTINGS)
def test_settings_are_those_of_the_managed_server(setting: str) -> None:
    assert SERVICE["environment"][variable(setting)] == SHARED_SETTINGS[setting]


def test_its_memory_is_the_most_that_the_managed_server_takes() -> None:
    largest = memory_sizes(Settings(heap_mb=2048, page_cache_mb=1024))
    for setting, size in zip(("server.memory.heap.max_size", "server.memory.pagecache.size"), largest, strict=True):
        assert SERVICE["environment"][variable(setting)].endswith(f":-{size}m}}")


def test_ports_are_on_loopback_and_the_password_comes_from_the_environment() -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICE["ports"])
    assert SERVICE["environment"]["NEO4J_AUTH"].startswith("neo4j/${NEO4J_PASSWORD:?")


def test_data_are_in_a_named_volume_and_health_is_checked() -> None:
    assert SERVICE["volumes"] == ["memreward-data:/data"]
    assert SERVICE["healthcheck"]["test"]
