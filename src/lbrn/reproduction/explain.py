"""`lbrn explain`: where a number of a table comes from. Imports no torch."""

import difflib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lbrn.datasets import catalog
from lbrn.errors import InputError
from lbrn.files import read_json
from lbrn.reproduction import experiments, mlflow_address
from lbrn.reproduction.cells import FLOPS, PARAMETERS
from lbrn.reproduction.claims.evidence import Evidence
from lbrn.reproduction.project import Project


def explain(table: str, row: str, column: str, project: Project) -> str:
    """Say where a cell of a table comes from: runs, seeds, commits, data, environment, definition, how to remake it.

    Args:
        table: A file of a table, such as results/table1.csv, or the table's number.
        row: Label of its row.
        column: Label of its column.
        project: The project.

    Raises:
        InputError: There is no such table, row or column, or the file cannot be read.
    """
    path = table_file(table, project)
    content = _read(path)
    cell = _cell(content, row, column, path)
    lines = [f"{path}: {row}, {column}", f"value: {_value(cell)}", f"definition: {cell['definition']}"]
    stale = Evidence(str(path), content).stale
    lines += [f"scale: {content['scale']}; made by lbrn {content['lbrn']}{f'; {stale}' if stale else ''}"]
    lines += [f"data: {name}: {_data(facts)}" for name, facts in content["data"].items()]
    if {PARAMETERS, FLOPS} & {row, column}:
        return "\n".join(
            [*lines, "counted on the full-size network, no run", *_count_command(content, (row, column), project)]
        )
    if not cell["runs"]:
        return "\n".join([*lines, "no run: this network was not trained for this table", _remake(content)])
    for key in cell["runs"]:
        lines += _run(key, path.parent, project)
    return "\n".join([*lines, _remake(content)])


def table_file(table: str, project: Project) -> Path:
    """Find the JSON file of a table.

    Args:
        table: A file of it with any suffix, or its number; a number stands for results/tableN.json.
        project: The project.

    Raises:
        InputError: There is none.
    """
    path = project.root / "results" / f"table{table}.json" if table.isdecimal() else Path(table).with_suffix(".json")
    if path.is_file():
        return path
    found = sorted(one for one in project.root.glob("results/**/table*.json") if one.parent.name != "metrics")
    made = ", ".join(str(one.relative_to(project.root)) for one in found) or "none; `lbrn table 1` makes one"
    raise InputError(f"{path} is not there; tables that are made: {made}")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content: Mapping[str, Any] = read_json(path)
        for key in ("number", "cells", "scale", "data", "lbrn", "code_version"):
            content[key]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a table written by lbrn ({error}); make it again") from error
    return content


def _cell(content: Mapping[str, Any], row: str, column: str, path: Path) -> Mapping[str, Any]:
    for what, wanted in (("row", row), ("column", column)):
        labels = list(dict.fromkeys(cell[what] for cell in content["cells"]))
        if wanted not in labels:
            close = difflib.get_close_matches(wanted, labels, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise InputError(f"{path} has no {what} {wanted!r}; {hint}there are {', '.join(labels)}")
    return next(cell for cell in content["cells"] if (cell["row"], cell["column"]) == (row, column))


def _value(cell: Mapping[str, Any]) -> str:
    if cell["value"] is None:
        text = "none"
    else:
        text = f"{cell['value']:.6g}"
        if cell["interval"] is not None:
            text += f", 95 % interval {cell['interval'][0]:.4g} to {cell['interval'][1]:.4g}"
        text += {0: "", 1: ", one run"}.get(cell["n"], f", mean of {cell['n']} runs")
    if cell["published"] is not None:
        text += f"; the paper prints {cell['published']:g}"
    return text


def _data(facts: Mapping[str, Any]) -> str:
    standin = " (a STAND-IN, not the paper's data)" if facts["standin"] else ""
    return f"{facts['identity']}{standin}, digest {facts['digest']}"


def _count_command(content: Mapping[str, Any], labels: tuple[str, str], project: Project) -> list[str]:
    entry = experiments.load(project.root).get(content["number"])
    places = {} if entry is None else entry.all_places
    place = next((places[label] for label in labels if label in places), None)
    if place is None:
        return [_remake(content)]
    network = place.column
    classes = catalog.entry(place.dataset).get("classes")
    settings = network.settings | ({} if classes is None else {"classes": classes})
    given = [f"--set {shlex.quote(f'{name}={value}')}" for name, value in settings.items()]
    return [f"remake: {' '.join(['lbrn cost', network.variant, *given])}"]


def _run(key: str, beside: Path, project: Project) -> list[str]:
    folder = next((one for one in (project.run(key), beside / "runs" / key) if (one / "done.json").is_file()), None)
    lines = ["", f"run: {key}"]
    if folder is None:
        where = f"neither in {project.runs} nor in {beside / 'runs'}"
        return [*lines, f"  its folder is {where}: nothing more is known; `lbrn restore` brings packed runs back"]
    from lbrn.training.folder import read_spec

    spec, done = read_spec(folder), read_json(folder / "done.json")
    environment, packages = done["environment"], done["environment"].get("packages", {})
    versions = ", ".join(f"{name} {version}" for name, version in packages.items())
    seeds = f"seed {spec['seed']}, fixed filters of seed {spec['filter_seed']}"
    return [
        *lines,
        f"  folder: {folder}",
        f"  network: {spec['variant']}; {seeds}; training code version {spec['task']} {spec['version']}",
        f"  commit: {environment['commit'] or 'unknown (installed package)'}",
        *(f"  data: {name}-{h8}, digest {_digest(done, name)}" for name, h8 in spec["data"].items()),
        *(f"  {what}: sha256 {value}" for what, value in done.get("digests", {}).items() if value),
        f"  environment: Python {environment.get('python', '?')}, {versions}; {environment.get('cpu', '?')}, "
        f"{environment.get('threads', '?')} of {environment.get('cores', '?')} cores",
        f"  finished: {done.get('finished', '?')} after {done.get('seconds', 0):.0f} s of training",
        f"  MLflow: {_mlflow(key, project)}",
        *([f"  score again: lbrn score {shlex.quote(str(folder))}"] if (folder / "predictions.npz").exists() else []),
    ]


def _digest(done: Mapping[str, Any], name: str) -> str:
    return str(done.get("data", {}).get(name, "not recorded"))


def _mlflow(key: str, project: Project) -> str:
    uri = mlflow_address.tracking_uri(project.main)
    if mlflow_address.database(uri) is None:
        return f"ask {uri} for tag lbrn.key = {key}"
    found = mlflow_address.run_ids(uri, key)
    return f"run {', '.join(found)} in {uri}" if found else "not in the view; `lbrn track` puts it there"


def _remake(content: Mapping[str, Any]) -> str:
    seeds: Sequence[int] = content.get("seeds", ())
    settings = f"scale: {content['scale']} and seeds: {list(seeds)} in params.yaml"
    return f"\nremake: snakemake --cores 2 results/table{content['number']}.csv, with {settings}"
