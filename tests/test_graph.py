"""The graph as plain data: through JSON and back, and all that it refuses."""

import json
import subprocess
import sys

import pytest

from lbrn.errors import InputError
from lbrn.graph import OPERATIONS, Graph, Node

GEOMETRY = {"kernel": [3, 3], "stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1}
FILTER = {"name": "b", "seed": 0, "sparsity": 0.5, "scheme": "philox-1", "shape": [4, 4, 3, 3]}
POOL = {"ratios": [0.75, 0.5], "index": 1, "name": "p", "draw": 0}

IMAGES = Node("images", "input", (), {"multiple": 4})
FIRST = Node("a", "conv", ("images",), GEOMETRY, {"weight": "a.weight"})
FIXED = Node("b", "ternary_conv", ("a",), GEOMETRY | {"filter": FILTER})
REDUCED = Node("p", "fractional_pool", ("b",), POOL)
RESIZED = Node("r", "resize_bilinear", ("p", "b"), {"align_corners": True})
SUM = Node("s", "add", ("a", "r"))
NODES = (IMAGES, FIRST, FIXED, REDUCED, RESIZED, SUM)


def test_json_and_back() -> None:
    graph = Graph(NODES, ("b", "s"), is_list=True)
    assert Graph.from_json(json.loads(json.dumps(graph.to_json()))) == graph


def test_another_draw_changes_the_fractional_pooling_alone() -> None:
    graph = Graph(NODES, ("s",), is_list=False)
    changed = {a.name: b.attributes for a, b in zip(NODES, graph.with_draw(3).nodes, strict=True) if a != b}
    assert changed == {"p": POOL | {"draw": 3}}


def _changed(node: Node, **attributes: object) -> Node:
    return Node(node.name, node.op, node.inputs, {**node.attributes, **attributes}, node.tensors)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((), "begins with the operation 'input'"),
        ((FIRST,), "begins with the operation 'input'"),
        ((Node("x", "input", (), {"multiple": 1}),), "under the name 'images'"),
        ((IMAGES, Node("x", "gelu", ("images",))), "'x' has the unknown operation 'gelu'; there are input, conv"),
        ((IMAGES, Node("x", "relu", ("y",))), "'x' takes 'y', which no node before it computes"),
        ((IMAGES, Node("x", "relu", ("x",))), "'x' takes 'x', which no node before it computes"),
        ((IMAGES, FIRST, FIRST), "two nodes of the graph are named 'a'"),
        ((IMAGES, Node("x", "input", (), {"multiple": 1})), "'x' is a second input"),
        ((IMAGES, Node("", "relu", ("images",))), "must be text"),
        ((IMAGES, Node("x", "add", ("images",))), r"'x' \(add\) takes 2 inputs, not 1"),
        ((IMAGES, Node("x", "cat", ())), r"'x' \(cat\) takes some inputs, not 0"),
        ((IMAGES, Node("x", "relu", ("images",), {"slope": 1})), r"the attributes \['slope'\]; it takes \[\]"),
        ((IMAGES, Node("x", "linear", ("images",))), r"has tensors {}; it takes \['bias', 'weight'\]"),
        ((IMAGES, Node("x", "relu", ("images",), {}, {"weight": "w"})), "has tensors {'weight': 'w'}"),
        ((IMAGES, _changed(FIRST, kernel=3)), "has kernel 3; it must be a list of height and width"),
        ((IMAGES, _changed(FIRST, kernel=[3, 0])), r"has kernel \[3, 0\]"),
        ((IMAGES, _changed(FIRST, stride=[1, 1, 1])), r"has stride \[1, 1, 1\]"),
        ((IMAGES, _changed(FIRST, groups=True)), "has groups True"),
        ((IMAGES, FIRST, _changed(FIXED, filter=FILTER | {"seed": -1})), "must be what the filter is drawn from"),
        ((IMAGES, FIRST, _changed(FIXED, filter={})), "must be what the filter is drawn from"),
        ((IMAGES, FIRST, FIXED, _changed(REDUCED, ratios=[0.5, "x"])), "has ratios"),
        ((IMAGES, FIRST, FIXED, REDUCED, _changed(RESIZED, align_corners=1)), "must be true or false"),
    ],
)
def test_refused_nodes(nodes: tuple[Node, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Graph(nodes, ("images",), is_list=False)


@pytest.mark.parametrize(
    ("outputs", "is_list", "message"),
    [
        (("z",), False, "output 'z' is not computed"),
        (("a", "b"), False, "has one output, not 2"),
        ((), False, "has one output, not 0"),
    ],
)
def test_refused_outputs(outputs: tuple[str, ...], is_list: bool, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Graph(NODES, outputs, is_list)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"nodes": 3, "outputs": [], "is_list": False},
        {"nodes": [["images", "input"]], "outputs": [0], "is_list": False},
        {"nodes": [["images", "input", [], {"multiple": 1}, {}]], "outputs": [1], "is_list": False},
        {"nodes": [["images", "input", [], {"multiple": 1}, {}]], "outputs": [-1], "is_list": False},
        {"nodes": [["images", "input", [], {"multiple": 1}, {}]], "outputs": ["images"], "is_list": False},
        {"nodes": [["images", "input", [], {"multiple": 1}, {}]], "outputs": [0], "is_list": None},
        {"nodes": [[[], "input", [], {"multiple": 1}, {}]], "outputs": [0], "is_list": False},
        {"nodes": [["images", {}, [], {"multiple": 1}, {}]], "outputs": [0], "is_list": False},
        {"nodes": [["images", "input", [], 5, {}]], "outputs": [0], "is_list": False},
    ],
)
def test_refused_json(data: object) -> None:
    with pytest.raises(InputError):
        Graph.from_json(data)


def test_graphs_load_without_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; import lbrn.graph"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.project
def test_every_operation_is_described(project_root) -> None:
    text = (project_root / "docs" / "formats.md").read_text()
    assert [op for op in OPERATIONS if f"| `{op}` |" not in text] == []
