"""The command line: thin, every command one call into the package; heavy imports only where a command needs them."""

import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lbrn import cli_evidence, usage
from lbrn.cli_bench import bench
from lbrn.errors import InputError, LbrnError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Local-binarized residual networks: reproduce the paper, use the layers.",
)
data = typer.Typer(no_args_is_help=True, help="Datasets: fetch, prepare, describe.")
dev = typer.Typer(no_args_is_help=True, help="For those who change lbrn itself.")
app.add_typer(data, name="data")
app.add_typer(dev, name="dev")
app.add_typer(bench, name="bench")
cli_evidence.register(app)

Spec = Annotated[str | None, typer.Option("--spec", help="Complete spec as JSON, as the workflow passes it.")]
Knobs = Annotated[str | None, typer.Option("--params", help="Knobs as JSON instead of params.yaml.")]
Run = Annotated[Path, typer.Argument(help="Run folder.")]
Name = Annotated[str, typer.Argument(help="A dataset, such as mpii or cifar10.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads to compute with.")]


@app.callback()
def _setup() -> None:
    logging.basicConfig(level=logging.INFO, format="lbrn: %(message)s", stream=sys.stderr)


@data.command("fetch")
def data_fetch(
    name: Name,
    spec: Spec = None,
    official: Annotated[bool, typer.Option("--official", help="Download, whatever params.yaml says.")] = False,
    place: Annotated[
        str | None,
        typer.Option("--from", help="Take the official archives from this file, folder or URL; implies --official."),
    ] = None,
) -> None:
    """Download official archives, draw a stand-in's, or check your own and note where they lie."""
    from lbrn.datasets.fetch import fetch
    from lbrn.datasets.sources import official_spec
    from lbrn.training.progress import counted

    project = _project()
    chosen = official_spec(name) if official or place is not None else _data_spec(name, spec)
    with counted(f"fetch {name}") as progress:
        print(fetch(chosen, project.data, progress, lock=project.lock, given=place))


@data.command("prepare")
def data_prepare(name: Name, spec: Spec = None, threads: Threads = 1) -> None:
    """Parse a dataset and store its people or pictures as memory-mapped arrays."""
    from lbrn.datasets.prepare import prepare
    from lbrn.training.progress import counted

    with counted(f"prepare {name}") as progress:
        print(prepare(_data_spec(name, spec), _project().data, progress, lock=_project().lock, threads=threads))


@data.command("info")
def data_info(name: Name, spec: Spec = None) -> None:
    """Say what a dataset holds, where it came from and on which terms."""
    from lbrn.datasets.describe import info

    print(info(_data_spec(name, spec), _project().data))


@data.command("digests")
def data_digests(params: Knobs = None) -> None:
    """Write results/data.json: the digests of all data behind the wished tables."""
    from lbrn.reproduction import pack

    print(pack.data_digests(_project(), _knobs(params)))


@app.command()
def train(
    run: Run,
    spec: Spec = None,
    threads: Threads = 1,
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="A checkpoint at least this often.")] = 30.0,
    wait: Annotated[bool, typer.Option("--wait", help="Wait where another process trains this run.")] = False,
) -> None:
    """Train a run to its end, or go on with it; without --spec as the run folder's own spec says."""
    import torch

    from lbrn.files import read_json
    from lbrn.reproduction import given_specs
    from lbrn.tasks.base import create
    from lbrn.training.loop import train as train_run

    torch.set_num_threads(threads)
    chosen = given_specs.read_run(run) if spec is None else given_specs.parse_run(spec)
    folders = _prepared(chosen)
    digests = {name: read_json(folder / "info.json")["digest"] for name, folder in folders.items()}
    task = create(chosen, folders)
    train_run(task, chosen, run, data=digests, checkpoint_seconds=checkpoint_seconds, wait=wait)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="Run folder; with photographs also a model file.")],
    photographs: Annotated[list[Path] | None, typer.Argument(help="Your own photographs.", show_default=False)] = None,
    threads: Threads = 1,
    engine: Annotated[str, typer.Option(help="Who runs the network on photographs: torch or numba.")] = "torch",
    box: Annotated[str | None, typer.Option(help="x,y,w,h: the person in each photograph, not all of it.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is found in photographs.")] = Path("predictions"),
) -> None:
    """Read your own photographs with a trained network; or, without any, predict a run's whole test split."""
    if photographs:
        from lbrn.photographs.predict import predict_with

        model = _model(model)
        for path in predict_with(model, photographs, out, _preparation, engine=engine, threads=threads, box=box):
            print(path)
        return
    if model.is_file():
        raise InputError(f"{model} is a model file: name the photographs too, or the run's folder for its test split")
    import torch

    from lbrn.reproduction import given_specs
    from lbrn.tasks.base import create
    from lbrn.training.predict import predict as predict_run

    torch.set_num_threads(threads)
    chosen = given_specs.read_run(model)
    print(predict_run(create(chosen, _prepared(chosen)), model))


