"""Sources, identities and data specs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lbrn.datasets import sources, standin
from lbrn.datasets.catalog import catalog, limits, official_parts
from lbrn.errors import InputError
from lbrn.files import sha256_file
from oracles.toy_archives import write_zip


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_zip(tmp_path / "lsp.zip", {"joints.mat": b"1"})


def spec(source: object, tmp_path: Path, **extra: object) -> dict[str, object]:
    settings = {"side": 64, "root": tmp_path, "store": tmp_path / "data"} | extra
    return sources.data_spec("lsp", source, **settings)  # type: ignore[arg-type]


def test_identity_is_bytes_never_path(tmp_path: Path, archive: Path) -> None:
    moved = tmp_path / "elsewhere" / "x.zip"
    moved.parent.mkdir()
    moved.write_bytes(archive.read_bytes())
    here, there = spec("lsp.zip", tmp_path), spec({"archive": str(moved)}, tmp_path)
    assert here["identity"] == there["identity"] == f"sha256:{sha256_file(archive)}"
    assert here["source"] != there["source"]
    assert sources.prepared_key(here) == sources.prepared_key(there)
    assert sources.raw_key(here) == sources.raw_key(there)


def test_everything_but_the_path_moves_the_key(tmp_path: Path, archive: Path) -> None:
    subset = tmp_path / "subset.txt"
    subset.write_text("im0001.jpg\n")
    people = {"train": 2, "test": 1}
    specs = [
        spec("lsp.zip", tmp_path),
        spec("lsp.zip", tmp_path, side=128),
        spec({"archive": "lsp.zip", "subset": "subset.txt"}, tmp_path),
        spec("embedded", tmp_path, drawn=people),
        spec("embedded", tmp_path, drawn=people | {"test": 2}),
        spec("embedded", tmp_path, drawn=people) | {"version": 99},
    ]
    assert len({sources.prepared_key(one) for one in specs}) == len(specs)
    assert sources.raw_key(specs[0]) == sources.raw_key(specs[1])


def test_stand_ins(tmp_path: Path) -> None:
    drawn = spec("embedded", tmp_path, drawn={"train": 2, "test": 1})
    assert drawn["identity"] == f"standin-{standin.GENERATOR_VERSION}"
    assert sources.is_standin(drawn)
    extended = sources.data_spec(
        "lspet", "embedded", side=64, root=tmp_path, store=tmp_path, drawn={"train": 2, "test": 1}
    )
    assert extended["people"] == {"train": 2, "test": 0}
    with pytest.raises(InputError, match="needs numbers of people for train and test, got None"):
        spec("embedded", tmp_path)


def test_numbers_of_people_do_not_matter_to_archives(tmp_path: Path, archive: Path) -> None:
    assert spec("lsp.zip", tmp_path, drawn={"train": 2, "test": 1}) == spec("lsp.zip", tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("https://example.org/lsp.zip", r"is a URL: get it once with `lbrn data fetch lsp --from URL` and set"),
        ({"archive": "official"}, r"official stands for all parts; write 'sources.lsp: official'"),
        ("nowhere.zip", r"nowhere.zip does not exist; set sources.lsp"),
        ({"images": "lsp.zip"}, r"has the parts \['images'\], must be a path or a mapping with archive"),
        ({}, "must be a path or a mapping"),
    ],
)
def test_sources_that_cannot_be_used(tmp_path: Path, archive: Path, source: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        spec(source, tmp_path)


def test_unknown_datasets_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown dataset 'coco': known datasets are mpii, lsp, lspet"):
        sources.resolve("coco", "embedded", tmp_path)


def test_a_checksum_is_computed_once_per_state(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, computed = tmp_path / "data", []

    def counted(path: Path) -> str:
        computed.append(path)
        return sha256_file(path)

    monkeypatch.setattr(sources, "sha256_file", counted)
    first = sources.checksum(archive, store)
    assert sources.checksum(archive, store) == first == sha256_file(archive)
    assert computed == [archive]
    archive.write_bytes(archive.read_bytes() + b"x")
    assert sources.checksum(archive, store) != first
    status = archive.stat()
    os.utime(archive, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    sources.checksum(archive, store)
    assert len(computed) == 3


def test_a_folder_is_known_by_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "lsp"
    folder.mkdir()
    (folder / "a").write_text("1")
    first = sources.checksum(folder, tmp_path / "data")
    assert sources.checksum(folder, tmp_path / "data") == first
    (folder / "a").rename(folder / "b")
    second = sources.checksum(folder, tmp_path / "data")
    (folder / "b").write_text("2!")
    assert len({first, second, sources.checksum(folder, tmp_path / "data")}) == 3


def test_the_official_source_is_known_by_the_edition_of_its_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = spec("official", tmp_path)
    assert (first["source"], first["identity"], first["people"]) == ("official", "official-1", None)
    assert sources.raw_key(first) == sources.raw_key(sources.official_spec("lsp"))
    monkeypatch.setitem(catalog()["lsp"], "edition", 2)
    assert sources.raw_key(first) != sources.raw_key(sources.official_spec("lsp"))


def test_the_catalogue_says_what_is_needed() -> None:
    needed = {
        "task",
        "edition",
        "title",
        "homepage",
        "terms",
        "citation",
        "layout",
        "parts",
        "splits",
        "redistributable",
    }
    for name, told in catalog().items():
        assert needed <= set(told), name
        assert limits(name).files > 0 and limits(name).total >= 10**9
        for part in official_parts(name).values():
            assert part.urls or "how" in told, name
            assert all(url.startswith("http") and url.endswith(f"/{part.file}") for url in part.urls), name
            for text, length in ((part.md5, 32), (part.sha256, 64), (part.member_md5, 32), (part.member_git_blob, 40)):
                assert text is None or re.fullmatch(f"[0-9a-f]{{{length}}}", text), name
            assert part.bytes is None or part.bytes < limits(name).total, name
        files = [part.file for part in official_parts(name).values()]
        assert len(set(files)) == len(files), name


def test_starting_up_needs_neither_torch_nor_scipy() -> None:
    code = "import lbrn.datasets.sources, lbrn.datasets.prepare, sys; print({'torch', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
