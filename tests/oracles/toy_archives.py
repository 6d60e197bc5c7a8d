"""Toy LSP and MPII archives of plain pictures, for tests of fetching and preparing."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from oracles.releases import point, release, usual


def ramp(width: int, height: int) -> Image.Image:
    """A picture whose red is x and whose green is y, so that every pixel tells where it was."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 50)], axis=2).astype(np.uint8))


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def joints_mat(joints: np.ndarray) -> bytes:
    stream = io.BytesIO()
    savemat(stream, {"joints": joints})
    return stream.getvalue()


def lspet_joints(n: int, seed: int = 0) -> np.ndarray:
    """(14, 3, n): all labelled, coordinates 20..100."""
    joints = np.random.default_rng(seed).uniform(20, 100, (14, 3, n))
    joints[:, 2] = 1
    return joints


def lspet_members(n: int) -> dict[str, bytes]:
    pictures = {f"images/im{i + 1:05d}.jpg": encoded(ramp(120 + i, 110)) for i in range(n)}
    return {"README.txt": b"toy", "joints.mat": joints_mat(lspet_joints(n)), **pictures}


def mpii_parts(folder: Path) -> dict[str, str]:
    """Two pictures, three labelled people, one of each on the validation list `valid.csv`."""
    body = [point(joint, 60.0 + joint, 90.0 - joint, is_visible=1) for joint in range(16)]
    mat = release([("a.jpg", [usual(body), usual(body, x=90.0)], 1), ("b.jpg", [usual(body, scale=2.0)], 1)])
    top = "mpii_human_pose_v1_u12_2"
    members = {f"{top}/mpii_human_pose_v1_u12_1.mat": mat, f"{top}/valid.csv": b"image,person\nb.jpg,0\n"}
    pictures = {"images/b.jpg": encoded(ramp(200, 180)), "images/a.jpg": encoded(ramp(250, 240))}
    return {
        "images": str(write_zip(folder / "images.zip", pictures)),
        "annotations": str(write_zip(folder / "annotations.zip", members)),
    }
