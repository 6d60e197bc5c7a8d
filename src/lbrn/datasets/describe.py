"""The text of `lbrn data info`: terms, state and contents of a dataset."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lbrn.datasets.catalog import entry
from lbrn.datasets.people import JOINT_NAMES
from lbrn.datasets.pixels import Written
from lbrn.datasets.sources import is_standin, prepared_folder
from lbrn.files import read_json

STANDIN_TERMS = "drawn by this package, which may be used under the package's own licence"


def summary(written: Written) -> dict[str, Any]:
    """Return counts, label statistics and digests of one split, as they stand in info.json."""
    people = written.people
    return {
        "people": len(people),
        "images": len(np.unique(people.image)),
        "labelled": dict(zip(JOINT_NAMES, people.labelled.sum(axis=0).tolist(), strict=True)),
        "occluded": dict(zip(JOINT_NAMES, (people.labelled & ~people.visible).sum(axis=0).tolist(), strict=True)),
        "without_head_size": int(np.isnan(people.head).sum()),
        "people_digest": people.digest(),
        "pixels_sha256": written.pixels_sha256,
    }


def terms(spec: Mapping[str, Any]) -> str:
    """Say under which terms the data of a spec may be used."""
    return STANDIN_TERMS if is_standin(spec) else str(entry(spec["name"])["terms"])


def info(spec: Mapping[str, Any], store: Path) -> str:
    """Describe a dataset for people: what it is, its terms, and what has been prepared.

    Args:
        spec: A data spec (`sources.data_spec`).
        store: Folder of the data store.
    """
    told, folder = entry(spec["name"]), prepared_folder(spec, store)
    standin = f"a stand-in for {told['title']}, drawn by this package" if is_standin(spec) else told["title"]
    lines = [f"{spec['name']}: {standin}", f"identity: {spec['identity']}", f"terms: {terms(spec)}"]
    if not is_standin(spec):
        lines += [f"cite: {told['citation']}", f"homepage: {told['homepage']}"]
    if not (folder / "info.json").exists():
        return "\n".join([*lines, f"not prepared yet: run `lbrn data prepare {spec['name']}`"])
    contents = read_json(folder / "info.json")
    lines += [f"prepared: {folder}", f"digest: {contents['digest']}"]
    for split, counts in contents["splits"].items():
        lines += _split_lines(split, counts)
    return "\n".join(lines)


def _split_lines(split: str, counts: Mapping[str, Any]) -> list[str]:
    if "people" not in counts:
        if "per_class" not in counts:
            return [f"{split}: {counts['images']} images"]
        fewest, most = min(counts["per_class"]), max(counts["per_class"])
        return [f"{split}: {counts['images']} images in {len(counts['per_class'])} classes of {fewest} to {most}"]
    people = counts["people"]
    lines = [f"{split}: {people} people in {counts['images']} images; share of joints labelled / occluded:"]
    for joint in JOINT_NAMES:
        labelled, occluded = counts["labelled"][joint], counts["occluded"][joint]
        lines.append(f"  {joint:<11} {labelled / people:6.1%} / {occluded / max(labelled, 1):6.1%}")
    return lines
