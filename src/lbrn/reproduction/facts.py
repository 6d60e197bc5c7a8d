"""What a result says of the runs and the data behind it, and the header lines that say so. Imports no torch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lbrn import __version__
from lbrn.datasets.catalog import unit
from lbrn.models.variants import get
from lbrn.reproduction.results import Result


@dataclass(frozen=True)
class Facts:
    """Where the numbers of a table come from.

    Attributes:
        scale: Scale of the runs.
        data: Per dataset: identity, whether it is a stand-in, digest, and numbers of people or images.
        standin: Whether any dataset is a stand-in.
        seeds: Training seeds.
        filter_seeds: Seeds of the fixed filters, of the networks that have them.
        commits: Commits that the runs were trained at.
        code_version: Version of the training code of the runs.
        lbrn: Version of the package.
    """

    scale: str
    data: Mapping[str, Mapping[str, Any]]
    standin: bool
    seeds: tuple[int, ...]
    filter_seeds: tuple[int, ...]
    commits: tuple[str, ...]
    code_version: str
    lbrn: str = __version__

    def as_json(self) -> dict[str, Any]:
        """The facts as plain data."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}


def collect(scale: str, data: Mapping[str, Mapping[str, Any]], results: Sequence[Result]) -> Facts:
    """Collect the facts.

    Args:
        scale: `quick`, `small` or `paper`.
        data: Contents of `info.json` of every prepared dataset that the runs use, by name.
        results: All runs.
    """
    with_filters = [result.spec for result in results if get(result.spec["variant"]).has_fixed_filters]
    return Facts(
        scale=scale,
        data={name: _data_facts(info) for name, info in data.items()},
        standin=any(info["standin"] for info in data.values()),
        seeds=tuple(sorted({result.spec["seed"] for result in results})),
        filter_seeds=tuple(sorted({spec["filter_seed"] for spec in with_filters})),
        commits=tuple(sorted({_commit(result) for result in results})),
        code_version=", ".join(sorted({f"{r.spec['task']} {r.spec['version']}" for r in results})),
    )


def header(found: Facts, sizes: Iterable[str], *, spread: str) -> list[str]:
    """Say the facts, a line each.

    Args:
        found: The facts.
        sizes: What is smaller than in the paper, and of which networks, line by line.
        spread: How several seeds are shown; said only where there are several.
    """
    return [
        f"scale: {found.scale}",
        *(f"data: {name}: {_data_line(told)}" for name, told in found.data.items()),
        *(f"size: {text}" for text in sizes),
        _seeds_line(found, spread),
        f"trained at commit: {', '.join(found.commits) or 'none'}; "
        f"training code version: {found.code_version or 'none'}; lbrn {found.lbrn}",
    ]


def grouped(items: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Labels by their text, in the order of the first of each.

    Args:
        items: Pairs of label and text.
    """
    groups: dict[str, list[str]] = {}
    for label, text in items:
        groups.setdefault(text, []).append(label)
    return list(groups.items())


def _data_facts(info: Mapping[str, Any]) -> dict[str, Any]:
    counted = unit(info["name"])
    counts = {split: told[counted] for split, told in info["splits"].items()}
    return {"identity": info["identity"], "standin": info["standin"], "digest": info["digest"], counted: counts}


def _commit(result: Result) -> str:
    return str(result.done["environment"]["commit"] or "unknown (installed package)")


def _data_line(told: Mapping[str, Any]) -> str:
    origin = f"STAND-IN, not the paper's data ({told['identity']})" if told["standin"] else told["identity"]
    counted = "people" if "people" in told else "images"
    counts = ", ".join(f"{count} {split} {counted}" for split, count in told[counted].items())
    return f"{origin}; {counts}; digest {told['digest'][:12]}"


def _seeds_line(found: Facts, spread: str) -> str:
    seeds = f"seeds: {', '.join(map(str, found.seeds)) or 'none'}"
    if len(found.seeds) == 1:
        seeds += " (one seed: no intervals)"
    elif found.seeds:
        seeds += f" ({spread})"
    if not found.filter_seeds or found.filter_seeds == found.seeds:
        return seeds
    alone = len(found.filter_seeds) == 1 and len(found.seeds) > 1
    kept = ": the same filters for every seed, so the spread leaves out the chance of drawing them" if alone else ""
    return f"{seeds}; fixed filters of seed {', '.join(map(str, found.filter_seeds))}{kept}"
