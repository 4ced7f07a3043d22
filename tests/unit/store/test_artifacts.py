from dataclasses import replace
from pathlib import Path

import pytest

from memgraph.errors import ArtifactError
from memgraph.store.server.artifacts import Artifact, ensure_jars, wanted_artifacts

VERSION, ALL = wanted_artifacts()
SMALLEST = sorted(ALL, key=lambda artifact: artifact.size)[:2]


@pytest.fixture
def jars(tmp_path: Path) -> list[Path]:
    """Two small jars of the real list, fetched from Maven Central."""
    return ensure_jars(tmp_path, artifacts=(VERSION, SMALLEST))


def again(tmp_path: Path, artifacts: list[Artifact] = SMALLEST) -> list[Path]:
    return ensure_jars(tmp_path, artifacts=(VERSION, artifacts))


def test_the_list_is_exact_and_holds_no_test_libraries() -> None:
    assert len(ALL) == len({artifact.file for artifact in ALL}) > 200
    assert all(len(artifact.sha256) == 64 and artifact.size > 0 for artifact in ALL)
    assert not {"junit", "mockito-core", "hamcrest"} & {artifact.name for artifact in ALL}
    assert "neo4j-browser" in {artifact.name for artifact in ALL}


def test_jars_arrive_whole_and_are_fetched_once(jars: list[Path], tmp_path: Path) -> None:
    before = [jar.stat().st_mtime_ns for jar in jars]
    assert again(tmp_path) == jars
    assert [jar.stat().st_mtime_ns for jar in jars] == before


def test_a_download_cut_half_way_is_repaired(jars: list[Path], tmp_path: Path) -> None:
    whole = jars[0].read_bytes()
    jars[0].write_bytes(whole[: len(whole) // 2])
    again(tmp_path)
    assert jars[0].read_bytes() == whole


def test_a_tampered_jar_is_refused_with_both_hashes(jars: list[Path], tmp_path: Path) -> None:
    content = bytearray(jars[0].read_bytes())
    content[10] ^= 1
    jars[0].write_bytes(content)
    with pytest.raises(
        ArtifactError, match=rf"{jars[0].name} .*expected sha256 {SMALLEST[0].sha256}, found [0-9a-f]{{64}}"
    ):
        again(tmp_path)


def test_a_repository_that_delivers_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="arrived with sha256"):
        again(tmp_path, [replace(SMALLEST[0], sha256="0" * 64)])


def test_an_artifact_that_is_not_there_says_what_to_check(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="check the network"):
        again(tmp_path, [replace(SMALLEST[0], version="0.0.0-none")])


def test_a_cache_that_cannot_be_written_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="MEMREWARD_CACHE"):
        again(tmp_path / "file")
