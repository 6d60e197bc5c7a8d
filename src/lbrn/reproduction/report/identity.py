"""What the page depends on, for Snakemake: where it changes, the page is made again. Loads no Jinja."""

from importlib.resources import files
from typing import Any

from lbrn.files import digest, sha256_file
from lbrn.reproduction.code_version import code_id
from lbrn.reproduction.dag import Dag

PICTURES = tuple(
    f"{folder}/*{suffix}"
    for folder in ("results/figures", "results/reference/*/figures", "results/speed", "results/reference/speed")
    for suffix in (".json", ".svg", ".png")
)


def identity(dag: Dag) -> dict[str, Any]:
    """What the page depends on besides the verdicts.

    Args:
        dag: What the workflow makes.

    Returns:
        Plain data.
    """
    root = dag.project.root
    shown = {path.relative_to(root).as_posix(): sha256_file(path) for kind in PICTURES for path in root.glob(kind)}
    templates = {entry.name: entry.read_text() for entry in files(__package__).joinpath("templates").iterdir()}
    evidence = dag.claims_identity()["evidence"]
    return {
        "code": code_id("report"),
        "templates": digest(templates)[:8],
        "evidence": evidence,
        "pictures": digest(shown)[:8],
    }
