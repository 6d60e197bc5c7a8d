"""Verdicts: made from what results say, flipped by a broken number, and refused where nothing can be said."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from lbrn.errors import InputError
from lbrn.reproduction.claims import judge, measuring, write
from lbrn.reproduction.claims.finding import Finding, Outcome, combined
from lbrn.reproduction.claims.judge import Verdict
from reproduction.claims import made_up
from toy_project import Toy, make_toy

pytestmark = pytest.mark.project
ARITHMETIC = {
    "C1": "holds", "C2": "holds", "C3": "holds", "C4": "refuted by arithmetic", "C5": "holds",
    "C15": "refuted by arithmetic", "C23": "refuted by arithmetic", "C26": "not run",
}  # fmt: skip
AS_PRINTED = dict.fromkeys(
    ("C8", "C9", "C10", "C11", "C12", "C13", "C14", "C16", "C17", "C18", "C19", "C20", "C21"), "holds"
)
NOT_RUN = dict.fromkeys(("C6", "C7", "C22", "C24", "C25"), "not run")


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """A project with the paper's own results as if they were ours."""
    toy = make_toy(tmp_path / "project")
    made_up.write_tables(toy.root)
    made_up.write_repetitions(toy.root)
    return toy


def verdicts(toy: Toy) -> dict[str, str]:
    return {verdict.claim.id: verdict.outcome.value for verdict in judge.judge(toy.root)}


def verdict(toy: Toy, claim: str) -> Verdict:
    return next(verdict for verdict in judge.judge(toy.root) if verdict.claim.id == claim)


def fields(toy: Toy, claim: str) -> dict[str, str]:
    return dict(zip(write.COLUMNS, write.fields(verdict(toy, claim)), strict=True))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1))


def edit_tests(toy: Toy, change: Callable[[dict], None]) -> None:
    path = toy.root / "paper/claim_tests.yaml"
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def test_every_claim_has_a_verdict_and_the_papers_numbers_agree_with_its_claims(toy: Toy) -> None:
    assert verdicts(toy) == ARITHMETIC | AS_PRINTED | NOT_RUN


@pytest.mark.parametrize(
    ("claim", "table", "network", "value"),
    [
        ("C8", 1, "LBRN-S", 86.0),
        ("C9", 1, "LBRN-P", 86.0),
        ("C10", 1, "Binary", 87.5),
        ("C11", 2, "0.3", 88.0),
        ("C12", 8, "0.1", 90.5),
        ("C13", 3, "LBRN(128)", 87.5),
        ("C14", 4, "LBRN-1", 80.0),
        ("C16", 4, "LBRN-3", 86.0),
        ("C17", 5, "LBRN(8, half)", 87.5),
        ("C18", 6, "LBRN-sigmoid", 86.0),
        ("C20", 7, "LBRN-P", 90.0),
    ],
)
def test_a_broken_number_of_a_table_flips_its_own_verdict_only(
    toy: Toy, claim: str, table: int, network: str, value: float
) -> None:
    made_up.write_tables(toy.root, {(table, network): value})
    assert verdicts(toy) == ARITHMETIC | AS_PRINTED | NOT_RUN | {claim: "fails"}


def test_a_spread_that_is_too_large_or_left_open_by_ten_seeds(toy: Toy) -> None:
    made_up.write_repetitions(toy.root, {"C19": 1.5, "C21": 0.9})
    found = verdicts(toy)
    assert (found["C19"], found["C21"]) == ("fails", "undecided")


def test_exact_claims_follow_the_networks_and_the_papers_print(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(toy.root / "paper/published/table1.csv", "FLOPs (G),,,1.7", "FLOPs (G),,,1.9")
    edit_tests(toy, lambda content: content["C1"][0].update(printed="70.2"))
    found = verdicts(toy)
    assert (found["C1"], found["C5"]) == ("refuted by arithmetic", "refuted by arithmetic")
    assert fields(toy, "C1")["reason"] == "exactly 69.2 %, not 70.2"
    from lbrn.models import variants

    monkeypatch.setitem(variants.VARIANTS, "lbrn-s", replace(variants.VARIANTS["lbrn-s"], fixed="none"))
    assert verdicts(toy)["C2"] == "refuted by arithmetic"


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("0.066", "holds"),
        ("0.065", "holds"),
        ("0.0655", "holds"),
        ("0.07", "holds"),
        ("0.067", "refuted by arithmetic"),
    ],
)
def test_the_paper_may_round_or_cut_off(toy: Toy, printed: str, expected: str) -> None:
    value = {
        "kind": "count", "first": {"variant": "lbrn-s"}, "scope": "block", "of": "trainable", "figure": "value",
        "printed": printed,
    }  # fmt: skip
    edit_tests(toy, lambda content: content.update(C1=[value]))
    assert fields(toy, "C1")["verdict"] == expected  # 0.065536


