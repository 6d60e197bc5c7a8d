"""The runs behind the tables: what each recorded of itself, and its training curve."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lbrn.reproduction.project import Project
from lbrn.reproduction.record import Record
from lbrn.reproduction.report.anchors import slug
from lbrn.reproduction.report.curves import Curve, curve


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        key: Its folder's path inside the run store.
        anchor: Its id in the page.
        commit: The commit that it was trained at.
        facts: What it is and where it comes from, as pairs of name and text.
        environment: What it was trained with, likewise.
        curve: Its training curve; None where no history is kept.
    """

    key: str
    anchor: str
    commit: str
    facts: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    curve: Curve | None

    @property
    def group(self) -> str:
        """Its scale and dataset."""
        return ", ".join(self.key.split("/")[:2])

    @property
    def name(self) -> str:
        """Its folder's name without the hash."""
        return self.key.split("/")[-1].rpartition("-")[0]


@dataclass
class Runs:
    """All runs that the page names, each once.

    Attributes:
        project: The project.
        found: Runs by anchor.
        absent: Keys of runs whose folders are not there.
    """

    project: Project
    found: dict[str, Run] = field(default_factory=dict)
    absent: dict[str, None] = field(default_factory=dict)

    def get(self, key: str, beside: Path) -> Run | None:
        """Find a run; None where its folder is gone.

        Args:
            key: Its key.
            beside: Folder of the table that names it.

        Raises:
            InputError: What it recorded cannot be read.
        """
        places = (beside / "runs" / key, self.project.run(key))
        folder = next((place for place in places if (place / "done.json").is_file()), None)
        if folder is None:
            self.absent[key] = None
            return None
        run = _read(key, folder)
        return self.found.setdefault(run.anchor, run)

    @property
    def anchors(self) -> dict[str, str]:
        """Ids by key."""
        return {run.key: anchor for anchor, run in self.found.items()}

    def groups(self) -> dict[str, list[Run]]:
        """Runs by scale and dataset, sorted."""
        grouped: dict[str, list[Run]] = {}
        for run in sorted(self.found.values(), key=lambda run: run.key):
            grouped.setdefault(run.group, []).append(run)
        return grouped

    def environments(self) -> list[tuple[tuple[tuple[str, str], ...], list[Run]]]:
        """Each environment with the runs that were trained in it."""
        grouped: dict[tuple[tuple[str, str], ...], list[Run]] = {}
        for group in self.groups().values():
            for run in group:
                grouped.setdefault(run.environment, []).append(run)
        return list(grouped.items())


def _read(key: str, folder: Path) -> Run:
    record = Record(key, folder)
    spec, done = record.spec, record.done
    told = done["environment"]
    weights = str(done.get("digests", {}).get("weights") or "")
    commit = str(told.get("commit") or "unknown (installed package)")
    facts = [
        ("network", f"{spec['variant']}: {_settings(spec['network'])}"),
        ("seeds", f"training {spec['seed']}, fixed filters {spec['filter_seed']}"),
        ("code", f"commit {commit}, training version {spec['task']} {spec['version']}"),
        *(("data", f"{name}-{h8}, digest {_short(done, name)}") for name, h8 in spec["data"].items()),
        ("weights", f"sha256 {weights[:12]}" if weights else "no digest kept"),
        ("finished", f"{done.get('finished', 'at an unknown time')}, after {float(done.get('seconds', 0)):.0f} s"),
    ]
    drawn = curve(record.history) if record.history else None
    return Run(key, slug("run", key, weights[:8]), commit, tuple(facts), _environment(told), drawn)


def _settings(network: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in network.items() if value is not None)


def _short(done: Mapping[str, Any], name: str) -> str:
    return str(done.get("data", {}).get(name, "not recorded"))[:12]


def _environment(told: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    packages = ", ".join(f"{name} {version}" for name, version in told.get("packages", {}).items())
    return (
        ("machine", f"{told.get('system', '?')} {told.get('machine', '')}, {told.get('cpu', '?')}".strip()),
        ("cores", f"{told.get('threads', '?')} of {told.get('cores', '?')}"),
        ("Python", str(told.get("python", "?"))),
        ("packages", packages),
    )
