"""Run records in MLflow: created, replaced, grown, ended. Only `open_store` may import this, and MLflow with it."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from alembic.util import CommandError
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from lbrn.files import atomic_path, digest
from lbrn.reproduction.mlflow_address import TrackingError, database
from lbrn.reproduction.record import Record
from lbrn.reproduction.tracked_names import curves, headline, metrics, parameters, primary, tags, view

_NOTE = 'Written by `lbrn track`. "Views" > "Scores" lists the runs by score; a change made here is lost on a rebuild.'
_PROXY = "mlflow-artifacts:/"


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn MLflow's and its database's errors into one message.

    Raises:
        TrackingError: Something in the block failed.
    """
    try:
        yield
    except (MlflowException, SQLAlchemyError, CommandError) as error:
        reason = str(error).strip().splitlines()[0]
        cure = "delete the file and run `lbrn track`, which refills it" if database(uri) else "`lbrn track` catches up"
        raise TrackingError(f"MLflow at {uri} cannot be written ({reason}); the runs are safe: {cure}") from error


class Store:
    """One MLflow address, seen as records by run key. Callers hold the lock.

    Args:
        uri: Address of the view; an SQLite file is created where absent.
    """

    def __init__(self, uri: str) -> None:
        self._database = database(uri)
        if self._database and not (self._database.exists() and self._database.stat().st_size):
            _create(self._database)
        self._client = MlflowClient(tracking_uri=uri)
        self._experiments: dict[str, str] = {}

    def mirror(self, record: Record, stamp: str) -> bool:
        """Make the view hold a finished run exactly once, with its present content.

        Args:
            record: A finished run.
            stamp: Its `Record.stamp()`.

        Returns:
            Whether anything had to be written.
        """
        present = self._present(record)
        current = [run for run in present if run.info.status == "FINISHED" and run.data.tags.get("lbrn.stamp") == stamp]
        keep = current[0] if current else next((run for run in present if _grown(run, record)), None)
        self._delete([run for run in present if run is not keep])
        if current:
            return False
        # Everything is read before the first word is written, so that an unreadable folder leaves no half record.
        end = int(1000 * record.ended)
        scores = [Metric(name, value, end, 0) for name, value in metrics(record).items()]
        notes = {**tags(record), "lbrn.stamp": stamp, "mlflow.note.content": headline(record)}
        run = keep or self._start(record, end - int(1000 * record.seconds))
        self._client.log_batch(run.info.run_id, metrics=scores)
        self._grow(run, record)
        self._attach(run, record)
        self._client.log_batch(run.info.run_id, tags=[RunTag(name, value) for name, value in notes.items()])
        self._client.set_terminated(run.info.run_id, "FINISHED", end_time=end)
        self._arrange(run, record)
        return True

    def grow(self, record: Record) -> None:
        """Show a run that is still training, with all epochs so far; only new ones are sent."""
        present = self._present(record)
        keep = next((run for run in present if _grown(run, record)), None)
        self._delete([run for run in present if run is not keep])
        run = keep or self._start(record, int(1000 * (time.time() - record.seconds)))
        self._client.update_run(run.info.run_id, status="RUNNING")
        self._grow(run, record)

    def abandon(self, record: Record) -> None:
        """Mark a run that is no longer watched and has not finished; a later sync takes it up again."""
        for run in self._present(record):
            if run.info.status == "RUNNING":
                self._client.set_terminated(run.info.run_id, "KILLED")

    def _experiment(self, record: Record) -> str:
        name = f"lbrn {record.spec['scale']} {record.spec['dataset']}"
        if name not in self._experiments:
            self._experiments[name] = self._open_experiment(name)
        return self._experiments[name]

    def _open_experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            # No absolute path: `mlflow ui` serves this address from mlartifacts/ beside the database, wherever it is.
            place = f"{_PROXY}{name.replace(' ', '-')}" if self._database else None
            return str(self._client.create_experiment(name, artifact_location=place))
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _present(self, record: Record) -> list[Run]:
        return list(self._client.search_runs([self._experiment(record)], f"tags.`lbrn.key` = '{record.key}'"))

    def _delete(self, runs: Sequence[Run]) -> None:
        for run in runs:
            self._client.delete_run(run.info.run_id)

    def _start(self, record: Record, start: int) -> Run:
        notes = {
            "lbrn.key": record.key,
            "dvc.exp": os.environ.get("DVC_EXP_NAME", ""),
            "mlflow.source.name": "lbrn train",
            "mlflow.source.type": "LOCAL",
        }
        notes = {name: value for name, value in notes.items() if value}
        run = self._client.create_run(self._experiment(record), start, notes, record.folder.name)
        settings = [Param(name, value) for name, value in parameters(record.spec).items()]
        self._client.log_batch(run.info.run_id, params=settings)
        data = [_dataset(name, identity) for name, identity in record.spec["data"].items()]
        self._client.log_inputs(run.info.run_id, data)
        return run

    def _grow(self, run: Run, record: Record) -> None:
        rows = record.history
        sent = {int(row["epoch"]) for row in rows[: _epochs(run)]}
        points = [
            Metric(name, value, run.info.start_time + int(1000 * seconds), epoch)
            for name, value, epoch, seconds in curves(rows)
            if epoch not in sent
        ]
        self._client.log_batch(run.info.run_id, metrics=points)  # MLflow's client cuts it into requests of 1000 points
        self._client.set_tag(run.info.run_id, "lbrn.epochs", _progress(rows))

    def _arrange(self, run: Run, record: Record) -> None:
        # MLflow's own page shows no metric in the list of runs before the user picks columns: hand it a saved view.
        experiment = self._client.get_experiment(run.info.experiment_id)
        wanted = {
            "mlflow.experimentKind": "custom_model_development",
            "mlflow.note.content": _NOTE,
            "mlflow.experiment.primaryMetric.name": primary(record),
            "mlflow.sharedViewState.scores": view(record, experiment.creation_time),
        }
        for name, value in wanted.items():
            if record.scores and experiment.tags.get(name) != value:
                self._client.set_experiment_tag(experiment.experiment_id, name, value)

    def _attach(self, run: Run, record: Record) -> None:
        address = str(run.info.artifact_uri)
        for path in record.attachments:
            if self._database and address.startswith(_PROXY):
                folder = self._database.parent / "mlartifacts" / address.removeprefix(_PROXY).lstrip("/")
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, folder / path.name)
            else:
                self._client.log_artifact(run.info.run_id, str(path))


def _create(path: Path) -> None:
    # Under another name first: a database whose creation (seconds) is killed half-way is unusable for ever.
    with atomic_path(path) as temporary:
        MlflowClient(tracking_uri=f"sqlite:///{temporary}").search_experiments(max_results=1)


def _progress(rows: Sequence[dict[str, str]]) -> str:
    # Time is left out: a resumed run repeats an epoch in the same numbers but not in the same seconds.
    numbers = [{name: value for name, value in row.items() if name != "seconds"} for row in rows]
    return f"{len(rows)} {digest(numbers)[:16]}"


def _epochs(run: Run) -> int:
    return int(run.data.tags.get("lbrn.epochs", "0").split()[0])


def _grown(run: Run, record: Record) -> bool:
    """Whether a record that was begun live holds the beginning of the present history, so that it may grow on."""
    unfinished = "lbrn.epochs" in run.data.tags and "lbrn.stamp" not in run.data.tags
    return unfinished and run.data.tags["lbrn.epochs"] == _progress(record.history[: _epochs(run)])


def _dataset(name: str, identity: str) -> DatasetInput:
    return DatasetInput(Dataset(name, identity, "lbrn", f"prepared/{name}-{identity}"))