def test_a_cost_in_our_table_that_is_not_what_is_counted_is_told(toy: Toy) -> None:
    path = toy.root / "results/reference/paper/table1.json"
    content = json.loads(path.read_text())
    cell = {"row": "#Param (M)", "column": "LBRN-S", "published": 0.065, "runs": []}
    path.write_text(json.dumps(content | {"cells": [*content["cells"], {**cell, "value": 0.065536}]}))
    assert verdicts(toy)["C1"] == "holds"
    path.write_text(json.dumps(content | {"cells": [*content["cells"], {**cell, "value": 0.07}]}))
    assert fields(toy, "C1")["verdict"] == "undecided"
    assert "has 0.07 as #Param (M) of LBRN-S, which is 0.065536: make the table again" in fields(toy, "C1")["reason"]


def test_arithmetic_on_the_print_is_said(toy: Toy) -> None:
    assert "exactly 69.2 %, not 70.5; the paper's rounded 0.5 and 1.7 give 70.6 %" in fields(toy, "C4")["reason"]
    assert "exactly 2.25x, not 2.66; the paper's rounded 0.147 and 0.065 give 2.26x" in fields(toy, "C15")["reason"]
    reason = fields(toy, "C8")["reason"]
    assert "total of SHN cannot be one of 14 joints (its neck would be at 108.5 %)" in reason
    assert "LBRN-S 86.04, SHN 87.96, a difference of -1.91 where the totals say -1.4" in reason
    assert "total of PRM can be one of 14 joints" in fields(toy, "C9")["reason"]
    edit(toy.root / "paper/published/table1.csv", "Total,67.2,78.1,88.8", "Total,67.2,78.1,88.0")
    assert "total of SHN can be one of 14 joints" in fields(toy, "C8")["reason"]


def test_the_savings_of_table_9_would_fit_other_operations(toy: Toy) -> None:
    found = verdict(toy, "C23").findings[0]
    assert found.outcome is Outcome.REFUTED
    weights = sum(6 * 9 * c * c for c in (16, 32, 64))
    macs = sum(6 * 9 * c * c * side * side for c, side in ((16, 32), (32, 16), (64, 8)))
    assert found.ours.startswith(f"{weights / 1e6:.3f} M weights, {macs / 1e9:.4f} G multiply-accumulates")
    assert "0.48 - 0.19 = 0.29 fits; FLOPs (G): 0.069 - 0.034 = 0.035 fits none" in found.reason
    path = toy.root / "paper/published/table9.csv"
    path.write_text(path.read_text().replace(",0.069,", ",0.0765,"))
    assert verdict(toy, "C23").findings[0].outcome is Outcome.HOLDS


def test_the_strongest_evidence_speaks_and_is_named(toy: Toy) -> None:
    made_up.write_tables(toy.root, {(1, "LBRN-S"): 50.0}, scale="quick", place="results", standin=True)
    found = fields(toy, "C8")
    assert (found["verdict"], found["n"]) == ("holds", "10")
    assert found["where"].startswith("results/reference/paper/table1.json: Total, LBRN-S - SHN |")
    assert "runs: paper/mpii/LBRN-S, paper/mpii/SHN" in found["where"]
    (toy.root / "results/reference/paper/table1.json").unlink()
    found = fields(toy, "C8")
    assert found["verdict"] == "undecided" and found["where"].startswith("results/table1.json: ")
    assert found["ours"].startswith("-38.80 (") and "scale quick (drawn stand-in data) cannot decide" in found["reason"]


def test_stale_evidence_is_marked_and_gives_way_to_fresh(toy: Toy) -> None:
    made_up.write_tables(toy.root, code_version="pose 1")
    assert "(stale: trained by version pose 1 of the code, which is pose 2 now)" in fields(toy, "C8")["where"]
    made_up.write_tables(toy.root, {(1, "LBRN-S"): 86.0}, place="results", seeds=5)
    assert (fields(toy, "C8")["verdict"], fields(toy, "C8")["n"]) == ("fails", "5")
    assert "stale" not in fields(toy, "C8")["where"]


