"""The model file without torch: learned tensors, the graph of the network, and what its filters are drawn from.

Layout: one `safetensors` file; its metadata has the single key `lbrn` (one, so that equal content gives equal bytes)
with canonical JSON: `format`, `spec`, `scheme`, `filter_seed`, `filter_digest`, `graph`, and `sha256` over all of these
and the tensors' names, types, shapes and bytes. Tensors are the network's parameters and running statistics in torch's
names. `graph` is canonical JSON of `lbrn.graph`, compressed by bzip2, in base64; files of format 1 have none. Files of
format 3 may hold a network of the user's own, and the fixed filters themselves; `docs/formats.md` says how.
"""

import base64
import bz2
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from lbrn import ternary
from lbrn.errors import InputError
from lbrn.graph import Graph

FORMAT = 3
TRAINED_FORMAT = 2
"""The format of files that hold nothing but what a training leaves: older readers understand them too."""
Stored = Literal["seed", "2bit", "float"]
STORED: tuple[Stored, ...] = ("seed", "2bit", "float")
_KEY = "lbrn"
_HEADER_LENGTH = 8
_LARGEST_GRAPH = 1 << 28
"""Bytes of JSON beyond which a graph is taken for an attempt to fill the memory; full size is under a megabyte."""

Tensors = dict[str, NDArray[Any]]


def encode(tensors: Mapping[str, NDArray[Any]], content: Mapping[str, Any]) -> bytes:
    """Return the bytes of a model file; equal content gives equal bytes.

    Args:
        tensors: Contiguous arrays by name.
        content: All of the metadata but `sha256`, which is added.
    """
    complete = {**content, "sha256": _digest(content, tensors)}
    data: bytes = save_safetensors(dict(tensors), {_KEY: _canonical(complete)})
    return data


