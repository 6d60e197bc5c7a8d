"""Figures as targets: each by itself, all of them, and made again for what concerns them and nothing else."""

from pathlib import Path

import pytest

from workflow.workspace import Workspace, make_project, trained

pytestmark = [pytest.mark.project, pytest.mark.slow]

WITHOUT_RUNS = ["approximation", "figure1", "figure2", "figure3", "figure4"]
OF_TABLE_1 = ["curves-mpii", "figure5", "pck-mpii"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project with the figures that take no runs and those of Table 1."""
    workspace = make_project(tmp_path_factory.mktemp("figures") / "project")
    workspace.snakemake(*targets(WITHOUT_RUNS + OF_TABLE_1))
    return workspace


def targets(names: list[str]) -> list[str]:
    return [f"results/figures/{name}.svg" for name in names]


def made(calls: list[str]) -> list[str]:
    return sorted(call.split()[1] for call in calls if call.startswith("figure "))


def remade(workspace: Workspace, *changed: tuple[Path, str, str]) -> list[str]:
    """Which figures are made again after an edit, and that nothing is trained; the edit is undone."""
    before = [path.read_text() for path, _, _ in changed]
    for (path, old, new), text in zip(changed, before, strict=True):
        assert old in text
        path.write_text(text.replace(old, new, 1))
    with workspace.counting() as calls:
        workspace.snakemake(*targets(WITHOUT_RUNS + OF_TABLE_1))
    assert trained(calls) == []
    for (path, _, _), text in zip(changed, before, strict=True):
        path.write_text(text)
    with workspace.counting() as back:
        workspace.snakemake(*targets(WITHOUT_RUNS + OF_TABLE_1))
    assert made(back) == made(calls)
    return made(calls)


def test_one_target_makes_one_figure_and_only_its_runs(fresh: Workspace) -> None:
    with fresh.counting() as calls:
        fresh.snakemake("results/figures/figure1.svg")
    assert [call for call in calls if call != "track"] == ["figure figure1"]
    for suffix in (".svg", ".png", ".csv", ".json"):
        assert (fresh.root / "results" / "figures" / f"figure1{suffix}").exists()
    with fresh.counting() as calls:
        fresh.snakemake("results/figures/figure5.svg")
    assert trained(calls) == ["lbrn-s-s0.5", "shn"]  # HG-Binary is not among the columns
    assert (fresh.root / "results" / "figures" / "photographs" / "figure5.png").exists()
    with fresh.counting() as calls:
        assert "Nothing to be done" in fresh.snakemake("results/figures/figure5.svg", "results/figures/figure1.png")
    assert calls == []


def test_a_changed_caption_makes_only_its_figure_again(drawn: Workspace) -> None:
    figures = drawn.root / "paper" / "figures.yaml"
    assert remade(
        drawn, (figures, "Share of correct joints (mean of 14", "Part of the correct joints (mean of 14")
    ) == ["pck-mpii"]


def test_a_changed_drawing_makes_only_its_figures_again(drawn: Workspace) -> None:
    drawings = drawn.root / "src" / "lbrn" / "reproduction" / "figures" / "drawings"
    assert remade(drawn, (drawings / "blocks.py", "HEAD, FOOT, APART = 0.5", "HEAD, FOOT, APART = 0.6")) == ["figure1"]
    assert remade(drawn, (drawings / "training_curves.py", '"training loss"', '"loss"')) == ["curves-mpii"]
    assert remade(drawn, (drawings / "filters.py", "# A filter depends", "# A fixed filter depends")) == []
    anatomy = drawings.parent / "anatomy.py"
    assert remade(drawn, (anatomy, "INPUT_SIDE = 256", "INPUT_SIDE = 128")) == ["figure2", "figure4"]


def test_a_changed_style_draws_all_and_a_changed_table_none(drawn: Workspace) -> None:
    style = drawn.root / "src" / "lbrn" / "reproduction" / "figures" / "style.py"
    assert remade(drawn, (style, "DPI = 300", "DPI = 200")) == sorted(WITHOUT_RUNS + OF_TABLE_1)
    rendering = drawn.root / "src" / "lbrn" / "reproduction" / "rendering.py"
    assert remade(drawn, (rendering, "SCORE_DECIMALS = 2", "SCORE_DECIMALS = 1")) == []


def test_knobs_make_again_what_takes_them(drawn: Workspace) -> None:
    with drawn.counting() as calls:
        drawn.knobs(sparsity=0.7)
        drawn.snakemake(*targets(WITHOUT_RUNS + OF_TABLE_1))
    assert made(calls) == ["curves-mpii", "figure3", "figure5", "pck-mpii"]
    assert trained(calls) == ["lbrn-p-s0.7", "lbrn-s-s0.7"]
    with drawn.counting() as calls:
        drawn.knobs(sparsity=0.5)
        drawn.snakemake(*targets(WITHOUT_RUNS + OF_TABLE_1))
    assert made(calls) == ["curves-mpii", "figure3", "figure5", "pck-mpii"] and trained(calls) == []


def test_all_figures_are_planned_and_belong_to_the_pose_study(fresh: Workspace) -> None:
    fresh.knobs(columns=None)
    plan = fresh.snakemake("-n", "figures")
    assert plan.count("rule figure_") == 14 and "rule figure_pck_lsp" in plan
    study = fresh.snakemake("-n", "pose")
    assert study.count("rule figure_") == 14 and study.count("rule table:") == 8


def test_figures_whose_columns_are_left_out_are_named(fresh: Workspace) -> None:
    output = fresh.snakemake("results/figures/sparsity-mpii.svg", fails=True)
    complaints = [line for line in output.splitlines() if line.startswith("lbrn: ")]
    assert complaints == [
        "lbrn: params.yaml: columns names none of figure sparsity-mpii, which shows 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, "
        "0.8, 0.9; add one or write 'columns: null'"
    ]
    assert "Traceback" not in output