def test_what_cannot_decide_an_accuracy_says_why(toy: Toy) -> None:
    made_up.write_tables(toy.root, seeds=1)
    assert "one seed, so no interval" in fields(toy, "C8")["reason"]
    made_up.write_tables(toy.root, {(1, "LBRN-S"): 86.81}, seeds=2)
    assert "2 seeds leave the difference open" in fields(toy, "C8")["reason"]
    made_up.write_tables(toy.root, reduction={"SHN": "input 256 px, 3 epochs", "LBRN-S": "input 256 px, 3 epochs"})
    assert "says of LBRN-S: input 256 px, 3 epochs; that is not the paper's training" in fields(toy, "C8")["reason"]
    made_up.write_tables(toy.root, standin=True)
    assert fields(toy, "C8")["verdict"] == "undecided"


def test_runs_off_the_papers_setting_do_not_speak(toy: Toy) -> None:
    path = toy.root / "results/reference/paper/table1.json"
    content = json.loads(path.read_text())
    content["cells"] = [cell | {"published": None} for cell in content["cells"]]
    path.write_text(json.dumps(content))
    assert fields(toy, "C8")["verdict"] == "not run"


def speeds(toy: Toy, ratio: float, spread: float) -> None:
    folder = toy.root / "results/speed"
    folder.mkdir(parents=True, exist_ok=True)
    columns = "network,sparsity,peer,arithmetic,threads,batch,peer_ms,engine_ms,peer_iqr_ms,engine_iqr_ms"
    head = f"# medians of 25 samples\n{columns}\n"
    lines = [
        f"lbrn-s,0.5,shn:torch,float32,1,1,{100 * slower},100,{spread},{spread}\n" for slower in (ratio, ratio / 2)
    ]
    (folder / "network.csv").write_text(head + "".join([*lines, "lbrn-p,0.5,prm:torch,float32,1,1,900,100,0,0\n"]))


@pytest.mark.parametrize(
    ("ratio", "spread", "expected"), [(3.0, 1, "holds"), (2.4, 1, "fails"), (2.5, 40, "undecided")]
)
def test_speed_is_judged_by_its_interval(toy: Toy, ratio: float, spread: float, expected: str) -> None:
    speeds(toy, ratio, spread)
    found = fields(toy, "C6")
    assert found["verdict"] == expected and found["n"] == "25"
    assert f"{ratio:.2f}x (lbrn-s" in found["ours"] and f"all 2: {ratio / 2:.2f}x" in found["ours"]
    assert "by counting network 2.38x, block 3.25x" in found["reason"]


def test_the_interval_of_a_ratio_of_medians_is_that_of_trials(toy: Toy) -> None:
    generator = np.random.default_rng(1)
    first, second = (generator.normal(mean, 10, (20_000, 25)) for mean in (200, 100))
    trials = np.median(first, axis=1) / np.median(second, axis=1)
    wanted = np.quantile(trials, [0.025, 0.975])
    speeds(toy, 2.0, 1.349 * 10)
    found = verdict(toy, "C6").findings[0].interval
    assert found is not None and np.allclose(found, wanted, atol=0.02)


def approximation(toy: Toy, last: float) -> None:
    folder = toy.root / "results/figures"
    folder.mkdir(parents=True, exist_ok=True)
    errors = [("with ReLU", True, 8, 50.0), ("with ReLU", True, 16, 40.0), ("without", False, 8, 60.0)]
    lines = [f"{line},{relu},{count},{e},{e + 1},{e - 1}\n" for line, relu, count, e in errors]
    lines.append(f"without,False,72,{last},{last},{last}\n")
    (folder / "approximation.csv").write_text("".join(["line,relu,filters,seed0,seed1,seed2\n", *lines]))


def test_the_approximation_must_fall_and_end_in_nothing(toy: Toy) -> None:
    approximation(toy, 0.0)
    assert fields(toy, "C25")["verdict"] == "holds" and fields(toy, "C25")["n"] == "3"
    approximation(toy, 1.0)
    assert fields(toy, "C25")["verdict"] == "fails"
    approximation(toy, 0.0)
    edit(toy.root / "results/figures/approximation.csv", "16,40.0,41.0,39.0", "16,49.0,52.0,49.5")
    assert fields(toy, "C25")["verdict"] == "fails"


