from __future__ import annotations

import logging
import os
import pickle
import re
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import SecretStr

from memgraph.errors import ConnectionFailed, ServerError, SettingsError
from memgraph.settings import Settings
from memgraph.store.database import Database, check_version, open_endpoint
from memgraph.store.server.endpoint import Endpoint
from memgraph.store.server.home import ProcessRecord, ServerHome, free_port
from memgraph.store.server.local import LocalServer


def test_its_folders_and_password_are_closed_to_others(server: LocalServer, settings: Settings) -> None:
    home = ServerHome.of(settings)
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.password_file.stat().st_mode) == 0o600
    assert stat.S_IMODE((home.conf / "neo4j.conf").stat().st_mode) == 0o600


def test_it_listens_on_loopback_only(server: LocalServer) -> None:
    process = psutil.Process(server.status().pid)
    listening = [c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
    assert len(listening) >= 2
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}


def test_the_password_is_on_no_command_line_in_no_log_and_in_no_text_of_an_endpoint(
    server: LocalServer, settings: Settings
) -> None:
    endpoint = server.find()
    assert endpoint is not None
    password = endpoint.password.get_secret_value()
    for process in psutil.process_iter(["cmdline"]):
        assert password not in " ".join(process.info["cmdline"] or [])
    for log in ServerHome.of(settings).folder.glob("logs/*"):
        assert password not in log.read_text(errors="replace")
    assert password not in repr(endpoint) + str(endpoint)


def test_a_second_start_finds_the_first(server: LocalServer, settings: Settings) -> None:
    pid = server.status().pid
    assert LocalServer(settings).start() == server.find()
    assert server.status().pid == pid


def test_it_is_a_real_neo4j_with_its_browser(server: LocalServer, settings: Settings) -> None:
    import requests

    endpoint = server.find()
    assert endpoint is not None
    assert endpoint.browser is not None
    assert requests.get(endpoint.browser, timeout=10).status_code == 200
    assert list(ServerHome.of(settings).scratch.iterdir()), "its temporary files are in its home"


