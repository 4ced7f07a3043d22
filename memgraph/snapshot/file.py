"""A data set that was read once, as one file: trials work from it without a server.

The file is an NPZ archive without pickles. A list of texts is two arrays: the UTF-8 bytes of all of them, and [texts] the
byte at which each one ends.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from memgraph.domains.answer_report import AnswerReport
from memgraph.errors import InputError
from memgraph.snapshot.snapshot import Bools, Floats, Ints, Snapshot
from memgraph.store.whole_file import whole_file

FORMAT = 2
_BYTES, _ENDS = ".utf8", ".ends"


@dataclass(frozen=True, slots=True, eq=False)
class JudgedSnapshot:
    """All rollouts of a data set, without labels, and beside them what its source says of each.

    Attributes:
        snapshot: every query is a target, and no label is visible.
        runs: [rollouts] name of the run.
        samples: [rollouts] place among the run's rollouts of that query, from 0.
        truth: [rollouts] whether it is right by its own row, or by its query's gold or tests, 0..1, NaN where neither
            tells. Only metrics may see it.
        labels: [rollouts] the label in force once its query is paid for in a ledger, NaN where there is none.
        known: [queries] whether the source knows anything about it, so that a label can be drawn.
        answers: counts of answers and verdicts.
    """

    snapshot: Snapshot
    runs: list[str]
    samples: Ints
    truth: Floats
    labels: Floats
    known: Bools
    answers: AnswerReport

    def save(self, file: Path) -> None:
        """Write one file; readers never see half of it."""
        arrays: dict[str, NDArray[Any]] = {
            "format": np.array(FORMAT),
            "samples": self.samples,
            "truth": self.truth,
            "known_labels": self.labels,
            "known": self.known,
            **_text_arrays("runs", self.runs),
            **_text_arrays("answers", [json.dumps(self.answers.as_json())]),
            **_text_arrays("space", [self.snapshot.space]),
        }
        for field in fields(self.snapshot):
            value = getattr(self.snapshot, field.name)
            if isinstance(value, np.ndarray):
                arrays[field.name] = value
            elif isinstance(value, list):
                arrays |= _text_arrays(field.name, value)
        with whole_file(file) as stream:
            np.savez(stream, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            InputError: if the file cannot be read, or is of another format.
        """
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            if int(arrays["format"]) != FORMAT:
                raise ValueError(f"its format is {int(arrays['format'])}, this version reads {FORMAT}")
            columns: dict[str, Any] = {
                field.name: arrays[field.name] if field.name in arrays else _texts(arrays, field.name)
                for field in fields(Snapshot)
            }
            return cls(
                Snapshot(**{**columns, "space": columns["space"][0]}),
                _texts(arrays, "runs"),
                arrays["samples"],
                arrays["truth"],
                arrays["known_labels"],
                arrays["known"],
                AnswerReport.of_json(json.loads(_texts(arrays, "answers")[0])),
            )
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"cannot read the snapshot {file}: {error}; delete it, and it is made again") from error


def _text_arrays(name: str, texts: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The two arrays of some texts."""
    encoded = [text.encode() for text in texts]
    return {
        name + _BYTES: np.frombuffer(b"".join(encoded), np.uint8),
        name + _ENDS: np.cumsum([len(text) for text in encoded], dtype=np.int64),
    }


def _texts(arrays: Mapping[str, NDArray[Any]], name: str) -> list[str]:
    """The texts of two arrays."""
    data, ends = arrays[name + _BYTES].tobytes(), arrays[name + _ENDS].tolist()
    return [data[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)]