@app.command()
def export(
    model: Annotated[Path, typer.Argument(help="Model file or run folder.")],
    form: Annotated[str, typer.Option("--format", help="seed, 2bit, float or onnx.")] = "seed",
    out: Annotated[Path | None, typer.Option(help="File to write.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Side of the pictures, for onnx.")] = None,
) -> None:
    """Write a model file with its fixed filters as seed, in 2 bits or as floats, or as ONNX."""
    from lbrn.export import check
    from lbrn.export import export as write
    from lbrn.photographs.model import carried

    check(form, size)  # before the file is looked into
    path = _model(model)
    print(write(path, form, out, preparation=carried(path, _preparation), size=size))


@app.command()
def score(
    predictions: Annotated[Path, typer.Argument(help="Run folder, or a file of joints in image pixels.")],
    dataset: Annotated[str | None, typer.Option(help="mpii or lsp; needed for a file.")] = None,
    name: Annotated[str | None, typer.Option(help="Which array of the file, where it holds several.")] = None,
    one_based: Annotated[bool, typer.Option("--one-based", help="The first pixel is (1, 1), as in MATLAB.")] = False,
) -> None:
    """Score predictions under every public definition of PCK."""
    from lbrn.reproduction import score as scoring

    if predictions.is_dir():
        print(scoring.score_run(predictions, _project()))
    elif dataset is None:
        raise InputError(f"{predictions} is not a run folder; for a file of predictions add --dataset mpii or lsp")
    else:
        scores = scoring.score_file(predictions, dataset, _project(), variable=name, one_based=one_based)
        print(json.dumps(scores, indent=2))


@app.command()
def table(number: int, params: Knobs = None) -> None:
    """Make a table of the paper from finished runs."""
    from lbrn.reproduction.make_table import make_table

    for path in make_table(number, _project(), _knobs(params)):
        print(path)


@app.command()
def repetitions(params: Knobs = None) -> None:
    """Hold mean and spread over our seeds against the paper's ten repetitions, from finished runs."""
    from lbrn.reproduction.repetitions import make_repetitions

    for path in make_repetitions(_project(), _knobs(params)):
        print(path)


@app.command()
def figure(
    name: Annotated[str, typer.Argument(help="A name of paper/figures.yaml, such as figure1.")],
    params: Knobs = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write into; results/figures by default.")] = None,
) -> None:
    """Draw a figure (SVG, PNG), with what it shows as CSV and its caption and provenance as JSON."""
    from lbrn.reproduction.figures.make import make_figure

    for path in make_figure(name, _project(), _knobs(params), out):
        print(path)


@app.command()
def pack(params: Knobs = None) -> None:
    """Copy exactly the runs behind the wished tables to results/packed, for DVC."""
    from lbrn.reproduction import pack as packing

    print(packing.pack(_project(), _knobs(params)))


@app.command()
def restore() -> None:
    """Bring packed runs (after `dvc pull`) back into the run store."""
    from lbrn.reproduction import pack as packing

    for key in packing.restore(_project()):
        print(key)


@app.command()
def track(
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the starting process ends.")] = False,
    parent: Annotated[
        int | None, typer.Option(help="The starting process, if it may end before this one looks.")
    ] = None,
) -> None:
    """Mirror all runs into MLflow (mlflow.db, or $MLFLOW_TRACKING_URI)."""
    from lbrn.reproduction import track as tracking

    project = _project()
    if follow:
        tracking.follow(project.runs, project.main, parent=parent)
        return
    summary = tracking.track(project.runs, project.main)
    print(summary)
    if summary.problems:
        raise LbrnError("; ".join(summary.problems))


