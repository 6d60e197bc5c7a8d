"""Pose stand-ins: drawn people in the official layouts of MPII, LSP and LSPET.

They make every step of the reproduction run without a download. `write` is the whole interface; a reader of the
official archives reads what it writes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lbrn.errors import InputError

if TYPE_CHECKING:
    from lbrn.datasets.standin.difficulty import Difficulty
    from lbrn.datasets.standin.scene import Style

GENERATOR_VERSION: int = 1
"""Raised with every change that moves a pixel or a label; part of the data's identity."""

NAMES = ("mpii", "lsp", "lspet")


def write(
    name: str,
    folder: Path,
    *,
    train: int,
    test: int,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    difficulty: "Difficulty | None" = None,
) -> list[Path]:
    """Draw a data set and write its archives in the official layout.

    Picture i depends on `seed`, `name` and i only: another `train` or `test` makes more or fewer of the same pictures.
    Equal arguments give equal bytes. Nothing is downloaded.

    Args:
        name: "mpii", "lsp" or "lspet".
        folder: Where the archives go; made where absent.
        train: Number of training pictures, the first ones; at least 1.
        test: Number of test pictures after them; 0 for "lspet", all of whose pictures are for training.
        seed: Seed of the stand-in, at least 0.
        progress: Called with (pictures done, pictures in all) after each picture.
        difficulty: Other knobs than the fixed ones, for calibration and tests; such a stand-in is not the one that
            `GENERATOR_VERSION` names and must not enter a data store.

    Returns:
        The archives' paths: for "mpii" `mpii_human_pose_v1.zip` and `mpii_human_pose_v1_u12_2.zip` (in it `valid.csv`
        lists the test people), for "lsp" `lsp_dataset.zip`, for "lspet" `lspet_dataset.zip`.

    Raises:
        InputError: Unknown name, impossible numbers, or a scikit-image without its pictures.
    """
    # Drawing imports scipy and PIL; those who only ask for the version need neither.
    from lbrn.datasets.standin import layouts
    from lbrn.datasets.standin.difficulty import Difficulty

    _check(name, train, test, seed)
    folder = Path(folder)
    text = layouts.notice(name, GENERATOR_VERSION, seed)
    scenes = layouts.draw_scenes(cast("Style", name), train + test, seed, difficulty or Difficulty(), progress)
    if name == "mpii":
        return layouts.write_mpii(folder, scenes, train, text)
    if name == "lsp":
        return layouts.write_lsp(folder, scenes, text)
    return layouts.write_lspet(folder, scenes, seed, text)


def _check(name: str, train: int, test: int, seed: int) -> None:
    if name not in NAMES:
        raise InputError(f"no stand-in is called {name!r}: choose one of {', '.join(NAMES)}")
    if train < 1 or test < 0 or seed < 0:
        raise InputError(f"train={train}, test={test}, seed={seed}: at least 1 training picture, and nothing below 0")
    if name == "lspet" and test:
        raise InputError(f"test={test}: LSPET has training pictures only; ask for test=0")
