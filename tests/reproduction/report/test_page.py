"""The page of all results, made from the published references: read by a parser of its own, held against files."""

import csv
import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lbrn.errors import InputError
from lbrn.reproduction import project
from lbrn.reproduction.report import gather, make
from reproduction.report.reading import Element, Page
from toy_project import ROOT, Toy, make_toy

pytestmark = pytest.mark.project

KEY = "quick/mpii/shn-seed0-09c0cd6a"
MARKUP = "<script>alert(1)</script>"
REPEATED = {
    "network": "LBRN-S", "dataset": "mpii", "definition": "d", "values": [60.25], "claim": "C19", "deviation": None,
    "runs": ["quick/mpii/lbrn-s-s0.5-seed0-ad060353"],
}  # fmt: skip
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9"/></svg>'


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """A project that has our published results and nothing else."""
    toy = make_toy(tmp_path / "project", columns=None)
    shutil.copytree(ROOT / "results" / "reference", toy.root / "results" / "reference")
    return toy


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Toy, Page, str]:
    """The same with its page, which is only read."""
    toy = make_toy(tmp_path_factory.mktemp("report") / "project", columns=None)
    shutil.copytree(ROOT / "results" / "reference", toy.root / "results" / "reference")
    path = Path(toy.succeed("report").strip())
    assert path == toy.root / "results" / "report.html"
    text = path.read_text()
    return toy, Page(text), text


def tables(toy: Toy) -> list[Path]:
    return sorted(toy.root.glob("results/reference/*/table*.json"))


def printed(path: Path) -> tuple[list[str], list[dict[str, str]], int]:
    """Head and rows of a table's CSV, and how many columns the row's label takes."""
    with path.open(newline="") as stream:
        reader = csv.DictReader(line for line in stream if not line.startswith("#"))
        rows = list(reader)
    head = list(reader.fieldnames or ())
    return head, rows, next(n for n, name in enumerate(head) if f"{name} published" in head)


def article(page: Page, path: Path, toy: Toy) -> Element:
    name = path.relative_to(toy.root).as_posix()
    (found,) = [one for one in page.root.all("article", class_="sheet") if name in one.text.split()]
    return found


def test_every_number_of_every_table_stands_in_its_place(made: tuple[Toy, Page, str]) -> None:
    toy, page, _ = made
    assert len(tables(toy)) >= 2
    for path in tables(toy):
        head, rows, labels = printed(path.with_suffix(".csv"))
        table = article(page, path, toy).all("table")[0]
        columns = [cell.words for cell in table.one("thead").all("th")][labels:]
        lines = table.one("tbody").all("tr")
        assert [[one.words for one in line.all("th")] for line in lines] == [[*row.values()][:labels] for row in rows]
        assert columns == [name for name in head[labels:] if f"{name} published" in head]
        shown, wanted = {}, {}
        for line, row in zip(lines, rows, strict=True):
            for column, cell in zip(columns, line.all("td"), strict=True):
                difference = row[f"{column} difference"]
                sign = "" if not difference or difference.startswith("-") else "+"
                place = (*(one.words for one in line.all("th")), column)
                wanted[place] = (row[column] or "–", f"{row[f'{column} published']} {sign}{difference}".strip())
                shown[place] = (cell.one("b").words, cell.one("span").words.replace("−", "-"))
        assert shown == wanted and len(wanted) == len(json.loads(path.read_text())["cells"])


def test_shades_follow_the_share_of_the_published_number(made: tuple[Toy, Page, str]) -> None:
    toy, page, _ = made
    seen = set()
    for path in tables(toy):
        for cell in article(page, path, toy).all("table")[0].one("tbody").all("td"):
            numbers = [float(text.replace("−", "-")) for text in cell.one("span").words.split()]
            share = 100 * numbers[1] / numbers[0] if len(numbers) == 2 else 0
            step = "0" if abs(share) < 1 else "1" if abs(share) < 5 else "2" if abs(share) < 15 else "3"
            step = "4" if abs(share) >= 40 else step
            side = "below" if share < 0 else "above"
            assert cell.attributes.get("class") == (None if step == "0" else f"{side}-{step}")
            seen.add(step)
    assert {"0", "1", "2", "3", "4"} <= seen


