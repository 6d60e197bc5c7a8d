"""Downloads from a server with faults: complete and right, or one clear message and no file of that name."""

import hashlib
import json
import logging
import random
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lbrn.datasets import catalog, fetch, sources
from lbrn.datasets.download import transfer
from lbrn.datasets.download.mirrors import Download
from lbrn.datasets.download.partfile import OVERLAP, PartFile
from lbrn.datasets.download.pins import Pins
from lbrn.datasets.download.transfer import Patience
from lbrn.datasets.prepare import load_split, prepare
from lbrn.errors import InputError
from lbrn.files import sha256_file
from oracles.faulty_server import Fault, FaultyServer, running
from oracles.toy_archives import joints_mat, lspet_joints, lspet_members, write_zip

QUICK = Patience(connect=2, stall=0.2, attempts=3, unreached=2, pause=0.0, longest_pause=0.0)
SIZE = 400_000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("LBRN_MIRROR", raising=False)
    with running() as faulty:
        yield faulty


def archive_bytes(folder: Path, seed: int = 0, size: int = SIZE) -> bytes:
    """A zip file with an annotation and a stored file that no two seeds share."""
    filler = random.Random(seed).randbytes(size)
    return write_zip(folder / f"made-{seed}.zip", {"joints.mat": b"annotation", "filler": filler}).read_bytes()


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return archive_bytes(tmp_path)


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


