"""Neo4j's jars: an exact, checked-in list; fetched from Maven Central by jgo; every sha256 checked before each start.

`python -m memgraph.store.server.artifacts --update 2026.08.1` resolves a version again and rewrites the list, for review.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from memgraph.errors import ArtifactError
from memgraph.progress import Say, silent

if TYPE_CHECKING:
    from jgo.maven import MavenContext

_LIST = "artifacts.json"
_BROWSER = ("org.neo4j.client", "neo4j-browser", "5.24.0")
_NOT_FOR_RUNNING = {"junit", "hamcrest", "mockito-core", "byte-buddy", "byte-buddy-agent", "objenesis"}
_DOWNLOADS = 8
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Artifact:
    """One jar, exactly."""

    group: str
    name: str
    version: str
    classifier: str
    sha256: str
    size: int

    @property
    def file(self) -> str:
        """File name of the jar; unique in the list because the group is part of it."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        return f"{self.group}_{self.name}-{self.version}{suffix}.jar"


def wanted_artifacts() -> tuple[str, list[Artifact]]:
    """Neo4j's version and all jars of the checked-in list."""
    document = json.loads((resources.files("memgraph.store.server") / _LIST).read_text(encoding="utf-8"))
    return document["neo4j"], [Artifact(**entry) for entry in document["artifacts"]]


def ensure_jars(
    cache: Path,
    *,
    say: Say = silent,
    artifacts: tuple[str, list[Artifact]] | None = None,
) -> list[Path]:
    """Paths of all jars below `cache`, each with the sha256 of the list; fetches what is missing.

    A jar that is cut short is fetched again; one of the full length with other content is refused, since nothing that
    happens by accident makes such a file. Several processes may call this at once.

    Raises:
        ArtifactError: naming the jar, what was expected and found, and what to do.
    """
    version, wanted = artifacts or wanted_artifacts()
    folder = cache / f"neo4j-{version}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(cache / f"neo4j-{version}.lock"):
            missing = [artifact for artifact in wanted if not _usable(folder / artifact.file, artifact)]
            if missing:
                _fetch(missing, folder, say)
    except OSError as error:
        raise ArtifactError(
            f"cannot keep Neo4j's jars in {folder}: {error}; free some space (about 200 MB) or name another folder with "
            "MEMREWARD_CACHE"
        ) from error
    return [folder / artifact.file for artifact in wanted]


def _usable(file: Path, artifact: Artifact) -> bool:
    """Whether the jar is there and right; False if it has to be fetched.

    Raises:
        ArtifactError: if it was tampered with.
    """
    if not file.is_file():
        return False
    if file.stat().st_size < artifact.size:
        return False
    digest = _sha256(file)
    if digest != artifact.sha256:
        raise ArtifactError(
            f"{file} is not the jar on the checked-in list: expected sha256 {artifact.sha256}, found {digest}. It was "
            "changed after it was fetched; find out by whom, then delete it and start again"
        )
    return True


def _fetch(missing: list[Artifact], folder: Path, say: Say) -> None:
    """Download into a folder of this process's own, check, and move each whole jar to its place."""
    from jgo.maven import MavenContext  # takes a third of a second, and is needed once

    total = sum(artifact.size for artifact in missing)
    say(f"fetching {len(missing)} jars of Neo4j ({total / 1e6:.0f} MB) from Maven Central, once")
    staging = Path(tempfile.mkdtemp(prefix="fetch-", dir=folder))
    try:
        context = MavenContext(repo_cache=staging, local_repos=[], timeout=60)
        done = reported = 0
        with ThreadPoolExecutor(_DOWNLOADS) as pool:
            jobs = {pool.submit(_fetch_one, context, artifact, folder): artifact for artifact in missing}
            for job in as_completed(jobs):
                job.result()
                done += jobs[job].size
                if done - reported > total / 10:
                    reported = done
                    say(f"fetched {done / 1e6:.0f} of {total / 1e6:.0f} MB")
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fetch_one(context: MavenContext, artifact: Artifact, folder: Path) -> None:
    import requests

    component = context.project(artifact.group, artifact.name).at_version(artifact.version)
    jar = component.artifact(artifact.classifier, "jar")
    for attempt in range(1, _TRIES + 1):
        try:
            downloaded = Path(jar.resolve())
        except (requests.RequestException, RuntimeError) as error:
            if attempt == _TRIES:
                raise ArtifactError(
                    f"cannot fetch {artifact.group}:{artifact.name}:{artifact.version} from Maven Central: {error}; check "
                    "the network (a proxy is taken from HTTPS_PROXY) and start again: jars that arrived are kept"
                ) from error
            if jar.cached_path is not None:
                jar.cached_path.unlink(missing_ok=True)
            continue
        digest = _sha256(downloaded)
        if digest == artifact.sha256:
            downloaded.replace(folder / artifact.file)
            return
        downloaded.unlink()
        if attempt == _TRIES:
            raise ArtifactError(
                f"{artifact.group}:{artifact.name}:{artifact.version} arrived with sha256 {digest}, expected "
                f"{artifact.sha256}; the repository or a proxy delivers another file, so it is not used"
            )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def resolve(version: str) -> list[Artifact]:
    """All jars that a Neo4j version needs, as jgo resolves them, without test libraries, and Neo4j Browser."""
    import jgo
    from jgo.maven import MavenContext

    endpoint = f"org.neo4j:neo4j:{version}+org.neo4j.app:neo4j-server:{version}"
    with tempfile.TemporaryDirectory() as scratch:
        environment = jgo.build(endpoint, cache_dir=Path(scratch) / "environments")
        if environment.lockfile is None:
            raise ArtifactError(f"jgo resolved {endpoint} without a lock file; report this")
        locked = environment.lockfile.dependencies
        coordinates = {
            (entry.groupId, entry.artifactId, entry.version, entry.classifier or "")
            for entry in locked
            if entry.artifactId not in _NOT_FOR_RUNNING
        } | {(*_BROWSER, "")}
        context = MavenContext(repo_cache=Path(scratch) / "jars", local_repos=[], timeout=60)

        def describe(coordinate: tuple[str, str, str, str]) -> Artifact:
            group, name, release, classifier = coordinate
            jar = context.project(group, name).at_version(release).artifact(classifier, "jar")
            file = Path(jar.resolve())
            return Artifact(group, name, release, classifier, _sha256(file), file.stat().st_size)

        with ThreadPoolExecutor(_DOWNLOADS) as pool:
            return list(pool.map(describe, sorted(coordinates)))


def _main() -> None:
    parser = argparse.ArgumentParser(description="Rewrite the checked-in list of Neo4j's jars, for review.")
    parser.add_argument("--update", metavar="VERSION", required=True, help="Neo4j's version, for instance 2026.08.1")
    version = parser.parse_args().update
    document = {"neo4j": version, "artifacts": [asdict(artifact) for artifact in resolve(version)]}
    (Path(__file__).parent / _LIST).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{len(document['artifacts'])} jars listed; read the change before you commit it")


if __name__ == "__main__":
    _main()
