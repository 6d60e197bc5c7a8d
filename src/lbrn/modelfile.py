"""The model file: safetensors with the learned tensors, and the seed and digest of the fixed filters in their place.

Layout: one `safetensors` file; its metadata has the single key `lbrn` (one, so that equal content gives equal bytes)
with canonical JSON: `format`, `spec`, `scheme`, `filter_seed`, `filter_digest`, and `sha256` over all of these and the
tensors' names, types, shapes and bytes. Tensors are the network's parameters and running statistics in torch's names.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from lbrn import files, models, ternary
from lbrn.errors import InputError
from lbrn.layers import filter_digest, fixed_layers

FORMAT = 1
_KEY = "lbrn"
_HEADER_LENGTH = 8


def save(path: Path, network: nn.Module, spec: Mapping[str, Any]) -> None:
    """Write a network to a model file; equal content gives equal bytes, and nothing half-written stays.

    Args:
        path: File to write, by custom `model.safetensors`.
        network: Network that `lbrn.models.build` made from the spec.
        spec: The run spec in plain data; `variant`, `network`, `seed` and `filter_seed` are what `load` builds from.

    Raises:
        InputError: The network's fixed filters are not the ones that the spec's filter seed gives.
        OSError: The file cannot be written.
    """
    tensors = _stored(network)
    content: dict[str, Any] = {
        "format": FORMAT,
        "spec": dict(spec),
        "scheme": _scheme(network, spec),
        "filter_seed": spec["filter_seed"],
        "filter_digest": filter_digest(network),
    }
    content["sha256"] = _digest(content, tensors)
    files.write_bytes(path, save_safetensors(tensors, {_KEY: _canonical(content)}))


def load(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Read a model file: build the network, redraw its fixed filters, check both digests.

    Args:
        path: A file that `save` wrote.

    Returns:
        The network in evaluation mode on the CPU, and the run spec.

    Raises:
        InputError: The file is no model file, is damaged, or newer than this lbrn; or the filters come out otherwise.
        OSError: The file cannot be read.
    """
    tensors, content = _read(Path(path))
    spec = content["spec"]
    network = models.build(
        spec["variant"],
        seed=spec["seed"],
        filter_seed=content["filter_seed"],
        scheme=content["scheme"],
        **spec["network"],
    )
    drawn = filter_digest(network)
    if drawn != content["filter_digest"]:
        raise InputError(
            f"{path}: the fixed filters drawn from seed {content['filter_seed']} have digest {drawn[:12]}, but the "
            f"network was trained with {content['filter_digest'][:12]}: the weights would not fit, so they are refused"
        )
    _fill(network, tensors, Path(path))
    return network.eval(), spec


def _stored(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in _places(network).items()}


def _places(network: nn.Module) -> dict[str, Tensor]:
    # `state_dict` leaves the fixed filters out; states of random generators belong to checkpoints.
    return {name: value for name, value in network.state_dict().items() if not name.endswith("_extra_state")}


def _scheme(network: nn.Module, spec: Mapping[str, Any]) -> str:
    layers = fixed_layers(network).values()
    drawn = {(layer.scheme, layer.seed) for layer in layers} or {(ternary.DEFAULT_SCHEME, spec["filter_seed"])}
    scheme, seed = min(drawn)
    if len(drawn) > 1 or seed != spec["filter_seed"]:
        raise InputError(
            f"the network's fixed filters come from {sorted(drawn)}, but the spec names filter seed "
            f"{spec['filter_seed']}: such a file could not be loaded; build the network from its spec"
        )
    return scheme


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _digest(content: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    running = hashlib.sha256(_canonical({key: content[key] for key in content if key != "sha256"}).encode())
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        running.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        running.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return running.hexdigest()


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    data = path.read_bytes()
    try:
        tensors = load_safetensors(data)
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
    return tensors, content


def _reason(data: bytes, error: Exception) -> str:
    start = data[:64].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "it is a web page; download the file itself"
    if data[:2] == b"PK" or data[:1] == b"\x80":
        return "it is a pickle or a torch checkpoint, which lbrn does not open; use model.safetensors"
    return str(error) or type(error).__name__


def _fill(network: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    places = _places(network)
    if places.keys() != tensors.keys():
        odd = sorted(places.keys() ^ tensors.keys())
        raise InputError(
            f"{path} does not fit its own spec: {len(odd)} tensors are missing or superfluous, as {odd[0]}"
        )
    with torch.no_grad():
        for name, place in places.items():
            if place.shape != tensors[name].shape:
                raise InputError(f"{path} does not fit its own spec: {name} has shape {tuple(tensors[name].shape)}")
            place.copy_(tensors[name])