@app.command()
def publish(
    params: Knobs = None,
    speed: Annotated[bool, typer.Option("--speed", help="Publish the measurements of `lbrn bench` instead.")] = False,
) -> None:
    """Copy the tables and their runs, with provenance, to results/reference/<scale>."""
    from lbrn.reproduction.publish_results import publish_results
    from lbrn.reproduction.publish_speed import publish_speed

    print(publish_speed(_project()) if speed else publish_results(_project(), _knobs(params)).folder)


@app.command()
def compare(
    number: int,
    tolerance: Annotated[float, typer.Option(min=0, help="Largest difference of a cell, in its unit.")] = 2.0,
) -> None:
    """Hold a table of ours against the published reference of the same scale; exit status 1 where it differs."""
    from lbrn.reproduction.publish_results import compare_table

    outcome = compare_table(_project(), number, tolerance)
    print(outcome.report)
    raise SystemExit(outcome.status)


@app.command()
def cost(
    variant: Annotated[str, typer.Argument(help="A name that `lbrn variants` lists, such as lbrn-s.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    settings: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE, e.g. stacks=4; repeatable.")] = None,
) -> None:
    """Print the three ledgers of a variant: trainable weights, stored bytes, operations."""
    from lbrn.models.variants import get

    chosen = dict(_setting(text) for text in settings or [])
    get(variant).settings(chosen)  # refused before torch is loaded
    from lbrn.models import costs

    print(json.dumps(costs.as_json(variant, **chosen), indent=2) if as_json else costs.describe(variant, **chosen))


@app.command()
def variants(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every network of the paper with its costs and the tables that it is in."""
    from lbrn.reproduction import experiments, networks, project

    root = project.find_root()
    listed = networks.networks({} if root is None else experiments.load(root))
    print(json.dumps(networks.as_json(listed), indent=2) if as_json else networks.describe(listed))


@dev.command("same-bits")
def same_bits(revision: str) -> None:
    """Train tiny runs with the code of REVISION and with the present code; equal bits keep the finished runs."""
    from lbrn.reproduction.same_bits import same_bits as compare_codes

    found = compare_codes(revision, _project())
    for comparison in found:
        print(f"{comparison.variant}: {'same bits' if comparison.equal else 'OTHER BITS'}")
    if not all(comparison.equal for comparison in found):
        raise LbrnError("the code trains other bits: raise TRAIN_VERSION in reproduction/runs.py, then `lbrn dev hold`")
    print("the present training code is recorded as that of the present version: commit code_digests.json")


@dev.command()
def hold() -> None:
    """Record the present code as that of the present versions; after raising a version, or after same-bits."""
    from lbrn.reproduction import code_version

    code_version.hold()


def _setting(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        raise InputError(f"--set {text!r} is not NAME=VALUE; write for example --set stacks=4")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _project() -> Any:
    from lbrn.reproduction.project import find

    return find()


def _knobs(text: str | None) -> Any:
    from lbrn.reproduction import given_specs, params

    return None if text is None else params.parse(given_specs.parse_json(text, "--params"), "--params")


def _data_spec(name: str, spec: str | None) -> dict[str, Any]:
    from lbrn.reproduction import given_specs, runs

    return runs.data_spec(name, _project()) if spec is None else given_specs.parse_data(spec, name)


def _model(given: Path) -> Path:
    return given / "model.safetensors" if given.is_dir() else given


def _preparation(spec: dict[str, Any], path: Path) -> dict[str, Any]:
    """What of its training data a network needs to read photographs, from the project that trained it."""
    from lbrn.photographs.base import task

    return task(spec, path).preparation(spec, _prepared(spec))


def _prepared(spec: dict[str, Any]) -> dict[str, Path]:
    folders = {name: _project().prepared(f"{name}-{key}") for name, key in spec["data"].items()}
    for name, folder in folders.items():
        if not (folder / "info.json").exists():
            raise InputError(
                f"{folder} is not prepared; `lbrn data prepare {name}` makes it, with the params.yaml that this run "
                f"was made from"
            )
    return folders


def main() -> None:
    """Run a command; what the user can mend is one line on the error stream and exit status 2."""
    usage.run(app)
