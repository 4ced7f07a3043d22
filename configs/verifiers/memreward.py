"""The taskset under a name that `verifiers` finds: put this folder on PYTHONPATH."""

from trainer.adapters.verifiers import MemoryTaskset

__all__ = ["MemoryTaskset"]
