"""The house of lbrn: imports point one way, what starts quickly stays quick, and files keep to their size."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lbrn
from lbrn.reproduction.code_version import imports

PACKAGE = Path(lbrn.__file__).parent
MODULES = {
    ".".join(["lbrn", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

EVERYWHERE = {"errors", "files"}
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "files": set(),
    "ternary": set(),
    "layers": {"ternary"},
    "cost": {"layers"},
    "metrics": set(),
    "datasets": set(),
    "graph": set(),
    "models": {"ternary", "layers", "cost"},
    "trace": {"graph", "trace_rules", "models"},
    "trace_rules": {"layers", "models"},
    "modelformat": {"ternary", "graph"},
    "modelfile": {"ternary", "layers", "models", "trace", "modelformat"},
    "replacement": {"ternary", "layers"},
    "convert": {"ternary", "layers", "cost", "replacement", "trace"},
    "networkfile": {"layers", "ternary", "modelformat", "modelfile", "replacement", "trace", "graph_network"},
    "graph_network": {"graph", "layers", "models"},
    "onnxfile": {"layers", "models"},
    "export": {"modelformat", "networkfile", "onnxfile"},
    "photographs": {"metrics", "tasks", "modelformat", "modelfile", "models", "engine"},
    "tasks": {"datasets", "metrics", "models", "layers"},
    "training": {"tasks", "modelfile", "layers"},
    "reproduction": {
        "graph",
        "trace",
        "datasets",
        "metrics",
        "models",
        "training",
        "tasks",
        "engine",
        "modelfile",
        "cost",
        "layers",
        "ternary",
    },
    "engine": {"graph", "ternary", "modelformat", "trace", "models", "modelfile", "onnxfile"},
    "usage": set(),
    "cli_bench": {"engine", "reproduction"},
    "cli_evidence": {"reproduction"},
    "cli": {
        "usage",
        "cli_bench",
        "cli_evidence",
        "datasets",
        "models",
        "tasks",
        "training",
        "reproduction",
        "export",
        "photographs",
        "modelformat",
    },
    "__main__": {"cli"},
}
"""What each part of the package may import besides itself and `EVERYWHERE`, lazily or not."""

TOOLS = {"snakemake", "dvc", "mlflow"}

QUICK_TO_START = [
    "lbrn.cli",
    "lbrn.reproduction.params",
    "lbrn.reproduction.runs",
    "lbrn.reproduction.dag",
    "lbrn.reproduction.make_table",
    "lbrn.reproduction.book",
    "lbrn.reproduction.score",
    "lbrn.reproduction.publish_results",
    "lbrn.reproduction.figures.plan",
    "lbrn.reproduction.report.identity",
    *(name for name in MODULES if name.split(".")[1:2] in (["datasets"], ["metrics"])),
]
HEAVY = {"torch", "mlflow", "snakemake", "dvc", "pandas"}

LONGEST_FILE = 500
LONGEST_FUNCTION = 60

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def part(module: str) -> str:
    """The room of the house that a module is in: `lbrn.models.blocks` -> `models`."""
    return module.split(".")[1]


def imported_parts(module: str, path: Path) -> set[str]:
    reached = imports(module, path)
    # `import lbrn.x.y` names the packages above it too; the package itself is no room.
    return {part(name) for name in reached if "." in name} - {part(module)}


@pytest.mark.parametrize("module", [name for name in MODULES if "." in name])
def test_imports_point_one_way(module: str) -> None:
    wrong = imported_parts(module, MODULES[module]) - ARROWS[part(module)] - EVERYWHERE
    assert not wrong, f"{module} must not import {sorted(wrong)}"


def test_arrows_have_no_circle() -> None:
    order: list[str] = []
    while len(order) < len(ARROWS):
        free = [name for name in ARROWS if name not in order and ARROWS[name] <= set(order)]
        assert free, f"a circle among {sorted(set(ARROWS) - set(order))}"
        order += free


def test_errors_and_files_lie_below_everything() -> None:
    for name in EVERYWHERE:
        assert imported_parts(f"lbrn.{name}", MODULES[f"lbrn.{name}"]) == set()


@pytest.mark.parametrize("module", MODULES)
def test_tools_of_the_reproduction_are_known_to_it_alone(module: str) -> None:
    named = {name.split(".")[0] for name in foreign_imports(MODULES[module])}
    allowed = {"mlflow"} if module.startswith("lbrn.reproduction.") else set()
    assert named & TOOLS <= allowed, f"{module} imports {sorted(named & TOOLS)}"


def foreign_imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively, which this test cannot follow"
            found.add(node.module or "")
    return found


def loaded_by(command: list[str]) -> set[str]:
    """Top-level packages that a fresh Python has loaded after a command in Python."""
    tail = "; import sys; print('\\n'.join({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    answer = subprocess.run(
        [sys.executable, "-c", "; ".join(command) + tail], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return set(answer.stderr.split())


def test_planning_and_help_start_without_heavy_packages() -> None:
    for_help = ["from typer.testing import CliRunner", "from lbrn.cli import app"]
    for_help += [
        f"assert CliRunner().invoke(app, {words}).exit_code == 0" for words in (["--help"], ["train", "--help"])
    ]
    assert loaded_by([f"import {', '.join(QUICK_TO_START)}", *for_help]) & HEAVY == set()


@pytest.mark.parametrize("module", [name for name in MODULES if re.match(r"lbrn\.engine(?!\.bench)", name)])
def test_the_engine_needs_graphs_and_filters_only(module: str) -> None:
    allowed = {"graph", "ternary", "modelformat", *EVERYWHERE}
    if module == "lbrn.engine.compiler":
        allowed.add("trace")
    assert imported_parts(module, MODULES[module]) <= allowed
    assert module == "lbrn.engine.compiler" or "torch" not in {
        name.split(".")[0] for name in foreign_imports(MODULES[module])
    }


def test_the_engine_starts_without_torch() -> None:
    assert "numba" in (loaded := loaded_by(["import lbrn.engine"]))
    assert loaded & HEAVY == set()


def test_the_package_itself_loads_nothing_until_asked() -> None:
    assert loaded_by(["import lbrn", "lbrn.__version__", "dir(lbrn)"]) & {*HEAVY, "numpy"} == set()
    asked = "assert all(callable(getattr(lbrn, name)) for name in lbrn.__all__ if name != '__version__')"
    assert "torch" in loaded_by(["import lbrn", asked])


def test_public_names_are_where_type_checkers_look_for_them() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (typed,) = (node for node in tree.body if isinstance(node, ast.If))
    told = {alias.name: node.module for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == lbrn._PLACES and sorted([*told, "__version__"]) == lbrn.__all__ and set(told) <= set(dir(lbrn))
    with pytest.raises(AttributeError, match="module 'lbrn' has no attribute 'localise'"):
        lbrn.localise  # noqa: B018


def test_loaded_packages_are_seen() -> None:
    assert {"lbrn", "numpy"} <= loaded_by(["import lbrn.ternary"])


def definitions(path: Path) -> Iterator[Definition]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Definition):
            yield node


@pytest.mark.parametrize("module", MODULES)
def test_files_and_functions_keep_to_their_size(module: str) -> None:
    path = MODULES[module]
    assert len(path.read_text().splitlines()) <= LONGEST_FILE
    for node in definitions(path):
        if not isinstance(node, ast.ClassDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{module}.{node.name} has {length} lines"


def undocumented(node: ast.Module | ast.ClassDef, name: str) -> Iterator[str]:
    """Public names without a docstring, in a module or class and in the public classes inside it."""
    if ast.get_docstring(node) is None:
        yield name
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from undocumented(child, f"{name}.{child.name}")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            if ast.get_docstring(child) is None:
                yield f"{name}.{child.name}"


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_docstring(module: str) -> None:
    assert list(undocumented(ast.parse(MODULES[module].read_text()), module)) == []


def test_missing_docstrings_are_found() -> None:
    source = '"""M."""\nclass A:\n    """A."""\n    def f(self): ...\n    def _g(self): ...\ndef h(): ...\n'
    assert list(undocumented(ast.parse(source), "m")) == ["m.A.f", "m.h"]


MACHINE = re.compile(r"(?<![\w.>}\])*-])/(?:" + "|".join(["work", "root", "home", "Users", "mnt"]) + r")/\w")
INDEX = re.compile("|".join(["index" + "-url", "PIP" + "_INDEX", "pip" + "\\.conf", "UV" + "_INDEX"]))
HOST = re.compile(r"\b(?:https?|git|ssh)://(?:[^/@\s\"'`]*@)?([^/\s\"'`)>,]+)")
PLACEHOLDERS = {"127.0.0.1", "localhost", "server", "host"}  # what the documentation's examples say


def local_traces(line: str) -> list[str]:
    """What in a line belongs to one machine or network only."""
    hosts = {host for host in HOST.findall(line) if not host.startswith(("{", "$"))}
    private = {host for host in hosts if "." not in host or re.fullmatch(r"[\d.]+(:.*)?", host)}
    foreign = [host for host in private if host.split(":")[0] not in PLACEHOLDERS]
    return MACHINE.findall(line) + INDEX.findall(line) + foreign


@pytest.mark.project
def test_tracked_files_name_no_machine(project_root: Path) -> None:
    listed = subprocess.run(["git", "-C", str(project_root), "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("needs git and its checkout: only there is known which files belong to the project")
    found = []
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = project_root / name
        if path.is_file() and path.suffix not in (".png", ".npz", ".safetensors"):
            lines = enumerate(path.read_text().splitlines(), start=1)
            found += [f"{name}:{number}: {traces}" for number, line in lines if (traces := local_traces(line))]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "store = Path('/ro" + "ot/x')",
        "pip install --index" + "-url u",
        "see https" + "://mirror/simple",
        "http" + "://10.0.0.7:8080/x",
    ],
)
def test_traces_of_a_machine_are_found(line: str) -> None:
    assert local_traces(line)
    assert not local_traces("see https://example.org/simple, http://127.0.0.1:5000, /usr/bin/env, a/home/b")
