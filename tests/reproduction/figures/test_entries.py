"""paper/figures.yaml: what it may say, and one clear message where it says something else."""

from pathlib import Path

import pytest
import yaml

from lbrn.errors import InputError
from lbrn.reproduction.figures import entries
from lbrn.reproduction.figures.make import module
from lbrn.reproduction.figures.material import chosen_columns
from toy_project import Toy

pytestmark = pytest.mark.project

ENTRY = {"title": "T", "caption": "C", "task": "pose", "draws": "blocks"}


def written(root: Path, content: object) -> Path:
    (root / "paper").mkdir(exist_ok=True)
    (root / entries.FILE).write_text(yaml.safe_dump(content))
    return root


def test_every_figure_of_the_paper_and_the_extras_are_there(toy: Toy) -> None:
    figures = entries.load(toy.root)
    assert sorted(figure.number for figure in figures.values() if figure.number) == [1, 2, 3, 4, 5, 6]
    extra = {figure.draws for figure in figures.values() if figure.number is None}
    assert extra == {"pck_curves", "sparsity", "cost", "training_curves", "approximation"}
    for name, figure in figures.items():
        drawing = module(figure)
        assert all(hasattr(drawing, part) for part in ("collect", "rows", "draw"))
        chosen = chosen_columns(toy.book(), name, figure)
        assert {number for number, _ in chosen} == set(figure.runs)
        assert len(figure.caption) > 80 and "  " not in figure.caption


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], r"must hold a mapping of figure to entry"),
        ({"Figure 1": ENTRY}, r"key 'Figure 1' is not possible: write small letters"),
        ({"figure1": ENTRY | {"draws": "block"}}, r"figure1: draws 'block' is unknown; there are approximation, "),
        ({"figure1": ENTRY | {"caption": None}}, r"figure1: caption is None, but must be a text"),
        ({"figure1": ENTRY | {"captoin": "x"}}, r"unknown key captoin: did you mean caption\?"),
        ({"figure1": ENTRY | {"runs": {1: "some"}}}, r"runs is 'some', but must be a mapping of a table's number"),
        ({"figure1": ENTRY | {"knobs": ["scale"]}}, r"knobs is 'scale', but must be a list of knobs"),
        ({"figure1": {"title": "T"}}, r"figure1: key caption is missing; add a line such as 'caption: The "),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        entries.load(written(tmp_path, content))


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({11: "all"}, r"mine: there is no table 11; there are 1, 2"),
        ({1: ["SHN", "LBRN"]}, r"mine: table 1 has no column 'LBRN', but HG-Binary, Binary"),
    ],
)
def test_runs_that_do_not_exist_are_named(toy: Toy, runs: dict[int, object], message: str) -> None:
    figure = entries.load(written(toy.root, {"mine": ENTRY | {"runs": runs}}))["mine"]
    with pytest.raises(InputError, match=message):
        chosen_columns(toy.book(), "mine", figure)


def test_columns_of_params_choose_and_leave_nothing_out_silently(toy: Toy) -> None:
    figure = entries.load(toy.root)["accuracy-cost"]
    toy.knobs(columns=["SHN", "LBRN(4)"])
    assert list(chosen_columns(toy.book(), "accuracy-cost", figure)) == [(1, "SHN"), (5, "LBRN(4)")]
    toy.knobs(columns=["0.5"], tables=[2])
    with pytest.raises(InputError, match=r"columns names none of figure accuracy-cost, which shows .*SHN"):
        chosen_columns(toy.book(), "accuracy-cost", figure)


def test_commands_with_bad_input_say_one_thing(toy: Toy) -> None:
    assert toy.lbrn("figure", "figure9").complaint.startswith(
        "there is no figure 'figure9'; paper/figures.yaml has fig"
    )
    toy.knobs(columns=["SHN"])
    answer = toy.lbrn("figure", "pck-mpii")
    assert answer.complaint.startswith("figure pck-mpii, column SHN: run quick/mpii/shn-seed0-")
    assert answer.complaint.endswith("`snakemake --cores 2 results/figures/pck-mpii.svg` makes what is missing")
    assert not (toy.root / "results").exists()
