"""The home of a managed server: folders, configuration, generated password, and what is known of a running process."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import socket
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from pydantic import SecretStr

from memgraph.errors import ServerError
from memgraph.settings import Settings

USER = "neo4j"
DATABASE = "neo4j"
LOOPBACK = "127.0.0.1"
_HASH_ROUNDS = 1024
_NEW_STORE_MB, _LEAST_MB = 600, 50  # a new store takes 520 MB, most of it for the transaction log

# Settings that a server for this memory needs wherever it runs; docker-compose.yml sets the same ones.
SHARED_SETTINGS = {
    "dbms.usage_report.enabled": "false",
    "db.tx_log.rotation.retention_policy": "1 days",
}


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A started server: enough to find it again and to know it from another process with its pid."""

    pid: int
    created: float
    bolt_port: int
    http_port: int
    version: str


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
            for folder in (self.folder, self.conf, self.log.parent, self.folder / "data" / "dbms"):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o700)
            with tempfile.TemporaryFile(dir=self.folder) as probe:
                probe.write(b"x" * 65536)
        except OSError as error:
            raise ServerError(
                f"the memory's folder {self.folder} cannot be written: {error}; free some space, mend its permissions, or "
                "name another folder with --home or MEMREWARD_HOME"
            ) from error

    def check_room(self) -> None:
        """That a server has room to start.

        Raises:
            ServerError: if the disk is too full.
        """
        free = shutil.disk_usage(self.folder).free // 2**20
        needed = _LEAST_MB if (self.folder / "data" / "databases").exists() else _NEW_STORE_MB
        if free < needed:
            raise ServerError(
                f"{free} MB are free where {self.folder} lies, and Neo4j needs {needed} MB to start there; free some space, or "
                "name another folder with --home or MEMREWARD_HOME"
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

    def forget(self) -> None:
        """Remove the record."""
        self._record_file.unlink(missing_ok=True)

    def recall(self) -> ProcessRecord | None:
        """The recorded server if its process still lives.

        A stale record stays until the next start replaces it: only the holder of the lock may write here.
        """
        try:
            record = ProcessRecord(**json.loads(self._record_file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return record if process_of(record) is not None else None

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
