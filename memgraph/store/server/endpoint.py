"""Where a Neo4j answers, how to log in, and how it is found again when it went away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr

from memgraph.progress import Say


class Keeper(Protocol):
    """Knows where a server is now, and may start it again; the managed server has one."""

    def again(self, *, broken: bool, say: Say) -> Endpoint:
        """Where the server is now, started if it died.

        Args:
            broken: the server that was known refuses to work until it is started again.

        Raises:
            ConnectionFailed: there is none at the moment; asking again later makes sense.
            ServerError: it cannot be started.
        """
        ...

    def disk_is_full(self) -> bool:
        """Whether the server lacks the room to write."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address and credentials of a Neo4j; printing one never shows the password.

    Attributes:
        patience: seconds to wait for a server that was reached before and went away.
        keeper: finds it again. None where the address is all that is known.
    """

    uri: str
    user: str
    password: SecretStr
    database: str = "neo4j"
    browser: str | None = None
    patience: float = field(default=300.0, compare=False)
    keeper: Keeper | None = field(default=None, compare=False, repr=False)
