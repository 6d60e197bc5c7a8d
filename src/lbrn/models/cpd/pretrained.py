"""Published ImageNet weights for CPD's backbones: torchvision's state dicts, by name, into both branches."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from lbrn.errors import InputError
from lbrn.files import sha256_file
from lbrn.models.cpd.backbones import RESNET_BLOCKS, VGG_CONVOLUTIONS
from lbrn.models.cpd.network import CPD

PUBLISHED = {
    "vgg16": "https://download.pytorch.org/models/vgg16-397923af.pth",
    "resnet50": "https://download.pytorch.org/models/resnet50-0676ba61.pth",
}
"""Where torchvision's weights are; the end of a name is the beginning of the file's SHA-256."""


def load_backbone(network: CPD, backbone: str, path: Path, *, sha256: str | None = None) -> None:
    """Fill a network's backbone with published weights: the shared part, and both branches' stages alike.

    Args:
        network: CPD, or CPD-LB with fixed filters in its heads only, of full width.
        backbone: `vgg16` or `resnet50`.
        path: torchvision's state dict as `.pth` (read as plain tensors, no code is run) or `.safetensors`.
        sha256: Checksum that the file must have, or its beginning of 8 digits or more; None = do not check.

    Raises:
        InputError: The checksum is another, the file is no state dict, or it lacks a tensor or has one of another
            shape; the network is then as it was.
    """
    found = sha256_file(path) if path.is_file() else ""
    if not found:
        raise InputError(f"{path} does not exist: get torchvision's weights from {PUBLISHED[backbone]}")
    if sha256 is not None and (len(sha256) < 8 or not found.startswith(sha256)):
        raise InputError(f"{path} has the SHA-256 {found}, but {sha256} was asked for: get {PUBLISHED[backbone]} again")
    stored = _read(path)
    changes: list[tuple[Tensor, Tensor]] = []
    for ours, theirs in places(network, backbone).items():
        place, value = network.get_submodule(ours), theirs
        for name, tensor in place.state_dict().items():
            key = f"{value}.{name}"
            if key not in stored or stored[key].shape != tensor.shape:
                shape = tuple(stored[key].shape) if key in stored else "none"
                raise InputError(
                    f"{path} does not fit {backbone}: {key} must have the shape {tuple(tensor.shape)}, has {shape}; "
                    f"the weights are for width 64 and learned filters, get {PUBLISHED[backbone]}"
                )
            changes.append((tensor, stored[key]))
    with torch.no_grad():
        for tensor, value_ in changes:
            tensor.copy_(value_)


def places(network: CPD, backbone: str) -> dict[str, str]:
    """Say which of torchvision's layers belongs to which layer of a network's backbone.

    Args:
        network: The network.
        backbone: `vgg16` or `resnet50`.

    Returns:
        Paths of layers that have weights, ours to torchvision's.
    """
    return _vgg16() if backbone == "vgg16" else _resnet50(network)


def _vgg16() -> dict[str, str]:
    found, number = {}, 0
    for block, count in enumerate(VGG_CONVOLUTIONS):
        for conv in range(1, count + 1):
            for part in [f"shared.block{block + 1}"] if block < 3 else _both(f"stage{block + 1}"):
                found[f"{part}.conv{conv}"] = f"features.{number}"
            number += 2  # its ReLU
        number += 1  # the pooling
    return found


def _resnet50(network: CPD) -> dict[str, str]:
    found = {"shared.conv1": "conv1", "shared.bn1": "bn1"}
    for layer in range(1, len(RESNET_BLOCKS) + 1):
        for part in [f"shared.layer{layer}"] if layer < 3 else _both(f"stage{layer + 1}"):
            for name, module in network.get_submodule(part).named_modules():
                if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
                    found[f"{part}.{name}"] = f"layer{layer}.{name}"
    return found


def _both(part: str) -> list[str]:
    return [f"{branch}.{part}" for branch in ("attention", "detection")]


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            stored = load_file(path)
        else:
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever readers of foreign files may raise
        raise InputError(f"{path} cannot be read as a state dict ({type(error).__name__}: {error})") from error
    if not isinstance(stored, Mapping) or not all(isinstance(value, Tensor) for value in stored.values()):
        raise InputError(f"{path} holds no state dict, a mapping of names to tensors")
    return stored
