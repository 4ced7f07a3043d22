"""`memreward data`: the files of problems that a run reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memgraph.cli.common import JsonOption, console, emit, our_trainer, say
from memgraph.inspection.tables import print_table

app = typer.Typer(no_args_is_help=True, help="Problems for a training run, from data sets on the Hugging Face hub.")


@app.command()
def prepare(
    names: Annotated[
        list[str], typer.Argument(help="Names that `memreward data list` shows, or `paper` for all of them.")
    ],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for train.jsonl, test.jsonl and ood.jsonl.")],
    train: Annotated[int, typer.Option(min=0, help="Most training problems of each data set.")] = 800,
    test: Annotated[int, typer.Option(min=0, help="Most held-out problems of each data set.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the order in which problems are taken.")] = 42,
    mirror: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder with copies of hub data sets under their ids."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Turn hub data sets into the problem files of a run.

    One problem a line, with its query, its domain, and its gold answer or tests. What the paper keeps out of training goes
    into ood.jsonl. Variants of one problem are all on one side.

    Example: memreward data prepare paper --out data

    Example: memreward data prepare gsm8k mbpp --out data --train 500 --test 100
    """
    our_trainer()
    from trainer.datasets.hub import HUB
    from trainer.datasets.prepare import PAPER
    from trainer.datasets.prepare import prepare as write

    if unknown := [name for name in names if name not in (*HUB, PAPER)]:
        raise typer.BadParameter(f"unknown data sets {', '.join(unknown)}; known: {', '.join(HUB)}, {PAPER}")
    written = write(names, out, train=train, test=test, seed=seed, mirror=mirror, say=say)
    if as_json:
        emit({"files": [{"file": str(file), "problems": problems} for file, problems in written.items()]})
        return
    for file, problems in written.items():
        console.print(f"{file}: {problems} problems", highlight=False)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """Show the data sets that `memreward data prepare` knows.

    Example: memreward data list
    """
    our_trainer()
    from trainer.datasets.hub import HUB, OUT_OF_DOMAIN

    rows = [
        {
            "name": data.name,
            "domain": data.domain,
            "hub": data.hub_id,
            "goes into": "ood.jsonl" if data.name in OUT_OF_DOMAIN else "train.jsonl, test.jsonl",
            "note": data.note,
        }
        for data in HUB.values()
    ]
    if as_json:
        emit(rows)
        return
    print_table(console, list(rows[0]), [list(row.values()) for row in rows])
