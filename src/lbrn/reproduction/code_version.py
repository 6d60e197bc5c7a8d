"""Which code made a result: digests of import closures, and the record that ties them to hand-raised versions.

A digest covers every module of lbrn that some entry modules can reach, read as tokens: comments, docstrings, line
breaks and spaces do not count. Scores and tables carry the digest itself, for they are cheap to remake. Trained
networks and prepared data carry a version raised by hand, for most changes to their code leave every bit of them alone;
the record in `code_digests.json` says which digest a version was last held against.
"""

import ast
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lbrn.files import digest, read_json, write_json
from lbrn.reproduction.code_tokens import tokens

PACKAGE = Path(__file__).resolve().parents[1]
RECORD = Path(__file__).with_name("code_digests.json")

ENTRIES = {
    "pose": ("lbrn.training.loop", "lbrn.training.predict", "lbrn.tasks.pose"),
    "classification": ("lbrn.training.loop", "lbrn.training.predict", "lbrn.tasks.classification"),
    "saliency": ("lbrn.training.loop", "lbrn.training.predict", "lbrn.tasks.saliency"),
    "prepare": ("lbrn.datasets.prepare",),
    "prepare-images": ("lbrn.datasets.prepare_images",),
    "prepare-saliency": ("lbrn.datasets.prepare_saliency",),
    "standin": ("lbrn.datasets.standin",),
    "digits": ("lbrn.datasets.digits",),
    "objects": ("lbrn.datasets.objects",),
    "score-saliency": ("lbrn.reproduction.score_saliency",),
    "score": ("lbrn.metrics.pck", "lbrn.metrics.foreign"),
    "score-classification": ("lbrn.metrics.topk",),
    "table": ("lbrn.reproduction.make_table",),
    "repetitions": ("lbrn.reproduction.repetitions",),
    "claims": ("lbrn.reproduction.claims.judge", "lbrn.reproduction.claims.write"),
    "report": ("lbrn.reproduction.report.make",),
}
"""Where the import closure of each piece of the work begins."""

OWN = {
    "pose": ("lbrn.tasks.pose", "lbrn.models.pyramid", "lbrn.models.bulat"),
    "classification": (
        "lbrn.tasks.classification",
        "lbrn.models.resnet",
        "lbrn.models.lbcnn",
        "lbrn.datasets.prepare_images",
        "lbrn.datasets.digits",
    ),
    "saliency": (
        "lbrn.tasks.saliency",
        "lbrn.models.cpd",
        "lbrn.datasets.prepare_saliency",
        "lbrn.datasets.objects",
    ),
}
"""What belongs to one task alone, though modules that all share import it: left out of the other tasks' closures."""

_BOUNDARIES = {
    "pose": ("lbrn.datasets.standin", "lbrn.datasets.prepare", *OWN["classification"], *OWN["saliency"]),
    "classification": ("lbrn.datasets.prepare_images", "lbrn.datasets.prepare", *OWN["pose"], *OWN["saliency"]),
    "saliency": ("lbrn.datasets.standin", "lbrn.datasets.prepare", *OWN["classification"], *OWN["pose"]),
    "prepare-saliency": (
        "lbrn.datasets.generators",
        "lbrn.datasets.prepare",
        "lbrn.datasets.official",
        "lbrn.datasets.download",
    ),
    "objects": (),
    "prepare": (
        *OWN["saliency"],
        "lbrn.datasets.standin",
        "lbrn.datasets.generators",
        "lbrn.datasets.official",
        "lbrn.datasets.download",
        *OWN["classification"],
    ),
    "prepare-images": (
        "lbrn.datasets.generators",
        "lbrn.datasets.prepare",
        "lbrn.datasets.official",
        "lbrn.datasets.download",
    ),
    "digits": ("lbrn.datasets.standin",),
    "table": ("lbrn.datasets",),
    "repetitions": ("lbrn.datasets",),
    "claims": ("lbrn.datasets",),
    "report": ("lbrn.datasets",),
}
"""What a closure leaves out because its results are named by a version of their own, or checked by a checksum."""


class Moved(NamedTuple):
    """A piece whose code is no longer the recorded one."""

    piece: str
    version: int
    recorded_version: int | None


