"""Domains by name: ours, those of installed packages, and those that a caller hands over."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points
from typing import Self

from memgraph.domains.choices import Choices
from memgraph.domains.code import Code
from memgraph.domains.domain import Domain
from memgraph.domains.math import Math
from memgraph.errors import SettingsError
from memgraph.settings import Settings

_GROUP = "memreward.domains"


class Domains:
    """Name → domain. A name that nobody defines is read as texts and options, as the domain "qa" is.

    Args:
        own: domains of the caller's, as objects or as "module:attribute"; they win over those that are installed.

    Raises:
        SettingsError: if one cannot be imported, or is no domain.
    """

    def __init__(self, own: Iterable[Domain | str] = ()) -> None:
        self._by_name: dict[str, Domain] = dict(_installed())
        for given in own:
            domain = _imported(given) if isinstance(given, str) else given
            self._by_name[domain.name] = domain

    @classmethod
    def of(cls, settings: Settings, own: Iterable[Domain] = ()) -> Self:
        """The domains that settings name, with the sandbox as they set it, and further ones."""
        programs = Code(libraries=settings.libraries, partial=settings.partial_credit)
        return cls([programs, *settings.domains, *own])

    def __getitem__(self, name: str) -> Domain:
        """The domain of that name."""
        return self._by_name.get(name, self._by_name["qa"])

    def undefined(self, names: Iterable[str]) -> list[str]:
        """Those of the names that nobody defines, sorted."""
        return sorted(set(names) - self._by_name.keys())

    @property
    def versions(self) -> dict[str, str]:
        """Name → version of each domain's reader."""
        return {name: domain.version for name, domain in sorted(self._by_name.items())}


@cache
def _installed() -> dict[str, Domain]:
    domains: dict[str, Domain] = {domain.name: domain for domain in (Math(), Choices(), Code())}
    for point in entry_points(group=_GROUP):
        domain = _imported(point.value)
        domains[domain.name] = domain
    return domains


def _imported(path: str) -> Domain:
    """A domain by "module:attribute"; a class is called without arguments."""
    module, _, attribute = path.partition(":")
    try:
        member = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"the domain {path!r} cannot be imported: {error}; name it as module:attribute") from error
    domain: object = member() if isinstance(member, type) else member
    if isinstance(domain, Domain):
        return domain
    raise SettingsError(f"{path!r} is {type(domain).__name__}, which is no memgraph.Domain")
