"""Machine and versions, for every benchmark's output."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import psutil
import torch

from memgraph.store.server.artifacts import wanted_artifacts


def machine() -> dict[str, object]:
    """Cores, memory, load at the moment, GPU."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(terse=True),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def versions() -> dict[str, str]:
    """Of what decides the figures."""
    packages = ("memreward-graph", "torch", "torch-geometric", "transformers", "trl", "neo4j")
    return {"python": platform.python_version(), "server": wanted_artifacts()[0]} | {p: version(p) for p in packages}
