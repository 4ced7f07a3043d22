"""Where a Neo4j answers and how to log in."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address and credentials of a Neo4j; printing one never shows the password."""

    uri: str
    user: str
    password: SecretStr
    database: str = "neo4j"
    browser: str | None = None