def code_id(piece: str) -> str:
    """Digest of the code of a piece of the work, 8 hexadecimal digits.

    Args:
        piece: A key of `ENTRIES`.
    """
    return closure_digest(piece)[:8]


@cache
def closure_digest(piece: str) -> str:
    """SHA-256 over the tokens of all modules that a piece of the work reaches, in hexadecimal.

    Args:
        piece: A key of `ENTRIES`.
    """
    return modules_digest(ENTRIES[piece], _BOUNDARIES.get(piece, ()))


def modules_digest(entries: tuple[str, ...], boundaries: tuple[str, ...] = ()) -> str:
    """SHA-256 over the tokens of all modules that some modules reach, in hexadecimal.

    Args:
        entries: Modules to begin with.
        boundaries: Modules that are left out, with all that is below them.
    """
    return digest({name: _tokens(path.read_text()) for name, path in closure(entries, boundaries).items()})


_tokens = cache(tokens)  # by the source itself: many figures reach the same modules


def closure(entries: tuple[str, ...], boundaries: tuple[str, ...] = ()) -> dict[str, Path]:
    """All modules of lbrn that some modules import, directly or not, also inside functions.

    Args:
        entries: Modules to begin with.
        boundaries: Modules that are left out, with all that is below them.

    Returns:
        Files by module name, sorted.
    """
    found: dict[str, Path] = {}
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        path = module_path(name)
        if path is None or name in found or _inside(name, boundaries):
            continue
        found[name] = path
        waiting += imports(name, path)
    return dict(sorted(found.items()))


def imports(name: str, path: Path) -> frozenset[str]:
    """Modules of lbrn that a module's source imports, with the packages they are in; not what only type checkers read.

    Args:
        name: The module.
        path: Its source file.

    Returns:
        Full names; a name imported from a module counts where it is a module itself. Without the module itself.
    """
    named = {name} | _named(path.read_text())
    reached = {".".join(full.split(".")[:depth]) for full in named for depth in range(1, full.count(".") + 2)}
    return frozenset(module for module in reached if module_path(module)) - {name}


@cache
def _named(source: str) -> frozenset[str]:
    """Modules that a source imports, and what it imports from modules as if it were a module too."""
    named: set[str] = set()
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and _for_types_alone(node))]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(named)


def _for_types_alone(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" and not node.orelse


def module_path(name: str) -> Path | None:
    """Source file of a module of lbrn; None for whatever is no module of lbrn."""
    first, *rest = name.split(".")
    if first != "lbrn":
        return None
    base = PACKAGE.joinpath(*rest)
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)


def versions() -> dict[str, int]:
    """The hand-raised versions, by piece."""
    from lbrn.datasets import digits, objects
    from lbrn.datasets.sources import PREPARE_VERSION
    from lbrn.datasets.standin import GENERATOR_VERSION
    from lbrn.reproduction.runs import TRAIN_VERSION

    return {
        **TRAIN_VERSION,
        "prepare": PREPARE_VERSION["pose"],
        "prepare-images": PREPARE_VERSION["classification"],
        "prepare-saliency": PREPARE_VERSION["saliency"],
        "standin": GENERATOR_VERSION,
        "digits": digits.GENERATOR_VERSION,
        "objects": objects.GENERATOR_VERSION,
    }


def moved(record: Path = RECORD) -> list[Moved]:
    """Pieces with a hand-raised version whose code or version is not the recorded one.

    Args:
        record: The file that `hold` writes; absent means that nothing is recorded.
    """
    known = read_json(record) if record.exists() else {}
    now = _present()
    return [
        Moved(piece, version, known.get(piece, {}).get("version"))
        for piece, version in versions().items()
        if now[piece] != known.get(piece)
    ]


def hold(record: Path = RECORD, pieces: Collection[str] | None = None) -> None:
    """Record the present code as the code of the present versions.

    Only after a version was raised, or after `lbrn dev same-bits` showed that the results are the same bits.

    Args:
        record: The file.
        pieces: What was shown to be the same; None for everything that is recorded.
    """
    kept = read_json(record) if pieces is not None and record.exists() else {}
    write_json(record, kept | {piece: now for piece, now in _present().items() if pieces is None or piece in pieces})


def _present() -> dict[str, dict[str, int | str]]:
    return {piece: {"version": version, "digest": closure_digest(piece)} for piece, version in versions().items()}


def _inside(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)
