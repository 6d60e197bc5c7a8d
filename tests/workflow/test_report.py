"""The page of all results, and Snakemake's own report, from a run of the workflow without a network."""

import re
import shutil
import zipfile

import pytest

from workflow.workspace import Workspace

pytestmark = [pytest.mark.project, pytest.mark.slow]


def test_the_page_follows_results_and_snakemake_reports_with_captions(fresh: Workspace) -> None:
    fresh.knobs(columns=["SHN"])
    with fresh.counting() as calls:
        fresh.snakemake("results/report.html")
    assert calls.index("table 1") < calls.index("claims") < calls.index("report")
    page = fresh.root / "results/report.html"
    assert "results/table1.json" in page.read_text()

    figure = fresh.root / "results/figures"
    figure.mkdir()
    (figure / "mine.svg").write_text("<svg/>")
    assert re.search("^page +1$", fresh.snakemake("results/report.html", "--dry-run"), re.MULTILINE)
    shutil.rmtree(figure)
    assert "Nothing to be done" in fresh.snakemake("results/report.html", "--dry-run")

    offline = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    fresh.snakemake("results/report.html", "--report", "all.zip", **offline)
    with zipfile.ZipFile(fresh.root / "all.zip") as archive:
        text = "\n".join(archive.read(name).decode(errors="replace") for name in archive.namelist())
    for caption in ("Reproduction of", "Verdicts on the claims of the paper", "Table 1 of the paper", "All results on"):
        assert re.search(caption, text), caption
    assert not re.search(r"""<(?:script|link)[^>]+(?:src|href)=["']https?://""", text)