def read(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Read a model file and check that it is whole.

    Args:
        path: A file that `lbrn.modelfile.save` wrote.

    Returns:
        The learned tensors by name, and the metadata. Stored filters are checked and left out: they are drawn again.

    Raises:
        InputError: The file is no model file, is damaged, or newer than this lbrn.
        OSError: The file cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        tensors: Tensors = load_safetensors(data)
        length = int.from_bytes(data[:_HEADER_LENGTH], "little")
        header = json.loads(data[_HEADER_LENGTH : _HEADER_LENGTH + length])
    except (SafetensorError, ValueError, KeyError) as error:
        raise InputError(f"{path} is no model file, or a damaged one: {_reason(data, error)}") from error
    try:
        content = json.loads(header["__metadata__"][_KEY])
        version = int(content["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is a safetensors file, but lbrn did not write it or it is damaged") from error
    if version > FORMAT:
        raise InputError(f"{path} has model format {version}, this lbrn reads up to {FORMAT}: update lbrn to use it")
    if content.get("sha256") != _digest(content, tensors):
        raise InputError(f"{path} is damaged: its content does not have the SHA-256 that was stored with it")
    return _without_filters(tensors, content, path), content


def with_filters(
    tensors: Mapping[str, NDArray[Any]], content: Mapping[str, Any], stored: Stored, path: Path | str
) -> tuple[Tensors, dict[str, Any]]:
    """Return tensors and metadata of a file that also holds the fixed filters, for readers that cannot draw them.

    Args:
        tensors: What `read` returned.
        content: What `read` returned.
        stored: `seed`: no filters. `2bit`: `lbrn.ternary.pack_2bit` of each, under its weight's name and `.2bit`.
            `float`: each as 32-bit floats under its weight's name, so that all weights are there as torch has them.
        path: Name of the file in messages.

    Raises:
        InputError: `stored` is unknown; or the filters come out otherwise than in the training.
    """
    if stored not in STORED:
        raise InputError(f"filters cannot be stored as {stored!r}; use one of {', '.join(STORED)}")
    plain = {key: content[key] for key in content if key not in ("sha256", "stored")}
    if stored == "seed":
        return dict(tensors), plain
    drawn = filters(content, path)
    places: dict[str, list[Any]] = {}
    more: Tensors = {}
    for name, weight in _weights(content):
        key = f"{weight}.2bit" if stored == "2bit" else weight
        places[name] = [key, list(drawn[name].shape)]
        packed = np.frombuffer(ternary.pack_2bit(drawn[name]), np.uint8)
        more[key] = packed if stored == "2bit" else drawn[name].astype(np.float32)
    return {**tensors, **more}, {**plain, "format": FORMAT, "stored": {"form": stored, "filters": places}}


def pack_graph(graph: Graph) -> str:
    """Return a graph as text for the metadata."""
    # Not zlib, whose bytes differ from one implementation to the next: bzip2 has one that all use.
    return base64.b64encode(bz2.compress(_canonical(graph.to_json()).encode())).decode()


def graph(content: Mapping[str, Any], path: Path | str = "this model file") -> Graph:
    """Return the graph of the network.

    Args:
        content: The metadata that `read` returned.
        path: Name of the file in messages.

    Raises:
        InputError: The file is of format 1 and has no graph, or the graph is damaged or not possible.
    """
    if "untraceable" in content:
        raise InputError(
            f"{path} does not say what the network computes, for that could not be traced ({content['untraceable']}): "
            "only its own class can run it, through lbrn.load(path, into=network)"
        )
    if "graph" not in content:
        raise InputError(
            f"{path} has model format {content['format']}, which does not say what the network computes: load it once "
            "with lbrn.modelfile.load and save it again with lbrn.modelfile.save, which needs torch"
        )
    try:
        reader = bz2.BZ2Decompressor()
        text = reader.decompress(base64.b64decode(content["graph"], validate=True), _LARGEST_GRAPH)
        data = json.loads(text) if reader.eof else None
    except (ValueError, TypeError, OSError, EOFError) as error:
        raise InputError(f"{path} has a damaged graph: {error}") from error
    return Graph.from_json(data)


def filters(content: Mapping[str, Any], path: Path | str = "this model file") -> dict[str, ternary.Ternary]:
    """Draw the fixed filters of the network again.

    Args:
        content: The metadata that `read` returned.
        path: Name of the file in messages.

    Returns:
        Filter name, as in the graph's nodes, to int8 array of -1, 0 and +1.

    Raises:
        InputError: They come out otherwise than the network was trained with, or the file has no graph.
    """
    own = content["spec"].get("localized", {}).values()
    keys = own or [node.attributes["filter"] for node in graph(content, path).nodes if node.op == "ternary_conv"]
    drawn = {
        key["name"]: ternary.draw(
            key["shape"], key["sparsity"], seed=key["seed"], name=key["name"], scheme=key["scheme"]
        )
        for key in keys
    }
    check_filters(content, ternary.digest(drawn), path)
    return drawn


def check_filters(content: Mapping[str, Any], drawn: str, path: Path | str) -> None:
    """Refuse filters that are not those of the training.

    Args:
        content: The metadata that `read` returned.
        drawn: Digest of the filters as they came out.
        path: Name of the file in messages.

    Raises:
        InputError: The digest is not the stored one.
    """
    if drawn != content["filter_digest"]:
        raise InputError(
            f"{path}: the fixed filters drawn from seed {content['filter_seed']} have digest {drawn[:12]}, but the "
            f"network was trained with {content['filter_digest'][:12]}: the weights would not fit, so they are refused"
        )


def _weights(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Filter name and the name that its weight has in torch, of every fixed convolution."""
    for path, recipe in content["spec"].get("localized", {}).items():
        yield recipe["name"], f"{path}.weight" if recipe["form"] == "drop-in" else f"{path}.fixed.weight"
    if "localized" not in content["spec"]:
        for node in graph(content).nodes:
            if node.op == "ternary_conv":
                yield node.attributes["filter"]["name"], f"{node.name.partition('@')[0]}.weight"


def _without_filters(tensors: Tensors, content: Mapping[str, Any], path: Path) -> Tensors:
    if "stored" not in content:
        return tensors
    try:
        form, places = content["stored"]["form"], content["stored"]["filters"]
        found = {name: _filter(tensors[key], shape, form) for name, (key, shape) in places.items()}
        keys = {key for key, _ in places.values()}
        same = ternary.digest(found) == content["filter_digest"]
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise InputError(f"{path} is damaged: its stored filters cannot be read ({error})") from error
    if not same:
        raise InputError(f"{path}: the stored filters are not those that the network was trained with: get it again")
    return {name: value for name, value in tensors.items() if name not in keys}


def _filter(stored: NDArray[Any], shape: list[int], form: str) -> NDArray[Any]:
    return ternary.unpack_2bit(stored.tobytes(), shape) if form == "2bit" else stored.reshape(shape)


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _digest(content: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> str:
    running = hashlib.sha256(_canonical({key: content[key] for key in content if key != "sha256"}).encode())
    for name in sorted(tensors):
        value = tensors[name]
        running.update(json.dumps([name, f"torch.{value.dtype}", list(value.shape)]).encode())
        running.update(value.tobytes())
    return running.hexdigest()


def _reason(data: bytes, error: Exception) -> str:
    start = data[:64].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "it is a web page; download the file itself"
    if data[:2] == b"PK" or data[:1] == b"\x80":
        return "it is a pickle or a torch checkpoint, which lbrn does not open; use model.safetensors"
    return str(error) or type(error).__name__
