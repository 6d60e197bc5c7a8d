"""What the workflow makes, as Snakemake's rules ask for it: files and specs, looked up by the names of folders.

Settings that cannot be used for one table must not hinder another, so such an error is kept until somebody asks for
what it concerns.
"""

import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lbrn.datasets.sources import is_standin
from lbrn.errors import InputError
from lbrn.files import digest, sha256_file
from lbrn.reproduction import book as settings
from lbrn.reproduction import data_specs, deviations, repetitions, runs
from lbrn.reproduction.book import Book
from lbrn.reproduction.code_version import code_id
from lbrn.reproduction.project import Project
from lbrn.reproduction.published import REPETITIONS
from lbrn.reproduction.scales import preset_of

Spec = dict[str, Any]

INFO, NOTE = "info.json", "source.json"  # written last into a prepared and into a raw folder
PREPARING_THREADS = 8  # Snakemake lowers it to the cores there are; reading the archive keeps about as many busy
EVIDENCE = (
    "results/speed/*.csv",
    "results/reference/speed/*.csv",
    *(
        f"{place}/{name}"
        for place in ("results", "results/reference/*")
        for name in ("table*.json", "repetitions.json", "figures/approximation.csv")
    ),
)
"""Results that speak for a claim of the paper."""
LONG_RUN = 50  # priority of the longest training; what a training waits for, and what waits for it, goes first


