"""Tables 1 to 8 as the project has them, from runs that have scores but no network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lbrn.reproduction import book, params, project, runs
from lbrn.reproduction.rendering import write_table
from lbrn.reproduction.tables import Context, build_table
from reproduction import table_runs as fake

EMBEDDED = dict.fromkeys(("mpii", "lsp", "lspet"), "embedded")
Opened = Callable[..., book.Book]


def opener(root: Path) -> Opened:
    """What opens the project's settings with some knobs changed, all data being drawn."""
    knobs = params.load(root).model_dump(mode="json")

    def load(**changed: Any) -> book.Book:
        return book.load(project.find(root), params.parse({**knobs, "sources": EMBEDDED, **changed}))

    return load


def made(opened_book: book.Book, number: int, folder: Path, root: Path) -> Path:
    """The table as CSV; beside it lie its other forms, and the runs in `runs`."""
    found: dict[str, Any] = {}
    ready: dict[str, Any] = {}
    for place, (label, specs) in enumerate(runs.table_runs(opened_book, number).items()):
        for spec in specs:
            key = runs.run_key(spec)
            ready[key] = ready.get(key) or fake.scored_run(folder / "runs", spec, place + 7 * spec["seed"])
            found.setdefault(label, []).append(ready[key])
    data = {opened_book.tables[number].dataset: fake.INFO}
    ledger = {"block": {"trainable": 65536, "flops_paper": 536870912}}
    context = Context(number, opened_book.params.scale, root / "paper", data, lambda *_: ledger)
    write_table(build_table(opened_book.tables[number], found, context), folder)
    return folder / f"table{number}.csv"
