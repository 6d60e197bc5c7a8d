"""The figures as Snakemake's rules ask for them: which exist, what each needs, and what it must be made again for."""

from dataclasses import dataclass, field
from typing import Any

from lbrn.errors import InputError
from lbrn.files import digest, sha256_file
from lbrn.reproduction import code_version, runs
from lbrn.reproduction.dag import INFO, Dag
from lbrn.reproduction.figures import entries
from lbrn.reproduction.figures.material import chosen_columns, figure_specs

MAKER = "lbrn.reproduction.figures.make"
_BOUNDARIES = ("lbrn.datasets",)  # versioned by themselves; runs and data are named by them


@dataclass
class Plan:
    """The figures under a project's settings.

    Attributes:
        dag: The plan of runs and tables.
        figures: Entries by name.
    """

    dag: Dag
    figures: dict[str, entries.Figure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the list of figures and refuse wishes for others."""
        self.figures = entries.load(self.dag.project.root)

    def names(self, task: str | None = None) -> list[str]:
        """Names of all figures, or of those of a task."""
        return [name for name, figure in self.figures.items() if task in (None, figure.task)]

    def files(self, name: str) -> list[str]:
        """What a figure's rule makes, as paths from the project's root."""
        made = [f"{entries.FOLDER}/{name}{suffix}" for suffix in entries.SUFFIXES]
        if entries.get(self.figures, name).photographs:
            made += [f"{entries.FOLDER}/{entries.PHOTOGRAPHS}/{name}{suffix}" for suffix in (".svg", ".png")]
        return made

    def run_keys(self, name: str) -> list[str]:
        """Keys of the runs that a figure shows, each once.

        Raises:
            InputError: The figure cannot be made with these settings.
        """
        return list(runs.unique(spec for specs in self._specs(name) for spec in specs))

    def data_absent(self, name: str) -> list[str]:
        """The files that say that the datasets of a figure's runs are prepared, of those that are not.

        Raises:
            InputError: The figure cannot be made with these settings.
        """
        specs = [spec for found in self._specs(name) for spec in found]
        folders = sorted({f"{data}-{h8}" for spec in specs for data, h8 in spec["data"].items()})
        prepared = {folder: self.dag.project.prepared(folder) / INFO for folder in folders}
        return [f"{self.dag.place(path.parent)}/{INFO}" for path in prepared.values() if not path.exists()]

    def identity(self, name: str) -> dict[str, Any]:
        """What a figure depends on besides its runs' files: where it changes, the figure is made again.

        Raises:
            InputError: The figure cannot be made with these settings.
        """
        figure, knobs = entries.get(self.figures, name), self.dag.book.params.model_dump(mode="json")
        printed = [self.dag.project.root / "paper" / "published" / f"table{number}.csv" for number in figure.runs]
        return {
            "entry": digest(figure.model_dump(mode="json"))[:8],
            "runs": self.run_keys(name),
            "code": code_version.modules_digest((MAKER, f"{entries.DRAWINGS}.{figure.draws}"), _BOUNDARIES)[:8],
            "paper": digest([sha256_file(path) for path in printed])[:8],
            "knobs": {knob: knobs[knob] for knob in figure.knobs},
        }

    def _specs(self, name: str) -> list[list[runs.Spec]]:
        figure = entries.get(self.figures, name)
        for number in dict.fromkeys(number for number, _ in chosen_columns(self.dag.book, name, figure)):
            if number in self.dag.failed:
                raise InputError(f"figure {name}: {self.dag.failed[number]}")
        return [list(map(dict, specs)) for specs in figure_specs(self.dag.book, name, figure).values()]