@dataclass
class Dag:
    """Runs and datasets of all tables under a project's settings.

    Attributes:
        book: The settings.
        runs: Run specs by run key.
        raw: Data specs by name of the raw folder.
        prepared: Data specs by name of the prepared folder.
        failed: Why a table cannot be made, by table number, or the repetitions, by their name.
    """

    book: Book
    runs: dict[str, Spec] = field(default_factory=dict)
    raw: dict[str, Spec] = field(default_factory=dict)
    prepared: dict[str, Spec] = field(default_factory=dict)
    failed: dict[int | str, InputError] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Plan every table of the project, and the paper's repetitions."""
        for number in self.book.tables:
            try:
                self._plan(data_specs.table_data(self.book, number), runs.table_runs(self.book, number).values())
            except InputError as error:
                self.failed[number] = error
        try:
            repeated = [specs for _, specs in runs.repetition_runs(self.book)]
            self._plan(repetitions.repetition_data(self.book), repeated)
        except InputError as error:
            self.failed[repetitions.NAME] = error

    def _plan(self, data: dict[str, Spec], networks: Iterable[list[Spec]]) -> None:
        for specs in networks:
            self.runs |= {runs.run_key(spec): spec for spec in specs}
        for spec in data.values():
            self.prepared[data_specs.data_key(spec)] = spec
            self.raw[data_specs.raw_key(spec)] = spec

    @property
    def project(self) -> Project:
        """Where things are."""
        return self.book.project

    def place(self, folder: Path) -> str:
        """A folder as the rules name it: relative at home, absolute in a temporary workspace or for a moved store."""
        root = self.project.root
        return str(folder.relative_to(root)) if folder.is_relative_to(root) else str(folder)

    def tables(self, task: str) -> list[int]:
        """Numbers of all tables of a task.

        Args:
            task: Such as `pose`.
        """
        return [number for number, entry in self.book.tables.items() if entry.task == task]

    def run_keys(self, number: int) -> list[str]:
        """Keys of a table's runs.

        Raises:
            InputError: The table cannot be made with these settings.
        """
        settings.table(self.book, number)
        if number in self.failed:
            raise self.failed[number]
        return [runs.run_key(spec) for specs in runs.table_runs(self.book, number).values() for spec in specs]

    def repetition_keys(self) -> list[str]:
        """Keys of the runs of the networks that the paper repeated.

        Raises:
            InputError: They cannot be made with these settings.
        """
        if repetitions.NAME in self.failed:
            raise self.failed[repetitions.NAME]
        return [runs.run_key(spec) for _, specs in runs.repetition_runs(self.book) for spec in specs]

    def wished_keys(self) -> list[str]:
        """Keys of all runs of the tables that params.yaml wishes, each once."""
        return list(dict.fromkeys(key for number in self.book.params.tables for key in self.run_keys(number)))

    def wished_data(self) -> list[str]:
        """Names of all prepared folders that the wished tables need, each once."""
        keys = [self.run(key) for key in self.wished_keys()]
        return list(dict.fromkeys(f"{name}-{h8}" for spec in keys for name, h8 in spec["data"].items()))

    def run(self, key: str) -> Spec:
        """The spec of a run.

        Raises:
            InputError: No table has such a run under these settings.
        """
        return _found(self.runs, key, "run")

    def data_needed(self, key: str, product: str) -> list[str]:
        """The files that say that a run's datasets are prepared; none where the run has the product already.

        Args:
            key: The run.
            product: Name of the file in the run's folder that is to be made from the data.

        Raises:
            InputError: No table has such a run under these settings.
        """
        if (self.project.run(key) / product).exists():
            return []
        folders = [f"{name}-{h8}" for name, h8 in self.run(key)["data"].items()]
        return [f"{self.place(self.project.prepared(folder))}/{INFO}" for folder in folders]

    def data_absent(self, keys: list[str]) -> list[str]:
        """The files that say that runs' datasets are prepared, of those that are not: a table's header tells of them.

        Args:
            keys: The runs.

        Raises:
            InputError: No table has such a run under these settings.
        """
        folders = {f"{name}-{h8}" for key in keys for name, h8 in self.run(key)["data"].items()}
        absent = [folder for folder in sorted(folders) if not (self.project.prepared(folder) / INFO).exists()]
        return [f"{self.place(self.project.prepared(folder))}/{INFO}" for folder in absent]

    def prepared_spec(self, folder: str) -> Spec:
        """The data spec of a prepared folder.

        Raises:
            InputError: No table needs such data under these settings.
        """
        return _found(self.prepared, folder, "prepared dataset")

    def preparing_threads(self, folder: str) -> int:
        """Threads that prepare a folder: the few pictures of a stand-in are not worth more than one.

        Args:
            folder: Name of a folder in data/prepared.

        Raises:
            InputError: No table needs such data under these settings.
        """
        return 1 if is_standin(self.prepared_spec(folder)) else PREPARING_THREADS

    def raw_spec(self, folder: str) -> Spec:
        """The data spec of a raw folder.

        Raises:
            InputError: No table needs such data under these settings.
        """
        return _found(self.raw, folder, "raw dataset")

    def raw_needed(self, folder: str) -> list[str]:
        """The file that says that the bytes of a prepared folder are there; none where the folder is made already.

        Args:
            folder: Name of a folder in data/prepared.

        Raises:
            InputError: No table needs such data under these settings.
        """
        if (self.project.prepared(folder) / INFO).exists():
            return []
        raw = data_specs.raw_key(self.prepared_spec(folder))
        return [f"{self.place(self.project.raw(raw))}/{NOTE}"]

    def table_identity(self, number: int) -> Spec:
        """What a table depends on besides the scores: its entry, its runs, the code, and what the paper printed.

        Args:
            number: The table's number in the paper.

        Returns:
            Plain data: where it changes, the table is made again.

        Raises:
            InputError: The table cannot be made with these settings.
        """
        entry = self.book.tables[number].model_dump(mode="json")
        root = self.project.root
        paper = root / "paper"
        files = (paper / "published" / f"table{number}.csv", paper / "claims.csv", root / deviations.FILE)
        printed = [sha256_file(path) for path in files]
        return {
            "entry": digest(entry),
            "runs": self.run_keys(number),
            "code": code_id("table"),
            "paper": digest(printed)[:8],
        }

    def repetition_identity(self) -> Spec:
        """What the repetitions depend on besides the scores: runs, code, settings, and what the paper printed.

        Raises:
            InputError: They cannot be made with these settings.
        """
        root, tables = self.project.root, [printed.table for printed, _ in runs.repetition_runs(self.book)]
        return {
            "entries": digest([self.book.tables[number].model_dump(mode="json") for number in tables]),
            "runs": self.repetition_keys(),
            "code": code_id("repetitions"),
            "paper": sha256_file(root / "paper" / REPETITIONS)[:8],
        }

    def claims_identity(self) -> Spec:
        """What the verdicts depend on besides the wished tables: other results that are there, the paper, and the code.

        Returns:
            Plain data: where it changes, the verdicts are made again.
        """
        root = self.project.root
        wished = {root / "results" / f"table{number}.json" for number in self.book.params.tables}
        patterns = (*EVIDENCE, "paper/*.csv", "paper/*.yaml", "paper/published/*.csv")
        files = {path for pattern in patterns for path in root.glob(pattern)} - wished
        digests = {path.relative_to(root).as_posix(): sha256_file(path) for path in sorted(files)}
        return {"code": code_id("claims"), "evidence": digest(digests)[:8]}

    def score_code(self, key: str) -> str:
        """Digest of the code that scores a run: where it changes, the run is scored again.

        Args:
            key: The run.

        Raises:
            InputError: No table has such a run under these settings.
        """
        task = self.run(key)["task"]
        return code_id("score" if task == "pose" else f"score-{task}")

    def training_priority(self, key: str) -> int:
        """How early to begin a training: the longer first, so that all cores are busy to the end.

        Args:
            key: The run.

        Returns:
            A whole number from 1 to `LONG_RUN`; Snakemake begins the larger first.

        Raises:
            InputError: No table has such a run under these settings.
        """
        mine = self.run(key)
        longest = max(_work(spec) for spec in self.runs.values() if spec["task"] == mine["task"])
        return max(1, round(LONG_RUN * _work(mine) / longest))


def command(source: Path) -> str:
    """The shell command that rules call: this Python with the package beside the workflow, whatever is installed.

    $LBRN_COMMAND replaces it, for example by one that runs inside a container.

    Args:
        source: Folder that holds the package.
    """
    path = os.pathsep.join(filter(None, (str(source), os.environ.get("PYTHONPATH"))))
    own = f"env PYTHONPATH={shlex.quote(path)} {shlex.quote(sys.executable)} -m lbrn"
    return os.environ.get("LBRN_COMMAND") or own


def _work(spec: Spec) -> float:
    return preset_of(spec["task"]).work(spec)


def _found(known: dict[str, Spec], name: str, kind: str) -> Spec:
    if name not in known:
        raise InputError(f"no table needs {kind} {name} under the present params.yaml")
    return known[name]
