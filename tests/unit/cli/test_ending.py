"""How the command ends when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

SLOW = """
import tempfile, time
from memgraph import cli

def works_on():
    with tempfile.TemporaryDirectory():
        print("begun", flush=True)
        time.sleep(60)

cli.app = works_on
cli.main()
"""


def test_sigterm_leaves_no_temporary_folder(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", SLOW]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        assert list(tmp_path.iterdir())
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGTERM
    assert not list(tmp_path.iterdir())
