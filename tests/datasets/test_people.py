"""Tables of people: saving, choosing, joining."""

import time
from pathlib import Path

import numpy as np
import pytest

from lbrn.datasets.people import People
from lbrn.errors import InputError


def some_people(n: int, seed: int = 0) -> People:
    rng = np.random.default_rng(seed)
    joints = rng.uniform(0, 100, (n, 16, 2))
    joints[:, 3] = np.nan
    names = [f"{'x' * k}.jpg" for k in range(n)]
    return People.annotated(
        names, np.arange(n), joints, rng.random((n, 16)) < 0.5, rng.random((n, 2)), rng.random(n), rng.random(n)
    )


def assert_equal(a: People, b: People) -> None:
    for name in a.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_saved_people_come_back(tmp_path: Path, n: int) -> None:
    people = some_people(n)
    people.save(tmp_path / "people.npz")
    again = People.load(tmp_path / "people.npz")
    assert_equal(people, again)
    assert people.digest() == again.digest()


def test_equal_people_give_equal_bytes_at_another_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some_people(3).save(tmp_path / "a.npz")
    monkeypatch.setattr(time, "time", lambda: 2e9)
    some_people(3).save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_the_digest_sees_every_array() -> None:
    people = some_people(2)
    for name in people.__dataclass_fields__:
        changed = some_people(2)
        array = getattr(changed, name)
        array[0] = "other" if name == "image" else ~array[0] if name == "visible" else array[0] + 1
        assert changed.digest() != people.digest(), name


def test_take_and_concatenate_are_inverse() -> None:
    people = some_people(5)
    assert_equal(People.concatenate([people.take([0, 1]), people.take(np.array([False] * 2 + [True] * 3))]), people)
    assert people.take([3, 1]).person.tolist() == [3, 1]
    assert len(people.take([])) == 0
    with pytest.raises(InputError, match="no people"):
        People.concatenate([])


def test_labelled_is_what_has_coordinates() -> None:
    labelled = some_people(2).labelled
    assert not labelled[:, 3].any()
    assert labelled.sum() == 2 * 15


def test_wrong_shapes_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"People.joints has shape \(2, 14, 2\), must be \(2, 16, 2\)"):
        People.annotated(["a", "b"], [0, 0], np.zeros((2, 14, 2)), np.ones((2, 16)), np.ones((2, 2)), [1, 1], [1, 1])
    (tmp_path / "junk.npz").write_bytes(b"PK\x03\x04 no")
    np.savez(tmp_path / "other.npz", image=np.zeros(3))
    for name in ("junk.npz", "other.npz"):
        with pytest.raises(InputError, match=f"{name} is not a table of people"):
            People.load(tmp_path / name)


def test_a_patch_is_a_view_of_the_flat_pixels() -> None:
    people = some_people(1)
    people.offset[0], people.shape[0] = 5, (2, 3)
    pixels = np.arange(40, dtype=np.uint8)
    patch = people.patch(pixels, 0)
    assert patch.shape == (2, 3, 3)
    assert patch[0, 0].tolist() == [5, 6, 7]
    assert patch[1, 2].tolist() == [20, 21, 22]
    assert np.shares_memory(patch, pixels)
