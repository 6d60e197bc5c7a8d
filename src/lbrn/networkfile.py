"""Model files of any network: the public `save` and `load`, also for networks of the user's own.

A file of a user's own network holds no code: its learned tensors, how each fixed convolution stands in it, and what it
computes as a plain graph. So it can be loaded in three ways: into a network that the user's class makes, by `load`
alone as a network without that class, and by `lbrn.engine.load` without torch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lbrn import files, modelfile, modelformat, ternary
from lbrn.errors import InputError
from lbrn.graph_network import GraphNetwork
from lbrn.layers import LocalBinaryConv2d, filter_digest, fixed_filters, fixed_layers
from lbrn.modelformat import Stored
from lbrn.replacement import Localized, Recipe, exchange, recipes, replace
from lbrn.trace import trace


def save(network: nn.Module, path: str | Path, *, filters: Stored = "seed") -> None:
    """Write a network to a model file; equal content gives equal bytes, and nothing half-written stays.

    Args:
        network: Any network, localized or not.
        path: File to write, by custom `NAME.safetensors`.
        filters: `seed`: fixed filters are drawn again at loading. `2bit` or `float`: they are also stored, packed or as
            32-bit floats, for other readers than lbrn.

    Raises:
        InputError: A fixed filter is not the one that its seed and name give, or a tensor has a type that the file
            format does not know.
        OSError: The file cannot be written.
    """
    _check_filters(network)
    content: dict[str, Any] = {
        "format": modelformat.FORMAT,
        "spec": {"class": type(network).__name__, "localized": _localized(network)},
        "scheme": _only(layer.scheme for layer in fixed_layers(network).values()),
        "filter_seed": _only(layer.seed for layer in fixed_layers(network).values()),
        "filter_digest": filter_digest(network),
    }
    try:
        content["graph"] = modelformat.pack_graph(trace(network).with_draw(0))
    except InputError as error:
        content["untraceable"] = str(error)
    arrays, content = modelformat.with_filters(_arrays(network), content, filters, path)
    files.write_bytes(Path(path), modelformat.encode(arrays, content))


def load(path: str | Path, *, into: nn.Module | None = None) -> nn.Module:
    """Read a model file, draw its fixed filters again and check both digests.

    Args:
        path: A file that `save`, a training or `lbrn export` wrote.
        into: A network of the class that was saved, localized or as it was before: its convolutions are replaced as
            the file says, and its tensors overwritten. Needed where the file does not say what the network computes
            (its forward could not be traced); gives the same bits as the saved network.

    Returns:
        `into`; or a network of the paper; or one that computes what the file says, equal to the saved one in evaluation
        up to rounding. In evaluation mode.

    Raises:
        InputError: The file is no model file, is damaged, or newer than this lbrn; the filters come out otherwise; or
            `into` is not such a network, which is unchanged then.
        OSError: The file cannot be read.
    """
    path = Path(path)
    arrays, content = modelformat.read(path)
    if into is not None:
        return _load_into(into, arrays, content, path)
    if "variant" in content["spec"]:
        return modelfile.load(path)[0]
    network = GraphNetwork(modelformat.graph(content, path), arrays)
    modelformat.check_filters(content, ternary.digest(modelformat.filters(content, path)), path)
    modelfile.fill(network, arrays, f"{path} does not fit its own graph")
    _mark(network, content["spec"].get("localized", {}))
    return network.eval()


def _load_into(network: nn.Module, arrays: Mapping[str, Any], content: Mapping[str, Any], path: Path) -> nn.Module:
    otherwise = f"{path} does not fit the network given by into={type(network).__name__}"
    told = content["spec"].get("localized", {})
    made: dict[nn.Module, nn.Module] = {}
    for place, described in told.items():
        recipe = Recipe.from_json({key: value for key, value in described.items() if key != "shape"})
        try:
            module = network.get_submodule(place)
        except AttributeError as error:
            raise InputError(f"{otherwise}: it has no layer {place}") from error
        if type(module) is nn.Conv2d:
            made[module] = replace(module, recipe)
        elif not isinstance(module, Localized | LocalBinaryConv2d):
            raise InputError(f"{otherwise}: {place} is a {type(module).__name__}, not a convolution")
    exchange(network, made)
    try:
        modelformat.check_filters(content, filter_digest(network), path)
        modelfile.fill(network, arrays, otherwise)
    except InputError:
        exchange(network, {new: old for old, new in made.items()})
        raise
    return network.eval()


def _mark(network: nn.Module, localized: Mapping[str, Any]) -> None:
    """Let a network without its class say again which of its layers stand for one convolution."""
    for place, described in localized.items():
        if described["form"] != "drop-in" and place in dict(network.named_modules()):
            layers = network.get_submodule(place)
            exchange(network, {layers: Localized(described["form"], dict(layers.named_children()))})


def _localized(network: nn.Module) -> dict[str, Any]:
    def shape(path: str) -> list[int]:
        module = network.get_submodule(path)
        layer = module.fixed_layer if isinstance(module, Localized) else module
        assert isinstance(layer, LocalBinaryConv2d)
        return list(layer.weight.shape)

    return {path: recipe.as_json() | {"shape": shape(path)} for path, recipe in recipes(network).items()}


def _check_filters(network: nn.Module) -> None:
    held = fixed_filters(network)
    for name, layer in fixed_layers(network).items():
        drawn = ternary.draw(held[name].shape, layer.sparsity, seed=layer.seed, name=name, scheme=layer.scheme)
        if (held[name] != drawn).any():
            raise InputError(
                f"the fixed filter {name!r} is not the one that seed {layer.seed} gives: it would be lost; make the "
                "layer anew, or keep its weights as those of an ordinary convolution"
            )


def _arrays(network: nn.Module) -> dict[str, Any]:
    arrays = {}
    for name, value in modelfile.learned(network).items():
        if not isinstance(value, torch.Tensor) or value.is_complex() or value.dtype == torch.bfloat16:
            kind = value.dtype if isinstance(value, torch.Tensor) else type(value).__name__
            raise InputError(f"{name} has the type {kind}, which a model file cannot hold: convert it, as by float()")
        arrays[name] = value.detach().cpu().contiguous().numpy()
    return arrays


def _only(values: Any) -> Any:
    """The one value, or None where there are several or none."""
    found = set(values)
    return found.pop() if len(found) == 1 else None