def test_a_failed_verdict_comes_first_and_all_are_there(made: tuple[Toy, Page, str], toy: Toy) -> None:
    made_toy, page, _ = made
    made_toy.succeed("claims")
    with (made_toy.root / "results/claims.csv").open(newline="") as stream:
        verdicts = {row["id"]: row for row in csv.DictReader(line for line in stream if not line.startswith("#"))}
    shown = page.root.all("article", class_="verdict")
    assert sorted(str(one.attributes["id"]) for one in shown) == sorted(verdicts)
    order = [one.all("span", class_="outcome")[0].words for one in shown]
    assert order == sorted(order, key=["fails", "refuted by arithmetic", "holds", "undecided", "not run"].index)
    for one in shown:
        row = verdicts[str(one.attributes["id"])]
        assert one.all("span", class_="outcome")[0].words == row["verdict"]
        assert row["claim"] in one.words and f"published: {' '.join(row['published'].split())} (" in one.words
    assert (order[0], page.elements.index(shown[0]) < page.elements.index(page.by_id("tables"))) == ("fails", True)
    assert shown[0].attributes["id"] == "C6"
    # Were the network three times faster, nothing would fail.
    path = toy.root / "results/reference/speed/network.csv"
    path.write_text(re.sub(r"(?m)^(lbrn-s,.*,shn:[^,]*,\d+,)", r"\g<1>9", path.read_text()))
    faster = Page(Path(toy.succeed("report").strip()).read_text())
    assert faster.root.all("article", class_="verdict")[0].all("span", class_="outcome")[0].words != "fails"


def test_links_inside_resolve_and_ids_are_unique(made: tuple[Toy, Page, str]) -> None:
    _, page, _ = made
    ids = page.ids
    assert len(ids) == len(set(ids))
    inside = {href[1:] for one in page.elements if (href := one.attributes.get("href") or "").startswith("#")}
    assert len(inside) > 100 and inside <= set(ids)


def test_every_cell_leads_to_its_runs_and_a_command_that_explains_it(made: tuple[Toy, Page, str]) -> None:
    toy, page, _ = made
    for path in tables(toy):
        content = json.loads(path.read_text())
        boxes = article(page, path, toy).all("table")[0].one("tbody").all("td")
        assert len(boxes) == len(content["cells"])
        for number, (box, cell) in enumerate(zip(boxes, content["cells"], strict=True)):
            card = page.by_id(str(box.one("a").attributes["href"])[1:])
            assert card.one("strong").words == f"{cell['row']}, {cell['column']}"
            assert cell["definition"] in card.words and card.one("a", class_="close").attributes["href"] == (
                f"#{box.attributes['id']}"
            )
            leads = {one.words: page.by_id(str(one.attributes["href"])[1:]) for one in card.all("a")[1:]}
            assert list(leads) == cell["runs"]
            for key, run in leads.items():
                done = json.loads((path.parent / "runs" / key / "done.json").read_text())
                assert done["environment"]["commit"] in card.words and done["environment"]["commit"] in run.words
                assert done["digests"]["weights"][:12] in run.words and run.all("polyline")
            words = shlex.split(card.one("pre").text)
            assert words[:2] == ["lbrn", "explain"]
            if number % 37 == 0:  # enough: each takes its own labels from the same two places
                words[2] = str(toy.root / words[2])
                value = "none" if cell["value"] is None else f"{cell['value']:.6g}"
                assert f"value: {value}" in toy.succeed(*words[1:])


def test_nothing_is_loaded_and_nothing_runs(made: tuple[Toy, Page, str]) -> None:
    _, page, text = made
    assert {one.tag for one in page.elements} & {"script", "link", "iframe", "object", "embed", "base"} == set()
    sources = [one.attributes[name] for one in page.elements for name in ("src", "srcset") if name in one.attributes]
    assert sources and all(str(source).startswith("data:image/") for source in sources)
    assert not any(name.startswith("on") for one in page.elements for name in one.attributes)
    style = page.root.one("style").text
    assert "url(" not in style and "@import" not in style
    assert {"prefers-color-scheme: dark", "@media print", "max-width"} <= set(
        re.findall(r"prefers-color-scheme: dark|@media print|max-width", style)
    )
    leads = [str(one.attributes["href"]) for one in page.root.all("a")]
    outside = {lead for lead in leads if not lead.startswith("#")}
    assert text.count("://") == sum(text.count(lead) for lead in outside)
    assert len(text) <= 15_000_000


