"""The model file for torch: a network's learned tensors, and the seed and digest of the fixed filters in their place.

`lbrn.modelformat` says what is in the file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lbrn import files, modelformat, models, ternary
from lbrn.errors import InputError
from lbrn.layers import filter_digest, fixed_layers
from lbrn.trace import trace


def save(path: Path, network: nn.Module, spec: Mapping[str, Any]) -> None:
    """Write a network to a model file; equal content gives equal bytes, and nothing half-written stays.

    Args:
        path: File to write, by custom `model.safetensors`.
        network: Network that `lbrn.models.build` made from the spec.
        spec: The run spec in plain data; `variant`, `network`, `seed` and `filter_seed` are what `load` builds from.

    Raises:
        InputError: The network's fixed filters are not the ones that the spec's filter seed gives, or the network
            computes what a graph cannot say (`lbrn.trace`).
        OSError: The file cannot be written.
    """
    content: dict[str, Any] = {
        "format": modelformat.TRAINED_FORMAT,
        "spec": dict(spec),
        "scheme": _scheme(network, spec),
        "filter_seed": spec["filter_seed"],
        "filter_digest": filter_digest(network),
        # The table of random pooling that an evaluation chose last is not part of the network.
        "graph": modelformat.pack_graph(trace(network).with_draw(0)),
    }
    tensors = {name: value.detach().cpu().contiguous().numpy() for name, value in learned(network).items()}
    files.write_bytes(path, modelformat.encode(tensors, content))


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
    arrays, content = modelformat.read(Path(path))
    spec = content["spec"]
    if "variant" not in spec:
        raise InputError(f"{path} holds no network of the paper but one of its author's own: use lbrn.load")
    network = models.build(
        spec["variant"],
        seed=spec["seed"],
        filter_seed=content["filter_seed"],
        scheme=content["scheme"],
        **spec["network"],
    )
    modelformat.check_filters(content, filter_digest(network), path)
    fill(network, arrays, f"{path} does not fit its own spec")
    return network.eval(), spec


def learned(network: nn.Module) -> dict[str, Tensor]:
    """Return what a model file stores of a network: its parameters and running statistics, by torch's names.

    Args:
        network: Any network; the tensors are its own, not copies.
    """
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


def fill(network: nn.Module, arrays: Mapping[str, NDArray[Any]], otherwise: str) -> None:
    """Copy stored tensors into a network.

    Args:
        network: Its parameters and running statistics are overwritten.
        arrays: By torch's names.
        otherwise: What to say, before the reason, where they are not the network's.

    Raises:
        InputError: A tensor is missing, superfluous, or of another shape or type; the network is unchanged then.
    """
    places = learned(network)
    if places.keys() != arrays.keys():
        odd = sorted(places.keys() ^ arrays.keys())
        raise InputError(f"{otherwise}: {len(odd)} tensors are missing or superfluous, as {odd[0]}")
    tensors = {name: torch.tensor(value) for name, value in arrays.items()}
    for name, place in places.items():
        if place.shape != tensors[name].shape:
            raise InputError(f"{otherwise}: {name} has shape {tuple(tensors[name].shape)}, not {tuple(place.shape)}")
        if place.dtype != tensors[name].dtype:
            raise InputError(f"{otherwise}: {name} has type {tensors[name].dtype}, not {place.dtype}")
    with torch.no_grad():
        for name, place in places.items():
            place.copy_(tensors[name])
