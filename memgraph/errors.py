"""Every error this project raises on purpose.

One root, so that a caller can catch `MemRewardError` and nothing else. Each message says three things:
what was wrong, what was found, and what to do about it.
"""


class MemRewardError(Exception):
    """Root of all errors raised on purpose by `memgraph` and `trainer`."""


class SettingsError(MemRewardError):
    """A setting is missing, contradictory or outside its range."""


class MissingPackage(MemRewardError, ImportError):
    """A package of an extra is needed and not installed."""


class ServerError(MemRewardError):
    """The managed local Neo4j could not be provisioned, started, found or stopped."""


class ArtifactError(ServerError):
    """A jar could not be fetched, or is not the one on the checked-in list."""


class ConnectionFailed(MemRewardError):
    """No usable Neo4j answers: unreachable, refused the credentials, or older than the supported line."""


class DiskFull(ServerError, ConnectionFailed):
    """The disk that the memory lies on is full: nothing can be written until there is room again."""


class MigrationError(MemRewardError):
    """The schema in the database and the migrations in this package do not fit together."""


class ReadOnlyError(MemRewardError):
    """Something would be written to a memory that was opened to be read only."""


class EmbeddingSpaceError(MemRewardError):
    """Vectors of another model, revision or dimension than the memory was made with."""


class InputError(MemRewardError):
    """A file or record cannot be used at all (single bad rows are rejected and reported instead)."""


class LedgerError(MemRewardError):
    """A label was asked for outside its budget or purpose."""


class ModelError(MemRewardError):
    """A reward model cannot be fitted, loaded or applied."""


class SandboxError(MemRewardError):
    """The sandbox itself failed (a program that fails inside it is a result, not an error)."""


class TrainingError(MemRewardError):
    """Training cannot go on, for instance because too many rewards failed."""


class SamplingError(MemRewardError):
    """A policy cannot be sampled: its model cannot be loaded, or its server does not answer."""