def test_what_is_stale_drawn_or_missing_is_said(made: tuple[Toy, Page, str]) -> None:
    toy, page, _ = made
    for path in tables(toy):
        content, found = json.loads(path.read_text()), article(page, path, toy)
        assert bool(found.all("span", class_="standin")) == content["standin"]
        badges = [one.words for one in found.all("span", class_="stale")]
        assert badges == ["stale: trained by version pose 1 of the code, which is pose 2 now"] * (
            "pose 1" in content["code_version"]
        )
    made_ones = {int(path.stem.removeprefix("table")) for path in tables(toy)}
    said = page.by_id("missing").words
    for number in toy.book().tables:
        assert (f"snakemake --cores 2 results/table{number}.csv" in said) == (number not in made_ones)
    assert "None is made. snakemake --cores 2 figures" in page.by_id("figures").words
    deviations = page.by_id("deviations").words
    assert "The published rows 0.3 and 0.4 have the same Wrist, Knee, Ankle and Total." in deviations


def figure(folder: Path, name: str, **changed: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "name": name, "number": 5, "title": "Hourglass", "caption": "What <it> is.", "header": "scale quick",
        "standin": True, "runs": [KEY], "commits": ["abc"],
    }  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(told | changed))
    (folder / f"{name}.svg").write_text(SVG)