@pytest.mark.timeout(900)
def test_a_server_through_its_life(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One server, since each start takes its time: a taken port, two starts at once, a lost password. test_backup.py has
    backups and their way back, test_outage.py what those see who were connected, test_persistence.py a longer life."""
    own = settings.model_copy(update={"home": tmp_path / "my höme (1)", "heap_mb": 512})
    local = LocalServer(own)
    assert local.stop() is False

    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1]])
        monkeypatch.setattr("memgraph.store.server.local.free_port", lambda: next(ports, None) or free_port())
        said: list[str] = []
        database = Database(local.start(said.append))
    assert "another program took the port meanwhile; trying another" in said
    left = write_numbers(database)
    database.close()
    kill(own)
    assert local.find() is None

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: LocalServer(own).start(), range(2))
    assert first == second == database.endpoint, "the same port again"
    assert len(processes_of(own)) == 1
    assert database.query(NUMBERS) == left
    database.close()

    assert local.stop() is True
    assert local.stop() is False
    assert local.status().running is False
    never_reached = Database(database.endpoint)
    for call in (never_reached.query, never_reached.autocommit):
        with pytest.raises(ConnectionFailed, match="nothing answers"):
            call("RETURN 1 AS one")

    ServerHome.of(own).password_file.write_text("another")
    with pytest.raises(ServerError, match="refuses the password"):
        local.start()
    assert not processes_of(own), "a server that cannot be used is not left behind with its store locked"


NUMBERS = "MATCH (n:Number) RETURN n.n AS n ORDER BY n"


def write_numbers(database: Database) -> list[dict[str, Any]]:
    database.query("UNWIND range(1, 100) AS n CREATE (:Number {n: n})", write=True)
    return database.query(NUMBERS)


def kill(settings: Settings) -> None:
    """SIGKILL for the server of a home, and its end."""
    running = processes_of(settings)
    assert len(running) == 1
    running[0].kill()
    running[0].wait(30)


def processes_of(settings: Settings) -> list[psutil.Process]:
    home = f"--home-dir={ServerHome.of(settings).folder}"
    return [process for process in psutil.process_iter(["cmdline"]) if home in (process.info["cmdline"] or [])]


def test_folders_that_were_there_before_keep_their_permissions(settings: Settings, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    home = ServerHome.of(settings.model_copy(update={"home": tmp_path}))
    home.prepare()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    fresh = ServerHome.of(settings.model_copy(update={"home": tmp_path / "fresh"}))
    fresh.prepare()
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o700


def test_what_a_killed_server_left_in_its_scratch_is_removed(settings: Settings, tmp_path: Path) -> None:
    home = ServerHome.of(settings.model_copy(update={"home": tmp_path}))
    home.prepare()
    (home.scratch / "pages").mkdir()
    (home.scratch / "pages" / "index.html").touch()
    home.empty_scratch()
    assert not list(home.scratch.iterdir())


def test_a_record_whose_pid_belongs_to_another_process_is_stale(settings: Settings, tmp_path: Path) -> None:
    home = ServerHome.of(settings.model_copy(update={"home": tmp_path}))
    home.prepare()
    home.remember(ProcessRecord(os.getpid(), created=1.0, bolt_port=1, http_port=2, version="x"))
    assert home.recall() is None
    (home.folder / "server.json").write_text("{cut half-w")
    assert home.recall() is None


def test_a_home_that_cannot_be_written_names_the_remedy(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerError, match="--home or MEMREWARD_HOME"):
        LocalServer(settings.model_copy(update={"home": tmp_path / "file"})).start()


def test_a_full_disk_is_told_before_anything_starts(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgraph.store.server.home._NEW_STORE_MB", 10**9)
    with pytest.raises(ServerError, match=r"MB are free where .* needs 1,000,000,000 MB .*--home or MEMREWARD_HOME"):
        LocalServer(settings.model_copy(update={"home": tmp_path})).start()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(settings: Settings, tmp_path: Path) -> None:
    broken = settings.model_copy(update={"home": tmp_path, "heap_mb": 10_000_000})
    with pytest.raises(ServerError, match=r"ended while starting.*"):
        LocalServer(broken).start()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password": SecretStr("wrong")}, "refuses the user 'neo4j'"),
        ({"uri": "bolt://127.0.0.1:1"}, "nothing answers at bolt://127.0.0.1:1"),
        ({"uri": "http://127.0.0.1"}, "is no address of a Neo4j"),
        ({"database": "nowhere"}, "no usable database 'nowhere'"),
    ],
)
def test_a_connection_that_fails_says_why(server: LocalServer, change: dict, message: str) -> None:
    found = server.find()
    assert found is not None
    values = {name: getattr(found, name) for name in ("uri", "user", "password", "database")}
    with pytest.raises(ConnectionFailed, match=message):
        Database(Endpoint(**{**values, **change})).query("RETURN 1 AS one")


def test_a_database_pickles_without_its_driver(server: LocalServer) -> None:
    found = server.find()
    assert found is not None
    database = Database(found)
    assert database.query("RETURN 1 AS one") == [{"one": 1}]
    assert pickle.loads(pickle.dumps(database)).query("RETURN 2 AS two") == [{"two": 2}]


def test_what_was_written_is_read_on_a_cluster_too(server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(server.start())
    database.query("MERGE (:Bookmarked {key: 'one'})", write=True)
    with caplog.at_level(logging.DEBUG, "neo4j.io"):
        database.query("MATCH (n:Bookmarked) DELETE n", write=True)
    database.close()
    begun = [record.getMessage() for record in caplog.records if " BEGIN " in record.getMessage()]
    assert begun
    assert all(re.search(r"'bookmarks': \['\w", text) for text in begun), (
        "a member waits for the last write before it answers"
    )


def test_an_older_server_is_refused_with_both_versions() -> None:
    with pytest.raises(ConnectionFailed, match=r"Neo4j 5\.26\.0, but 2026\.08\.1 or newer"):
        check_version("5.26.0")
    with pytest.raises(ConnectionFailed, match=r"2026\.07\.0"):
        check_version("2026.07.0")
    for newer in ("2026.08.1", "2026.10.0", "2026.08.1-35122", "2027.01.0-aura"):
        check_version(newer)


def test_the_environment_takes_precedence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEO4J_URI", "neo4j+s://example.invalid")
    with pytest.raises(SettingsError, match="NEO4J_PASSWORD is not"):
        Settings.load(home=tmp_path)
    monkeypatch.setenv("NEO4J_PASSWORD", "p")
    monkeypatch.setenv("NEO4J_DATABASE", "team")
    endpoint = open_endpoint(Settings.load(home=tmp_path))
    assert (endpoint.uri, endpoint.user, endpoint.database) == ("neo4j+s://example.invalid", "neo4j", "team")
    assert not (tmp_path / "neo4j").exists()
