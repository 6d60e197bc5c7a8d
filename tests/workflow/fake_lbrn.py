"""Stands in for `python -m lbrn` in tests of the workflow: every product is there at once, and every call is counted.

The workflow calls it through $LBRN_COMMAND. Data, networks, predictions, scores and figures are made up; tables,
packing and data digests are the real ones. A training counts when it makes a network: one for a finished run returns
at once, as the real one does.
"""

import json
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd() / "src"))

import itertools

from lbrn.files import digest, write_json, write_text

ROWS = ("Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Total")


def main(arguments: list[str]) -> None:
    words = [word for word in arguments[:2] if word in COMMANDS or word == "data"]
    name = " ".join(arguments[:2]) if words[0] == "data" else words[0]
    rest = arguments[len(name.split()) :]
    options = {key: value for key, value in itertools.pairwise(rest) if key.startswith("--")}
    COMMANDS[name](rest[0] if rest and not rest[0].startswith("--") else "", options)


def count(event: str) -> None:
    with Path(os.environ["FAKE_CALLS"]).open("a") as log:
        log.write(event + "\n")


def fetch(name: str, options: dict[str, str]) -> None:
    from lbrn.datasets.sources import raw_folder

    count(f"fetch {name}")
    spec = json.loads(options["--spec"])
    write_json(raw_folder(spec, data_store()) / "source.json", spec)


def prepare(name: str, options: dict[str, str]) -> None:
    from lbrn.datasets.sources import prepared_folder

    count(f"prepare {name}")
    spec = json.loads(options["--spec"])
    counted = "people" if "people" in spec else "images"
    splits = {split: {counted: count} for split, count in spec[counted].items()}
    info = {"name": name, "identity": spec["identity"], "standin": True, "digest": digest(spec), "splits": splits}
    write_json(prepared_folder(spec, data_store()) / "info.json", info)


def train(run: str, options: dict[str, str]) -> None:
    import yaml

    folder, spec = Path(run), json.loads(options["--spec"])
    if re.search(os.environ.get("FAKE_FAIL") or "(?!)", run):
        print("the fake trainer was told to fail here", file=sys.stderr)
        raise SystemExit(1)
    if (folder / "done.json").exists():
        return
    count(f"train {folder.name}")
    write_text(folder / "spec.yaml", yaml.safe_dump(spec))
    write_text(folder / "history.csv", "epoch,loss,valid_loss,valid_pck,lr,seconds\n1,0.1,0.1,50,0.003,1\n")
    write_text(folder / "model.safetensors", digest(spec))
    write_text(folder / "curves.png", f"picture of {run}")
    done = {"digests": {"weights": digest(spec), "filters": ""}, "environment": {"commit": "fake"}, "data": {}}
    write_json(folder / "done.json", done)


def predict(run: str, _: dict[str, str]) -> None:
    count(f"predict {Path(run).name}")
    write_text(Path(run) / "predictions.npz", (Path(run) / "model.safetensors").read_text())


def score(run: str, _: dict[str, str]) -> None:
    import yaml

    from lbrn.metrics import topk
    from lbrn.metrics.definitions import METRICS

    count(f"score {Path(run).name}")
    spec = yaml.safe_load((Path(run) / "spec.yaml").read_text())
    value = 50 + int(digest(spec)[:4], 16) / 2**16 * 40
    if spec["task"] == "classification":
        told = {name: dict.fromkeys(topk.KS, value) for name in topk.METRICS}
        write_json(Path(run) / "scores.json", {"dataset": spec["dataset"], "images": 1000, "metrics": told})
        return
    metrics = {
        metric.id: {"definition": metric.definition, **dict.fromkeys(ROWS, value)}
        for metric in METRICS.values()
        if metric.dataset == spec["dataset"]
    }
    write_json(Path(run) / "scores.json", {"dataset": spec["dataset"], "people": 1000, "metrics": metrics})


def table(number: str, options: dict[str, str]) -> None:
    from lbrn.reproduction import params, project
    from lbrn.reproduction.make_table import make_table

    count(f"table {number}")
    ledger = {
        "block": {"trainable": 65536, "flops_paper": 536870912}, "network": {"trainable": 187696, "macs": 29804416}
    }  # fmt: skip
    make_table(int(number), project.find(), params.parse(json.loads(options["--params"])), lambda *_: ledger)


def repetitions(_: str, options: dict[str, str]) -> None:
    from lbrn.reproduction import params, project
    from lbrn.reproduction.repetitions import make_repetitions

    count("repetitions")
    make_repetitions(project.find(), params.parse(json.loads(options["--params"])))


def claims(_: str, options: dict[str, str]) -> None:
    from lbrn.cli_evidence import claims as judge_claims

    count("claims")
    judge_claims()


def report(_: str, options: dict[str, str]) -> None:
    from lbrn.cli_evidence import report as make_report

    count("report")
    make_report()


def figure(name: str, options: dict[str, str]) -> None:
    """Files of a figure without any picture; the runs that it shows must be there."""
    from lbrn.reproduction import book, params, project
    from lbrn.reproduction.figures import entries, material

    count(f"figure {name}")
    place = project.find()
    settings, entry = book.load(place, params.parse(json.loads(options["--params"]))), entries.load(place.root)[name]
    shown = material.gather(settings, name, entry)
    folders = [entries.FOLDER, *([entries.FOLDER / entries.PHOTOGRAPHS] if entry.photographs else [])]
    for path in (folder / f"{name}{suffix}" for folder in folders for suffix in entries.SUFFIXES):
        write_text(path, " ".join([entry.caption, *shown.every_run]))


def pack(_: str, options: dict[str, str]) -> None:
    from lbrn.reproduction import pack, params, project

    pack.pack(project.find(), params.parse(json.loads(options["--params"])))


def data_digests(_: str, options: dict[str, str]) -> None:
    from lbrn.reproduction import pack, params, project

    pack.data_digests(project.find(), params.parse(json.loads(options["--params"])))


def data_store() -> Path:
    from lbrn.reproduction import project

    return project.find().data


COMMANDS = {
    "data fetch": fetch,
    "data prepare": prepare,
    "data digests": data_digests,
    "train": train,
    "predict": predict,
    "score": score,
    "table": table,
    "repetitions": repetitions,
    "claims": claims,
    "report": report,
    "figure": figure,
    "pack": pack,
    "track": lambda *_: count("track"),
}

if __name__ == "__main__":
    main(sys.argv[1:])