class Wanted:
    """The archive of LSP as a catalogue of our own describes it, to be downloaded into a fresh store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.final = folder / "a.zip"
        self.lock = folder / "data.lock"

    def obtain(self, *urls: str, given: str | None = None, patience: Patience = QUICK, **told: Any) -> dict[str, Any]:
        part = catalog.Part("a.zip", urls, **told)
        return Download("lsp", part, self.folder, Pins(self.lock, self.folder), given, patience).obtain()

    def refused(self, *urls: str, **told: Any) -> str:
        with pytest.raises(InputError) as error:
            self.obtain(*urls, **told)
        assert not self.final.exists()
        assert "\n" not in str(error.value)
        return str(error.value)


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    return Wanted(tmp_path / "store")


def test_a_plain_download(server: FaultyServer, wanted: Wanted, content: bytes) -> None:
    url = server.serve("a.zip", content)
    told = wanted.obtain(url, md5=md5(content))
    assert wanted.final.read_bytes() == content
    assert told == {"path": "a.zip", "bytes": len(content), "sha256": sha256_file(wanted.final), "from": url}
    assert sorted(path.name for path in wanted.folder.iterdir()) == ["a.zip"]
    assert server.requests == [("a.zip", "", "")]


def cuts(seed: int, number: int, size: int = SIZE) -> list[Fault]:
    """Connections that end at random places, far enough to bring some new bytes."""
    drawn = random.Random(seed)
    return [Fault(cut=OVERLAP + drawn.randrange(1, size // 60)) for _ in range(number)]


@pytest.mark.parametrize("kind", [{}, {"tags": False}, {"chunked": True}])
def test_fifty_disconnects(server: FaultyServer, wanted: Wanted, content: bytes, kind: dict[str, bool]) -> None:
    url = server.serve("a.zip", content, *cuts(1, 50), **kind)
    wanted.obtain(url)
    assert wanted.final.read_bytes() == content
    assert len(server.requests) == 51
    starts = [int(wanted_range[6:-1]) for _, wanted_range, _ in server.requests[1:]]
    assert starts == sorted(starts) and starts[-1] > SIZE // 10
    conditions = {condition for _, _, condition in server.requests[1:]}
    assert conditions == ({""} if kind == {"tags": False} else {server.files["a.zip"].etag})


def test_a_new_start_goes_on_where_the_old_one_ended(server: FaultyServer, wanted: Wanted, content: bytes) -> None:
    url = server.serve("a.zip", content, Fault(cut=150_000), always=Fault(cut=0))
    assert "the connection broke" in wanted.refused(url)
    server.files["a.zip"].always = Fault()
    server.requests.clear()
    wanted.obtain(url)
    assert wanted.final.read_bytes() == content
    assert server.requests == [("a.zip", f"bytes={150_000 - OVERLAP}-", server.files["a.zip"].etag)]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(page=True), "a web page instead of the file"),
        (Fault(disguised=True), "a web page instead of the file"),
        (Fault(status=404), "HTTP 404 Not Found"),
        (Fault(status=403), r"HTTP 403 Forbidden \(a login or a request is needed\)"),
        (Fault(status=500), r"HTTP 500 Internal Server Error \(3 times in a row\)"),
        (Fault(status=503, retry_after="0"), r"HTTP 503 Service Unavailable \(3 times in a row\)"),
        (Fault(stall=0.3), r"nothing came for 0.2 s \(3 times in a row\)"),
        (Fault(trickle=0.05), r"only \d+ bytes came in \d s \(3 times in a row\)"),
        (Fault(length=-70_000), "it is truncated or damaged"),
        (Fault(length=70_000), r"fewer bytes than were received|connection broke .*\(3 times in a row\)"),
        (Fault(cut=10), r"the connection broke .*\(3 times in a row\)"),
        (Fault(content=b"PK\x03\x04" + bytes(5000)), "it is truncated or damaged"),
        (Fault(content=b"GIF89a" * 100), "it is not a zip or tar archive"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)
def test_each_fault_has_its_message(
    server: FaultyServer, wanted: Wanted, content: bytes, fault: Fault, message: str
) -> None:
    url = server.serve("a.zip", content, always=fault)
    complaint = wanted.refused(url)
    assert complaint.startswith(f"a.zip of lsp could not be had: {url}: ")
    assert "lbrn data fetch lsp --from PATH" in complaint
    assert re.search(message, complaint), complaint
    assert not wanted.lock.exists()


@pytest.mark.parametrize(
    "fault", [Fault(status=500), Fault(stall=0.3), Fault(cut=100), Fault(status=429, retry_after="0"), Fault(length=9)]
)
def test_faults_that_pass_are_survived(server: FaultyServer, wanted: Wanted, content: bytes, fault: Fault) -> None:
    url = server.serve("a.zip", content, fault, fault)
    wanted.obtain(url)
    assert wanted.final.read_bytes() == content


def test_sizes_and_checksums_of_the_catalogue(server: FaultyServer, wanted: Wanted, content: bytes) -> None:
    url = server.serve("a.zip", content)
    assert f"has {len(content)} bytes, the official one 7" in wanted.refused(url, bytes=7)
    assert f"its MD5 is {md5(content)}, the published one {'0' * 32}" in wanted.refused(url, md5="0" * 32)
    assert "its SHA-256 is" in wanted.refused(url, sha256="0" * 64)
    assert "must hold exactly one lists.mat, has: none" in wanted.refused(url, member="lists.mat")
    assert "its joints.mat has the MD5" in wanted.refused(url, member="joints.mat", member_md5="0" * 32)
    assert "the git blob" in wanted.refused(url, member="joints.mat", member_git_blob="0" * 40)
    blob = "ab851a6f3d9431ecb67156adf1543a9f8cf31511"  # printf annotation | git hash-object --stdin
    wanted.obtain(url, member="joints.mat", member_git_blob=blob, member_md5=md5(b"annotation"), bytes=len(content))


@pytest.mark.parametrize("keep_tags", [False, True])
@pytest.mark.parametrize("tags", [False, True])
def test_content_that_changes_between_ranges(
    server: FaultyServer, wanted: Wanted, content: bytes, tmp_path: Path, tags: bool, keep_tags: bool
) -> None:
    new = archive_bytes(tmp_path, seed=1)
    assert len(new) == len(content)
    url = server.serve("a.zip", content, Fault(cut=200_000), Fault(content=new, keep_tags=keep_tags), tags=tags)
    wanted.obtain(url)
    assert wanted.final.read_bytes() == new


def test_content_that_changes_where_no_range_looks_is_seen_by_its_checksum(
    server: FaultyServer, wanted: Wanted, content: bytes
) -> None:
    new = bytearray(content)
    new[1000] ^= 1  # early: the part that was received before, and is not asked for again
    url = server.serve("a.zip", content, Fault(cut=200_000), Fault(content=bytes(new), keep_tags=True))
    wanted.obtain(url, md5=md5(bytes(new)))
    assert wanted.final.read_bytes() == bytes(new)
    assert [wanted_range for _, wanted_range, _ in server.requests] == ["", f"bytes={200_000 - OVERLAP}-", ""]


def test_resumed_bytes_that_rotted_are_not_kept(server: FaultyServer, wanted: Wanted, content: bytes) -> None:
    url = server.serve("a.zip", content, Fault(cut=200_000), always=Fault(cut=0))
    wanted.refused(url)
    part = PartFile(wanted.final)
    with part.open() as stream:
        stream.seek(-50, 2)
        stream.write(b"rotten")
    server.files["a.zip"].always = Fault()
    wanted.obtain(url)
    assert wanted.final.read_bytes() == content
    assert not part.path.exists() and part.version is None


def test_a_server_without_ranges(server: FaultyServer, wanted: Wanted, content: bytes) -> None:
    url = server.serve("a.zip", content, *[Fault(cut=n) for n in (1000, 300_000, 50)], ranges=False)
    wanted.obtain(url)
    assert wanted.final.read_bytes() == content
    other = server.serve("b.zip", content, always=Fault(cut=300_000), ranges=False)
    wanted.final.unlink()
    assert "(3 times in a row)" in wanted.refused(other)


def test_an_answer_to_another_range_is_refused(server: FaultyServer, wanted: Wanted, content: bytes) -> None:
    url = server.serve("a.zip", content, Fault(cut=100_000), always=Fault(shift=5))
    assert "the server answers with other bytes than were asked for" in wanted.refused(url)


def test_a_part_longer_than_the_file_is_dropped(server: FaultyServer, wanted: Wanted, content: bytes) -> None:
    faults = [Fault(cut=450_000), Fault(content=content[:100_000]), Fault(content=content)]
    url = server.serve("a.zip", content + bytes(100_000), *faults, tags=False)
    wanted.obtain(url)
    assert wanted.final.read_bytes() == content


def test_mirrors_in_turn(
    server: FaultyServer, wanted: Wanted, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = server.serve("wrong.zip", content[:-100])
    good = server.serve("good.zip", content)
    with caplog.at_level(logging.INFO, "lbrn"):
        told = wanted.obtain(server.url + "none.zip", wrong, good, md5=md5(content))
    assert told["from"] == good
    assert (
        "none.zip: HTTP 404" in caplog.text
        and "wrong.zip: its MD5 is" in caplog.text
        and "trying the next place" in caplog.text
    )
    complaint = Wanted(wanted.folder / "other").refused(server.url + "none.zip", wrong, md5=md5(content))
    assert "none.zip: HTTP 404 Not Found; " in complaint and "wrong.zip: its MD5" in complaint


@pytest.mark.parametrize("checked", [False, True])
def test_another_mirror_goes_on_only_where_a_checksum_will_tell(
    server: FaultyServer, wanted: Wanted, content: bytes, checked: bool
) -> None:
    first = server.serve("first.zip", content, Fault(cut=300_000), always=Fault(status=404))
    second = server.serve("second.zip", content)
    wanted.obtain(first, second, **({"md5": md5(content)} if checked else {}))
    assert wanted.final.read_bytes() == content
    assert server.requests[-1] == ("second.zip", f"bytes={300_000 - OVERLAP}-" if checked else "", "")


def test_a_labs_mirror_comes_first(
    server: FaultyServer, wanted: Wanted, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored = server.serve("lab/lsp/a.zip", content)
    monkeypatch.setenv("LBRN_MIRROR", f"{server.url}lab/")
    assert wanted.obtain("http://127.0.0.1:9/a.zip")["from"] == mirrored
    monkeypatch.setenv("LBRN_MIRROR", str(tmp_path / "lab"))
    (tmp_path / "lab" / "lsp").mkdir(parents=True)
    (tmp_path / "lab" / "lsp" / "a.zip").write_bytes(content)
    other = Wanted(tmp_path / "other")
    told = other.obtain("http://127.0.0.1:9/a.zip")
    assert told["path"] == str(tmp_path / "lab" / "lsp" / "a.zip")
    assert not other.final.exists()  # not copied


def test_servers_that_cannot_be_reached(server: FaultyServer, wanted: Wanted) -> None:
    complaint = wanted.refused("http://127.0.0.1:9/a.zip", "http://nowhere.invalid/a.zip")
    assert "http://127.0.0.1:9/a.zip: cannot be reached (" in complaint and "(2 times in a row)" in complaint
    assert "nowhere.invalid/a.zip: cannot be reached (" in complaint and "object at" not in complaint


def test_passwords_are_not_shown(server: FaultyServer, wanted: Wanted, content: bytes) -> None:
    url = server.serve("a.zip", content).replace("http://", "http://" + "user:secret@")
    assert "secret" not in json.dumps(wanted.obtain(url)) + wanted.lock.read_text()
    other = Wanted(wanted.folder / "other")
    assert "secret" not in other.refused(url.replace("a.zip", "none.zip"))


def test_trust_at_first_use(server: FaultyServer, wanted: Wanted, content: bytes, tmp_path: Path) -> None:
    url = server.serve("a.zip", content)
    wanted.obtain(url)
    pinned = json.loads(wanted.lock.read_text())["lsp"]["files"]["a.zip"]
    assert pinned["sha256"] == sha256_file(wanted.final) and pinned["from"] == url
    again = Wanted(tmp_path / "again")
    again.lock = wanted.lock
    server.serve("a.zip", archive_bytes(tmp_path, seed=2))
    assert f"but data.lock has {pinned['sha256']}, of the first download" in again.refused(url)
    assert json.loads(wanted.lock.read_text())["lsp"]["files"]["a.zip"] == pinned
    server.serve("a.zip", content)
    again.obtain(url)
    published = Wanted(tmp_path / "published")
    published.obtain(url, md5=md5(content))
    assert not published.lock.exists()


def test_a_damaged_archive_is_never_trusted_at_first_use(server: FaultyServer, wanted: Wanted, content: bytes) -> None:
    damaged = bytearray(content)
    damaged[SIZE // 2] ^= 1
    assert "truncated or damaged" in wanted.refused(server.serve("a.zip", bytes(damaged)))
    assert not wanted.lock.exists()


def test_a_lock_file_that_is_no_lock_file(server: FaultyServer, wanted: Wanted, content: bytes) -> None:
    for text in ("{half", "[]"):
        wanted.lock.write_text(text)
        assert "data.lock" in wanted.refused(server.serve("a.zip", content))
        assert wanted.lock.read_text() == text


def test_no_room(server: FaultyServer, wanted: Wanted, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda path: Usage)
    complaint = wanted.refused(server.serve("a.zip", content))
    assert f"a.zip needs {len(content)} more bytes" in complaint and "1000 are free: make room" in complaint


def test_more_than_the_catalogue_allows(
    server: FaultyServer, wanted: Wanted, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalog.catalog()["lsp"], "limits", {"files": 10, "gigabytes": 0.0001})
    assert "at most 100000 are expected" in wanted.refused(server.serve("a.zip", content))
    chunked = server.serve("b.zip", content, chunked=True)
    assert "sends more than the 100000 bytes" in wanted.refused(chunked)


def test_from_a_file_a_folder_or_a_url(server: FaultyServer, wanted: Wanted, content: bytes, tmp_path: Path) -> None:
    mine = tmp_path / "mine.zip"
    mine.write_bytes(content)
    assert wanted.obtain(given=str(mine))["path"] == str(mine)
    assert wanted.obtain(given=mine.as_uri())["path"] == str(mine)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.zip").write_bytes(content)
    assert wanted.obtain(given=str(tmp_path / "folder"))["path"] == str(tmp_path / "folder" / "a.zip")
    assert not wanted.final.exists()
    assert "there is no such file" in wanted.refused(given=str(tmp_path / "none.zip"))
    server.serve("files/a.zip", content)
    assert wanted.obtain(given=f"{server.url}files/")["from"] == f"{server.url}files/a.zip"
    wanted.final.unlink()
    assert wanted.obtain(given=f"{server.url}files/a.zip")["path"] == "a.zip"
    with pytest.raises(InputError, match=r"ftp://... cannot be downloaded"):
        wanted.obtain(given="ftp://server/a.zip")


# Whole datasets.


@pytest.fixture
def official(server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """LSPET as the catalogue has it, but of four people and from our server."""
    content = write_zip(tmp_path / "lspet.zip", lspet_members(4)).read_bytes()
    url = server.serve("lspet_dataset.zip", content)
    annotation = md5(joints_mat(lspet_joints(4)))
    told = {"file": "lspet_dataset.zip", "urls": [url], "member": "joints.mat", "member_md5": annotation}
    monkeypatch.setitem(catalog.catalog()["lspet"]["parts"], "archive", told)
    monkeypatch.setattr("lbrn.datasets.download.mirrors.Patience", lambda: QUICK)
    return content


def spec_of(tmp_path: Path) -> dict[str, Any]:
    return sources.data_spec("lspet", "official", side=32, root=tmp_path, store=tmp_path / "data")


def test_an_official_dataset_is_downloaded_and_prepared(server: FaultyServer, official: bytes, tmp_path: Path) -> None:
    spec = spec_of(tmp_path)
    assert (spec["source"], spec["identity"]) == ("official", "official-1")
    folder = prepare(spec, tmp_path / "data", lock=tmp_path / "data.lock")
    assert len(load_split(folder, "train")[0]) == 4
    raw = sources.raw_folder(spec, tmp_path / "data")
    note = json.loads((raw / "source.json").read_text())
    assert note["identity"] == "official-1" and "citation" in note["terms"] and note["fetched"].endswith("Z")
    assert fetch.parts(raw)["archive"].read_bytes() == official
    assert list(json.loads((tmp_path / "data.lock").read_text())) == ["lspet"]
    own = sources.data_spec("lspet", "lspet.zip", side=32, root=tmp_path, store=tmp_path / "data")
    other = prepare(own, tmp_path / "data")
    told = [json.loads((place / "info.json").read_text())["digest"] for place in (folder, other)]
    assert other != folder and told[0] == told[1]
    requests = len(server.requests)
    fetch.fetch(spec, tmp_path / "data", lock=tmp_path / "data.lock")
    assert len(server.requests) == requests


def test_terms_are_shown(official: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "lbrn"):
        fetch.fetch(spec_of(tmp_path), tmp_path / "data")
    assert "Terms: No licence is stated; the authors ask for a citation." in caplog.text


def test_a_raw_archive_that_was_changed_or_lost_is_fetched_again(
    server: FaultyServer, official: bytes, tmp_path: Path
) -> None:
    raw = fetch.fetch(spec_of(tmp_path), tmp_path / "data")
    path = fetch.parts(raw)["archive"]
    for spoil in (lambda: path.write_bytes(b"spoilt"), path.unlink):
        spoil()
        fetch.fetch(spec_of(tmp_path), tmp_path / "data")
        assert path.read_bytes() == official
    assert len(server.requests) == 3


def test_several_at_once_download_once(server: FaultyServer, official: bytes, tmp_path: Path) -> None:
    jobs = [threading.Thread(target=fetch.fetch, args=(spec_of(tmp_path), tmp_path / "data")) for _ in range(3)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert len(server.requests) == 1


def test_another_edition_is_refused(official: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"official-0 of lspet was asked for, this release's catalogue has official-1"):
        fetch.fetch(spec_of(tmp_path) | {"identity": "official-0"}, tmp_path / "data")


def test_what_is_complete_of_several_archives_stays(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_zip(tmp_path / "x.zip", {"a": b"1"}).read_bytes()
    parts = {
        "images": {"file": "i.zip", "urls": [server.serve("i.zip", archive)]},
        "annotations": {"file": "a.zip", "urls": [server.serve("a.zip", archive, always=Fault(status=404))]},
    }
    monkeypatch.setitem(catalog.catalog()["mpii"], "parts", parts)
    spec = sources.official_spec("mpii")
    with pytest.raises(InputError, match=r"a.zip of mpii could not be had"):
        fetch.fetch(spec, tmp_path / "data")
    raw = sources.raw_folder(spec, tmp_path / "data")
    assert not (raw / "source.json").exists()
    server.files["a.zip"].always = Fault()
    fetch.fetch(spec, tmp_path / "data")
    assert [path for path, _, _ in server.requests] == ["i.zip", "a.zip", "a.zip"]
    assert sorted(fetch.parts(raw)) == ["annotations", "images"]
    with pytest.raises(InputError, match=r"consists of i.zip and a.zip; give a folder that holds them"):
        fetch.fetch(spec, tmp_path / "other", given=str(tmp_path / "x.zip"))


def test_what_needs_a_login_says_how(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        fetch.fetch(sources.official_spec("imagenet"), tmp_path / "data")
    assert "no address is known that needs no login" in str(error.value)
    assert "make an account at https://image-net.org/download.php" in str(error.value)