def test_additions_are_compared_with_multiplications(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    found = verdict(toy, "C26").findings[0]
    nonzeros = round(0.5 * 8 * 8 * 9)
    assert found.outcome is Outcome.HOLDS and f"{nonzeros * 7 * 7:,} additions, 0 mult" in found.ours
    draw = measuring.ternary.draw
    monkeypatch.setattr(measuring.ternary, "draw", lambda *given, **named: -draw(*given, **named))
    from lbrn.reproduction.claims.plan import Additions

    layer = measuring.additions(Additions(kind="additions"))
    assert layer.outcome is Outcome.HOLDS  # both are drawn by it
    wrong = iter([draw, lambda *given, **named: -draw(*given, **named)])
    monkeypatch.setattr(measuring.ternary, "draw", lambda *given, **named: next(wrong)(*given, **named))
    assert measuring.additions(Additions(kind="additions")).outcome is Outcome.FAILS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tests: tests.update(C99=[{"kind": "additions"}]), r"names claim C99, but paper/claims.csv has C1, C2"),
        (lambda tests: tests.pop("C7"), r"has no test of claim C7; add one"),
        (lambda tests: tests["C8"][0].update(table=12), r"C8: there is no table 12 in paper/published"),
        (lambda tests: tests["C8"][0].update(row="Nose"), r"C8: table 1 has no row Nose, but Head, "),
        (lambda tests: tests["C8"][0].update(pairs=[["SHN", "HRNet"]]), r"table 1 has no HRNet, but HG-Binary, "),
        (lambda tests: tests["C8"][0].update(below=1), r"C8: a difference has exactly one of above, below and within"),
        (lambda tests: tests["C8"][0].update(kind="guess"), r"C8: kind is 'guess', but must be one of count, "),
        (lambda tests: tests["C8"][0].update(abov=1), r"C8: unknown key abov: did you mean above\?"),
        (lambda tests: tests["C8"][1].update(columns=["SHN", "HRNet"]), r"table1.csv prints no Head of HRNet"),
        (lambda tests: tests["C1"][0].pop("second"), r"C1: a saving or a ratio needs a second network"),
        (lambda tests: tests["C5"][0]["printed"].update(row="GFLOPs"), r"table1.csv prints no GFLOPs of SHN"),
        (
            lambda tests: tests.update(C8=[{"kind": "spread", "below": 1}]),
            r"repetitions.csv says nothing of this claim",
        ),
    ],
)
def test_a_wrong_plan_is_refused_in_one_line(toy: Toy, change: Callable[[dict], None], message: str) -> None:
    edit_tests(toy, change)
    with pytest.raises(InputError, match=message) as caught:
        judge.judge(toy.root)
    assert "\n" not in str(caught.value)


def test_damaged_results_are_refused(toy: Toy) -> None:
    (toy.root / "results/reference/paper/table1.json").write_text('{"cells": []}')
    with pytest.raises(InputError, match=r"table1.json is not a table written by lbrn .* delete it and make it again"):
        judge.judge(toy.root)
    made_up.write_tables(toy.root, scale="huge")
    with pytest.raises(InputError, match="scale 'huge' is none of paper, small, quick"):
        judge.judge(toy.root)


def test_the_command_writes_all_and_prints_what_is_asked_for(toy: Toy) -> None:
    out = toy.succeed("claims", "C8", "C4")
    assert out.startswith("C4  REFUTED BY ARITHMETIC: LBB saves FLOPs") and "C8  HOLDS: " in out and "C9" not in out
    with (toy.root / "results/claims.csv").open(newline="") as stream:
        rows = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    assert [row["id"] for row in rows] == [f"C{number}" for number in range(1, 27)]
    assert tuple(rows[0]) == write.COLUMNS
    eighth = rows[7]
    low, high = map(float, eighth["interval"].split(" to "))
    assert low < -1.4 < high and float(eighth["detectable"]) > 0 and eighth["published"] == "-1.4 PCKh"
    markdown = (toy.root / "results/claims.md").read_text()
    assert markdown.count("\n| C") == 26
    assert all(line.count("|") - line.count("\\|") == 12 for line in markdown.splitlines() if line.startswith("| C"))
    content = json.loads((toy.root / "results/claims.json").read_text())
    assert content["claims"][3]["verdict"] == "refuted by arithmetic"
    assert "the command line names claim C99, but paper/claims.csv has C1" in toy.lbrn("claims", "C99").complaint


def test_one_false_part_makes_the_whole_false() -> None:
    def of(*outcomes: Outcome | None) -> Outcome:
        return combined([Finding(outcome) for outcome in outcomes])

    holds, fails, open_, absent, refuted = Outcome
    assert of(holds, None) is holds
    assert of(holds, fails, open_, absent) is fails
    assert of(fails, refuted) is refuted
    assert of(holds, open_, absent) is open_
    assert of(holds, absent) is absent