def test_figures_are_part_of_the_page_each_once(toy: Toy) -> None:
    figure(toy.root / "results/figures", "figure5")
    figure(toy.root / "results/reference/quick/figures", "figure5")
    figure(toy.root / "results/reference/small/figures", "figure5", runs=["quick/mpii/unknown"], standin=False)
    content = gather.gather(project.find(toy.root))
    page = Page(make.render(content))
    shown = page.by_id("figures").all("figure")
    assert ["drawn stand-in data" in one.words for one in shown] == [True, False]
    assert shown[0].one("img").attributes["src"].startswith("data:image/svg+xml;base64,")
    assert shown[0].words.startswith("Figure 5: Hourglass. scale quick. What <it> is.")
    assert "1 run, trained at commit abc" in shown[0].words and "results/figures/figure5.svg" in shown[0].words
    leads = {one.words: str(one.attributes["href"]) for one in page.by_id("figures").all("a")}
    assert list(leads) == [KEY] and "shn" in page.by_id(leads[KEY][1:]).words
    assert "quick/mpii/unknown" in shown[1].words
    said = page.by_id("missing").words
    assert "results/figures/figure5.svg" not in said and "results/figures/figure1.svg" in said
    without = [replace(picture, data="") for picture in content.figures]
    small = Page(make.render(replace(content, figures=without, omitted=["results/figures/figure5.svg"])))
    assert not small.by_id("figures").all("img") and "results/figures/figure5.svg" in small.by_id("figures").words
    assert "Left out to keep this page small: results/figures/figure5.svg." in small.by_id("missing").words


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of results with markup in their names, comparisons, repetitions, and a run whose folder is gone."""
    toy = make_toy(tmp_path_factory.mktemp("odd") / "project", columns=None)
    shutil.copytree(ROOT / "results" / "reference", toy.root / "results" / "reference")
    for path in tables(toy):
        for form in (path, path.with_suffix(".csv")):
            form.write_text(form.read_text().replace("LBRN-S", MARKUP))
    shutil.rmtree(toy.root / "results/reference/quick/runs" / KEY)
    path = toy.root / "results/reference/quick/table1.json"
    numbers = {"difference": -1.5, "n": 2, "p": 0.25, "p_sign_flip": 0.5, "detectable": 9.0, "interval": [-4.0, 1.0]}
    compared = {"first": "PRM", "second": "SHN", "row": "Total", "seeds": [0, 1], "published": -0.4}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"comparisons": [compared | numbers]}))
    said = "# compared: PRM - SHN, Total: -1.50, 95 % interval -4.00 to +1.00, p (paired t) 0.250, p (sign flips) 0.500"
    lines = f"# Table\n# compared: by seed\n{said}, detectable 9.00, published -0.40\n"
    path.with_suffix(".csv").write_text(lines + path.with_suffix(".csv").read_text())
    path = toy.root / "results/reference/quick/repetitions.json"
    content = {"scale": "quick", "standin": True, "code_version": "pose 2", "seeds": [0], "cells": [REPEATED]}
    path.write_text(json.dumps(content))
    path.with_suffix(".csv").write_text("# Repetitions\nnetwork,dataset,mean\nLBRN-S,mpii,60.25\n")
    return Page(make.make_report(project.find(toy.root)).read_text())


def test_names_from_files_are_text_and_no_markup(odd: Page) -> None:
    assert not odd.root.all("script")
    assert MARKUP in [one.words for one in odd.root.all("th")]


def test_repetitions_have_a_card_for_each_row(odd: Page) -> None:
    cells = odd.by_id("results-reference-quick-repetitions").one("tbody").all("td")
    assert [cell.words for cell in cells] == ["LBRN-S", "mpii", "60.25"]
    card = odd.by_id(str(cells[2].one("a").attributes["href"])[1:])
    assert card.one("strong").words == "LBRN-S on mpii" and "60.25" in card.words
    run = card.all("a")[1]
    assert run.words == REPEATED["runs"][0] and "lbrn-s" in odd.by_id(str(run.attributes["href"])[1:]).words


def test_comparisons_are_a_table_and_not_said_again(odd: Page) -> None:
    found = odd.by_id("results-reference-quick-table1")
    rows = found.all("table")[1].one("tbody").all("tr")
    fields = [[one.words for one in (*row.all("th"), *row.all("td"))] for row in rows]
    assert fields == [["PRM − SHN, Total", "-1.50", "-4.00 to +1.00", "0.250", "0.500", "9.00", "-0.40"]]
    notes = [one.words for one in found.one("ul", class_="notes").all("li")]
    assert [note for note in notes if note.startswith("compared")] == ["compared: by seed"]


def test_runs_that_are_gone_are_named(odd: Page) -> None:
    assert f"their folders are not here: {KEY}." in odd.by_id("runs").words
    ids = set(odd.ids)
    assert {href[1:] for one in odd.elements if (href := one.attributes.get("href") or "").startswith("#")} <= ids


def damage(toy: Toy, what: str) -> None:
    reference = toy.root / "results/reference"
    match what:
        case "nothing":
            shutil.rmtree(reference)
        case "csv":
            (reference / "quick/table1.csv").unlink()
        case "cell":
            path = reference / "quick/table1.json"
            content = json.loads(path.read_text())
            path.write_text(json.dumps(content | {"cells": content["cells"][1:]}))
        case "figure":
            figure(toy.root / "results/figures", "figure5")
            (toy.root / "results/figures/figure5.json").write_text("{}")
        case "picture":
            figure(toy.root / "results/figures", "figure5")
            (toy.root / "results/figures/figure5.svg").unlink()
        case "empty":
            (reference / "speed/block.csv").write_text("# nothing\n")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("nothing", r"there is no finished table in results or results/reference/paper or .*table1.csv` makes one"),
        ("csv", r"quick/table1.csv is not there, though its table is made; make the table again"),
        ("cell", r"quick/table1.json is not a table written by lbrn \(.*'Head', 'HG-Binary'.*\); make it again"),
        ("figure", r"figure5.json is not what lbrn says of a figure \(KeyError\('name'\)\); draw the figure again"),
        ("picture", r"figure5.json has no picture beside it; `lbrn figure figure5` makes it again"),
        ("empty", r"block.csv is empty; make it again"),
    ],
)
def test_what_is_missing_or_damaged_is_one_clear_message(toy: Toy, what: str, message: str) -> None:
    damage(toy, what)
    with pytest.raises(InputError, match=message) as caught:
        gather.gather(project.find(toy.root))
    assert "\n" not in str(caught.value)
    answer = toy.lbrn("report")
    assert answer.status != 0 and answer.complaint
    assert not (toy.root / "results/report.html").exists()
