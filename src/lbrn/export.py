"""Model files in other forms: with the fixed filters stored in them, or as ONNX."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from numpy.typing import NDArray

from lbrn import files, modelformat
from lbrn.errors import InputError
from lbrn.modelformat import STORED

Form = Literal["seed", "2bit", "float", "onnx"]
FORMS: tuple[Form, ...] = get_args(Form)


def check(form: str, size: int | None) -> None:
    """Refuse a form that there is none of, and a size where none is wanted.

    Args:
        form: See `export`.
        size: See `export`.

    Raises:
        InputError: One of them is not possible.
    """
    if form not in FORMS:
        raise InputError(f"format {form!r} is unknown; use one of {', '.join(FORMS)}")
    if size is not None and form != "onnx":
        raise InputError(f"a file of format {form} takes pictures of any size: leave --size out")


def export(
    model: Path, form: str, out: Path | None = None, *, preparation: Mapping[str, Any] | None = None,
    size: int | None = None,
) -> Path:  # fmt: skip
    """Write a model file in another form.

    Args:
        model: A file that a training, `lbrn.save` or an export wrote.
        form: `seed`: fixed filters as their seed. `2bit`, `float`: stored, packed or as 32-bit floats. `onnx`.
        out: File to write; in the current folder, named after the model and the form, where not given.
        preparation: How pictures are prepared (`lbrn.photographs`); goes along in the file. None leaves what is there.
        size: Side of the pictures, for ONNX alone; where not given, that of the training.

    Returns:
        The file that was written.

    Raises:
        InputError: The file cannot be used, the form is unknown, or the target is the model itself.
        OSError: A file cannot be read or written.
    """
    check(form, size)
    target = out or Path(f"{model.stem}.onnx" if form == "onnx" else f"{model.stem}.{form}.safetensors")
    if target.resolve() == model.resolve():
        raise InputError(f"{target} is the model itself; give another name with --out")
    arrays, content = modelformat.read(model)
    if preparation is not None:
        content |= {"preparation": dict(preparation), "format": modelformat.FORMAT}
    if form == "onnx":
        _write_onnx(model, target, arrays, content, size)
        return target
    stored = next(kind for kind in STORED if kind == form)
    files.write_bytes(target, modelformat.encode(*modelformat.with_filters(arrays, content, stored, model)))
    return target


def _write_onnx(
    model: Path, target: Path, arrays: Mapping[str, NDArray[Any]], content: Mapping[str, Any], size: int | None
) -> None:
    import numpy as np

    from lbrn import networkfile, onnxfile

    side = size or content["spec"].get("recipe", {}).get("input")
    if side is None:
        raise InputError(f"{model} does not say how large its pictures are; give their side, as --size 224")
    network = networkfile.load(model)
    channels = _channels(arrays, content, model)
    about = {key: json.dumps(content[key]) for key in ("spec", "preparation") if key in content}
    onnxfile.write(network, np.zeros((1, channels, side, side), np.float32), target, about=about)


def _channels(arrays: Mapping[str, NDArray[Any]], content: Mapping[str, Any], model: Path) -> int:
    """Channels of the first convolution."""
    if "variant" in content["spec"]:
        return 3
    for node in modelformat.graph(content, model).nodes:
        if node.op in ("conv", "binary_conv", "ternary_conv"):
            drawn = node.attributes.get("filter")
            shape = drawn["shape"] if drawn else arrays[node.tensors["weight"]].shape
            return int(shape[1]) * int(node.attributes["groups"])
    return 3
