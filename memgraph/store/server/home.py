"""The home of a managed server: folders, configuration, generated password, and what is known of a running process."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import secrets
import shutil
import socket
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil
from pydantic import SecretStr

from memgraph.errors import ConnectionFailed, DiskFull, ServerError
from memgraph.settings import Settings

logger = logging.getLogger(__name__)

USER = "neo4j"
DATABASE = "neo4j"
LOOPBACK = "127.0.0.1"
_HASH_ROUNDS = 1024
_LOG_TAIL_BYTES = 2**20
_LOG_BEGINS = "Logging config in use"
_OUT_OF_DISK = ("OutOfDiskSpace", "No space left on device", "Disk quota exceeded")
# A new store takes 520 MB, most of it for the transaction log. Neo4j makes the next log file 256 MB long when one is full;
# where that fails, the store turns read-only and then refuses all work until it is started again.
_NEW_STORE_MB, _LEAST_MB, _SCARCE_MB = 600, 300, 1024

# a server that stops waits for so long in vain, 10 s in all: no connection is left by then
_QUIET_PERIOD = "internal.dbms.bolt.netty_server_shutdown_quiet_period_duration"

# Settings that a server for this memory needs wherever it runs; docker-compose.yml sets the same ones.
SHARED_SETTINGS = {
    "dbms.usage_report.enabled": "false",
    "client.allow_telemetry": "false",  # of Neo4j Browser
    "db.tx_log.rotation.retention_policy": "1 days",
    # else a statement is planned anew, 0.1 s and more each time, for lists of 1, of up to 10, 100, 1,000 … elements
    "internal.cypher.use_parameter_size": "false",
}


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A started server: enough to find it again and to know it from another process with its pid.

    Attributes:
        stopped: somebody stopped it on purpose, so it is not to come back by itself.
    """

    pid: int
    created: float
    bolt_port: int
    http_port: int
    version: str
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class ServerHome:
    """Paths below the home of one managed server."""

    folder: Path

    @classmethod
    def of(cls, settings: Settings) -> ServerHome:
        """The home of the server that keeps the memory of these settings."""
        return cls(settings.home / "neo4j")

    @property
    def conf(self) -> Path:
        """Folder of neo4j.conf."""
        return self.folder / "conf"

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.folder / "logs" / "console.log"

    @property
    def password_file(self) -> Path:
        """Where the generated password is kept, readable by its owner only."""
        return self.folder / "password"

    @property
    def scratch(self) -> Path:
        """Temporary files of the server; Neo4j Browser's pages are unpacked there."""
        return self.folder / "tmp"

    @property
    def lock_file(self) -> Path:
        """Held while a server is started or stopped."""
        return self.folder / "server.lock"

    @property
    def _record_file(self) -> Path:
        return self.folder / "server.json"

    def prepare(self) -> None:
        """Make the folders, those of the server closed to others; one that was there before keeps its permissions.

        Raises:
            ServerError: if the home cannot be written.
        """
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            for folder in (self.folder, self.conf, self.log.parent, self.scratch, self.folder / "data" / "dbms"):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o700)
            with tempfile.TemporaryFile(dir=self.folder) as probe:
                probe.write(b"x" * 65536)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self.disk_full() from error
            raise ServerError(
                f"the memory's folder {self.folder} cannot be written: {error}; fix its permissions, or name another folder "
                "with --home or MEMREWARD_HOME"
            ) from error

    def empty_scratch(self) -> None:
        """Remove what a server that was killed has left there."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(exist_ok=True, mode=0o700)

    def check_still_there(self) -> None:
        """That a memory which was open lies here still: where its disk was taken away, an empty one must not come in its place.

        Raises:
            ConnectionFailed: if it does not.
        """
        if self.last() is None or not any(place.exists() for place in (self.stores[0], self._aside, self._moving)):
            raise ConnectionFailed(
                f"the memory's folder {self.folder} is gone, or no memory is in it any more; put it back (mount its disk)"
            )

    def free_mb(self) -> int:
        """Room that is left on the disk of the memory."""
        return free_mb(self.folder)

    def needed_mb(self) -> int:
        """Room that a server needs to work on."""
        return _LEAST_MB if (self.folder / "data" / "databases").exists() else _NEW_STORE_MB

    def check_room(self) -> None:
        """That a server has room to work; warns where it is scarce.

        Raises:
            DiskFull: if it has not.
        """
        free = self.free_mb()
        if free < self.needed_mb():
            raise self.disk_full()
        if free < _SCARCE_MB:
            logger.warning(
                "only %s MB are free where the memory %s lies; below %s MB its server stops working: free some space soon",
                f"{free:,}",
                self.folder,
                f"{self.needed_mb():,}",
            )

    def disk_full(self) -> DiskFull:
        """The error that says how full the disk is."""
        return DiskFull(
            f"the disk is full: {self.free_mb():,} MB are free where the memory {self.folder} lies, and Neo4j needs "
            f"{self.needed_mb():,} MB there; free some space, and all goes on with everything that was acknowledged. Or name "
            "another folder with --home or MEMREWARD_HOME"
        )

    def password(self) -> SecretStr:
        """The password, generated on first use and handed to the server before its port ever opens.

        It goes to the server as a salted hash in data/dbms/auth.ini, the file that `neo4j-admin set-initial-password`
        writes, and so never appears on a command line.
        """
        if not self.password_file.exists():
            password = secrets.token_urlsafe(24)
            salt = secrets.token_bytes(32)
            digest = hashlib.sha256(salt + password.encode()).digest()
            for _ in range(_HASH_ROUNDS - 1):
                digest = hashlib.sha256(digest).digest()
            credential = f"{USER}:SHA-256,{digest.hex()},{salt.hex()},{_HASH_ROUNDS}:\n"
            _write_private(self.folder / "data" / "dbms" / "auth.ini", credential)
            _write_private(self.password_file, password)
        return SecretStr(self.password_file.read_text(encoding="utf-8"))

    def write_configuration(self, settings: Settings, bolt_port: int, http_port: int) -> None:
        """neo4j.conf for loopback and this machine's memory."""
        heap, page_cache = memory_sizes(settings)
        values = {
            "server.default_listen_address": LOOPBACK,
            "server.bolt.listen_address": f"{LOOPBACK}:{bolt_port}",
            "server.bolt.advertised_address": f"{LOOPBACK}:{bolt_port}",  # what Neo4j Browser connects to
            "server.http.listen_address": f"{LOOPBACK}:{http_port}",
            "server.https.enabled": "false",
            "server.directories.logs": str(self.log.parent),
            "dbms.security.auth_enabled": "true",
            "server.memory.heap.initial_size": f"{min(heap, 512)}m",
            "server.memory.heap.max_size": f"{heap}m",
            "server.memory.pagecache.size": f"{page_cache}m",
            _QUIET_PERIOD: "0s",
            **SHARED_SETTINGS,
        }
        text = "# Written by memreward at every start; changes are lost.\n"
        text += "".join(f"{name}={value}\n" for name, value in values.items())
        _write_private(self.conf / "neo4j.conf", text)

    @property
    def stores(self) -> tuple[Path, Path]:
        """Folders of the memory's own database, apart from the server's: its store, and its transaction logs."""
        data = self.folder / "data"
        return data / "databases" / DATABASE, data / "transactions" / DATABASE

    @property
    def _aside(self) -> Path:
        return self.folder / "data" / "before-restore"

    @property
    def _moving(self) -> Path:
        return self.folder / "data" / "before-restore.moving"

    def put_aside(self) -> None:
        """Move the stores out of the way of a restore."""
        self.put_back()
        self._moving.mkdir()
        for store in self.stores:
            if store.exists():
                store.rename(self._moving / store.parent.name)
        self._moving.rename(self._aside)

    def put_back(self) -> None:
        """Undo a restore that did not come to its end, be it that the process was killed at whatever step."""
        if self._aside.exists():
            for store in self.stores:
                shutil.rmtree(store, ignore_errors=True)
            self._aside.rename(self._moving)
        if self._moving.exists():
            for store in self.stores:
                if (place := self._moving / store.parent.name).exists():
                    place.rename(store)
            self._moving.rmdir()

    def give_up_aside(self) -> None:
        """Remove what a restore replaced. The renaming is the moment from which the restore counts."""
        gone = self._aside.with_name("replaced")
        shutil.rmtree(gone, ignore_errors=True)
        self._aside.rename(gone)
        shutil.rmtree(gone)

    def remember(self, record: ProcessRecord) -> None:
        """Record a started server."""
        _write_private(self._record_file, json.dumps(asdict(record)))

    def remember_stop(self) -> None:
        """Record that the server was stopped on purpose; its ports are kept for the next start."""
        if (record := self.last()) is not None and not record.stopped:
            self.remember(replace(record, stopped=True))

    def last(self) -> ProcessRecord | None:
        """The server that was started last, running or not."""
        try:
            return ProcessRecord(**json.loads(self._record_file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def recall(self) -> ProcessRecord | None:
        """The recorded server if its process still lives.

        A stale record stays until the next start replaces it: only the holder of the lock may write here.
        """
        record = self.last()
        return record if record is not None and process_of(record) is not None else None

    def ran_out_of_disk(self) -> bool:
        """Whether the server's log, since its start, names the disk as the cause of a failure."""
        log = self.log.with_name("debug.log")
        if not log.exists():
            return False
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
            text = stream.read().decode(errors="replace")
        since_start = text[max(0, text.rfind(_LOG_BEGINS)) :]
        return any(sign in since_start for sign in _OUT_OF_DISK)

    def log_tail(self, lines: int) -> list[str]:
        """The last lines that the server printed."""
        if not self.log.exists():
            return []
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]


def process_of(record: ProcessRecord) -> psutil.Process | None:
    """The recorded process, unless it ended or its pid now belongs to another."""
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.created) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return process if same else None


def memory_sizes(settings: Settings) -> tuple[int, int]:
    """Heap and page cache in MB: an eighth and a sixteenth of the machine's memory within 512..2048 and 128..1024."""
    total = psutil.virtual_memory().total // 2**20
    heap = settings.heap_mb or min(2048, max(512, total // 8))
    return heap, settings.page_cache_mb or min(1024, max(128, total // 16))


def new_store_mb() -> int:
    """Room that a new store takes."""
    return _NEW_STORE_MB


def free_mb(folder: Path) -> int:
    """Room that is left on the disk of a folder, which need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free // 2**20


def is_free(port: int) -> bool:
    """Whether a server could listen on a loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: connections of the last one linger
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A loopback port that nothing listens on at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, at once or not at all."""
    temporary = file.with_name(f"{file.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)


if sys.platform == "win32":
    raise ServerError("the managed server runs on Linux and macOS; on Windows use docker compose and set NEO4J_URI")
