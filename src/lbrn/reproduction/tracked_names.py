"""The names under which a tracking view shows a run: parameters, curves, scores, provenance. Knows no MLflow."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from lbrn.reproduction.record import Record


def parameters(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the spec as flat text, e.g. `recipe.lr` -> `0.003`."""
    return {name: str(value) for name, value in flatten(spec)}


def primary(record: Record) -> str:
    """Return the plain name of the number the tables print, e.g. `pckh_at_0.5_total`; empty before scoring."""
    return f"{_plain(record)}_{safe(_headline(record))}" if record.scores else ""


def metrics(record: Record) -> dict[str, float]:
    """Return the scores under readable names, best known first.

    The headline of the primary metric stands plainly (`pckh_at_0.5_total`), its other numbers under `per_joint/` (of a
    pose) or `more/`, the headlines of all other definitions under `other_definitions/` with their full ids. MLflow
    allows no `@` in a name and makes a section of charts of each prefix.
    """
    if not record.scores:
        return {}
    row, headline = _columns(record), _headline(record)
    named = {primary(record): row.pop(headline)}
    section = "per_joint" if "people" in record.scores else "more"
    named |= {f"{section}/{_plain(record)}_{safe(name)}": value for name, value in row.items()}
    others = {name: row for name, row in record.scores["metrics"].items() if name != record.scores["primary"]}
    named |= {f"other_definitions/{safe(name)}_{safe(headline)}": row[headline] for name, row in others.items()}
    return {name: float(value) for name, value in named.items() if value is not None}


def curves(rows: Iterable[Mapping[str, str]]) -> list[tuple[str, float, int, float]]:
    """Return the points of the training curves.

    Args:
        rows: Rows of `history.csv`: `epoch`, `seconds` (since the start) and any other columns; empty
            cells are left out.

    Returns:
        One `(name, value, epoch, seconds since the start)` a number, with names such as `curves/valid_loss`.
    """
    points = []
    for row in rows:
        values = {
            f"curves/{name}": float(text) for name, text in row.items() if name not in ("epoch", "seconds") and text
        }
        points += [(name, value, int(row["epoch"]), float(row["seconds"])) for name, value in values.items()]
    return points


def tags(record: Record) -> dict[str, str]:
    """Return provenance: all that training noted in `done.json`, flat; the commit also where MLflow shows it."""
    notes = {name: str(value) for name, value in flatten(record.done)}
    commit = notes.get("environment.commit")
    return notes | ({"mlflow.source.git.commit": commit} if commit else {})


def headline(record: Record) -> str:
    """Return the text on top of a run's page (Markdown, whose first line the list of runs shows): score, definition."""
    if not record.scores:
        return "Not scored yet."
    chosen = record.scores["primary"]
    row = {name: "" if value is None else f"{value:.2f}" for name, value in _columns(record).items()}
    table = "\n".join("| " + " | ".join(line) + " |" for line in (row, ["---:"] * len(row), row.values()))
    counted = "people" if "people" in record.scores else "images"
    value, definition = row[_headline(record)], record.scores["metrics"][chosen]["definition"]
    where = f"{record.scores['dataset']}, {record.scores[counted]} {counted}"
    return f"{chosen} = {value} on {where}\n\n{table}\n\n{definition}"


def _columns(record: Record) -> dict[str, float | None]:
    row = record.scores["metrics"][record.scores["primary"]]
    return {name: value for name, value in row.items() if name != "definition"}


def _headline(record: Record) -> str:
    # Which number of the primary metric stands for the run; a pose's is its total.
    return str(record.scores.get("headline", "Total"))


def _plain(record: Record) -> str:
    # Without the suffix that tells one evaluator's definition from another's: "pckh@0.5-mean14" -> "pckh_at_0.5".
    return safe(str(record.scores["primary"]).split("-")[0])


def safe(name: str) -> str:
    """Return a name in the characters that MLflow allows, lower case.

    >>> safe("PCKh@0.5 (count-weighted)")
    'pckh_at_0.5_count-weighted'
    """
    return re.sub(r"[^a-z0-9.-]+", "_", name.lower().replace("@", "_at_")).strip("_")


def flatten(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return the leaves of nested mappings with dotted names; lists are leaves.

    >>> flatten({"a": {"b": 1, "c": [2, 3]}})
    [('a.b', 1), ('a.c', [2, 3])]
    """
    leaves: list[tuple[str, Any]] = []
    for name, item in value.items():
        leaves += flatten(item, f"{prefix}{name}.") if isinstance(item, Mapping) else [(f"{prefix}{name}", item)]
    return leaves


def view(record: Record, created: int) -> str:
    """Return the saved view "Scores" of the web page's run list: best run first, score and settings as columns.

    Args:
        record: A scored run of the experiment.
        created: Milliseconds since 1970 that the page notes with the view.

    Returns:
        The value of an experiment tag `mlflow.sharedViewState.<id>`, as MLflow 3's own "Save view" writes it.
    """
    score = f"metrics.`{primary(record)}`"
    settings = [f"params.`{name}`" for name in ("variant", "network.sparsity", "seed", "recipe.epochs")]
    state = {
        "orderByKey": score,
        "orderByAsc": bool(record.scores.get("lower_is_better", False)),
        "selectedColumns": [score, *settings, "attributes.`Description`"],
    }
    return json.dumps({"name": "Scores", "createdAt": created, "updatedAt": created, "state": json.dumps(state)})
