"""Real but tiny pose runs: drawn people through the whole preparation, and networks that train within a second."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn.datasets import sources
from lbrn.datasets.prepare import prepare
from lbrn.files import read_json
from lbrn.reproduction.runs import TRAIN_VERSION

PEOPLE = {"mpii": {"train": 12, "test": 6}, "lsp": {"train": 4, "test": 6}, "lspet": {"train": 5, "test": 0}}
SIDE = 64
RECIPE = {
    "input": SIDE, "epochs": 2, "batch": 4, "optimiser": "adam", "lr": 0.003, "head_gain": 0.01,
    "schedule": {"kind": "onecycle", "warmup": 0.3}, "sigma": 1.0, "scale_jitter": 0.25, "rotation": 30.0,
    "rotation_probability": 0.6, "flip_probability": 0.5, "colour": [0.8, 1.2],
}  # fmt: skip

Spec = dict[str, Any]


@dataclass(frozen=True)
class TinyData:
    """The stand-ins of all pose datasets, a handful of people each, prepared in one data store."""

    store: Path
    specs: Mapping[str, Spec]

    def folder(self, name: str) -> Path:
        return sources.prepared_folder(self.specs[name], self.store)

    def folders(self, run: Spec) -> dict[str, Path]:
        """The prepared folders that a run names."""
        return {name: self.folder(name) for name in run["data"]}

    def digests(self, run: Spec) -> dict[str, str]:
        return {name: read_json(folder / "info.json")["digest"] for name, folder in self.folders(run).items()}

    def spec(self, variant: str, dataset: str = "mpii", train_on: tuple[str, ...] = (), **changes: Any) -> Spec:
        """The complete spec of a tiny run.

        Args:
            variant: Name of the network.
            dataset: Whose test split is predicted.
            train_on: Datasets trained on; only `dataset` where not given.
            **changes: What is otherwise in the spec; mappings are merged into those of the tiny run.
        """
        names = train_on or (dataset,)
        data = {name: sources.prepared_key(self.specs[name]) for name in names}
        spec = {
            "task": "pose", "version": TRAIN_VERSION["pose"], "scale": "quick", "dataset": dataset, "data": data,
            "variant": variant, "network": network(variant), "filter_seed": 0, "seed": 0, "recipe": dict(RECIPE),
            "evaluation": {"flip": True, "eval_draws": 1},
        }  # fmt: skip
        merged = {key: spec[key] | value if isinstance(value, dict) else value for key, value in changes.items()}
        return spec | merged

    def task(self, run: Spec) -> Any:
        """The task of a run; a fresh one for every call."""
        from lbrn.tasks.base import create

        return create(run, self.folders(run))

    def train(self, run: Spec, folder: Path, *, checkpoint_seconds: float = 0) -> None:
        """Train a run in this process, with one thread."""
        import torch

        from lbrn.training.loop import train

        torch.set_num_threads(1)
        train(self.task(run), run, folder, data=self.digests(run), checkpoint_seconds=checkpoint_seconds)

    def predict(self, run: Spec, folder: Path) -> Path:
        """Predict with a trained run, without drawing pictures: they take longer than all else."""
        from lbrn.training.predict import predict

        task = self.task(run)
        task.picture = lambda *arguments, **options: None
        return predict(task, folder)


def network(variant: str) -> dict[str, Any]:
    fixed = {"sparsity": 0.5, "activation": "relu"} if variant.startswith("lbrn") else {}
    return {"joints": 16, "width": 16, "stem_width": 16, "stacks": 1, "depth": 1, **fixed}


def make(store: Path) -> TinyData:
    """Draw and prepare the people."""
    specs = {
        name: sources.data_spec(name, "embedded", side=SIDE, root=store, store=store, drawn=people)
        for name, people in PEOPLE.items()
    }
    for spec in specs.values():
        prepare(spec, store)
    return TinyData(store, specs)
