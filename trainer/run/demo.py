"""`memreward demo`: the main job, small, with the tiny policy, in a memory of its own."""

from __future__ import annotations

from pathlib import Path

from memgraph import Memory
from memgraph.inspection.tables import print_rows
from memgraph.printable import PrintableConsole
from memgraph.settings import Settings
from memgraph.store.cypher import data_folder
from memgraph.store.named_queries import inspection_queries, run_inspection
from trainer.run.config import RunConfig
from trainer.run.narrator import Narrator
from trainer.run.result import RunResult
from trainer.run.train import run

_EXAMPLES = ("label_spending", "similar_queries", "query_group")


def demo_config(*, steps: int | None, seed: int) -> RunConfig:
    """configs/tiny.yaml, under another name, seed and number of steps."""
    config = RunConfig.load(data_folder("configs") / "tiny.yaml")
    return config.model_copy(
        update={
            "name": f"demo-{seed}",
            "seed": seed,
            "data": config.data.model_copy(update={"seed": seed}),
            "labels": config.labels.model_copy(update={"seed": seed}),
            "grpo": config.grpo if steps is None else config.grpo | {"max_steps": steps},
        }
    )


def demo(*, steps: int | None = None, seed: int = 0, home: Path | None = None, quiet: bool = False) -> RunResult:
    """Run the demo in `home`, by default a folder beside the user's own memory, and show what is in the graph."""
    narrator = Narrator(quiet=quiet)
    settings = Settings.load(home=home)
    if home is None:
        settings = settings.model_copy(update={"home": settings.home / "demo"})
    with Memory.open(settings, say=narrator.say) as memory:
        result = run(demo_config(steps=steps, seed=seed), memory, narrator=narrator)
        if not quiet:
            show_memory(memory, settings)
    return result


def show_memory(memory: Memory, settings: Settings) -> None:
    """Three example queries with their results, and where to look further."""
    console = PrintableConsole()
    texts = {query.name: query.text for query in inspection_queries()}
    for name in _EXAMPLES:
        console.print(f"\nmemreward inspect {name}", style="bold", highlight=False)
        console.print(texts[name].strip(), style="dim", highlight=False, soft_wrap=True)
        print_rows(console, run_inspection(memory.database, name, {})[:8])
    endpoint = memory.database.endpoint
    if endpoint.browser is not None:
        home = f" --home {settings.home}"
        console.print(
            f"\nThe memory goes on running. Neo4j Browser: {endpoint.browser} (user {endpoint.user}; "
            f"`memreward db browser{home}` says where the password is). Stop it with `memreward db stop{home}`.",
            soft_wrap=True,
            highlight=False,
        )
