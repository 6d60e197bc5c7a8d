"""Layers with binary weights: fixed ternary (local-binary) convolutions, and learned binarised ones."""

from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lbrn import ternary
from lbrn.errors import InputError

Size = int | tuple[int, int]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


class LocalBinaryConv2d(nn.Module):
    """A 2-d convolution whose ternary weights are drawn once and never trained (section 3.1 of the paper).

    Takes `torch.nn.Conv2d`'s arguments in its order, then what the filters are drawn from. It has no bias and no
    parameter: the weight is a buffer that is not stored either, because seed and name stand for it. Gradients flow
    to the input. It is deliberately not a subclass of `nn.Conv2d`, so that weight initialisers pass it by.

    Args:
        in_channels: As in `nn.Conv2d`.
        out_channels: As in `nn.Conv2d`.
        kernel_size: As in `nn.Conv2d`.
        stride: As in `nn.Conv2d`.
        padding: As in `nn.Conv2d`: pixels, "same" or "valid".
        dilation: As in `nn.Conv2d`.
        groups: As in `nn.Conv2d`.
        bias: Must be False; the batch normalisation that follows sets the offset.
        padding_mode: As in `nn.Conv2d`: zeros, reflect, replicate or circular.
        device: As in `nn.Conv2d`.
        dtype: As in `nn.Conv2d`.
        sparsity: Share of NON-zero weights, 0 .. 1.
        seed: Filter seed, >= 0.
        name: Name of the layer; one network must not use it twice.
        scheme: How to draw, see `lbrn.ternary.draw`.

    Attributes:
        weight: Tensor (out_channels, in_channels / groups, kernel height, kernel width) of -1, 0 and +1.
        nonzeros: Number of non-zero weights.

    Raises:
        InputError: A bias is asked for, or sparsity, seed, name or scheme are not possible.
        ValueError: The geometry is not possible, with torch's own message.
    """

    weight: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = False,
        padding_mode: PaddingMode = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        sparsity: float,
        seed: int,
        name: str,
        scheme: str = ternary.DEFAULT_SCHEME,
    ) -> None:
        super().__init__()
        if bias:
            raise InputError("a fixed convolution has no bias: leave bias=False and let the next normalisation shift")
        # Torch's own constructor checks the geometry and works out the paddings; on meta it allocates nothing.
        self.geometry: dict[str, Any] = _geometry(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode
        )
        shape = self.geometry.pop("shape")
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, tuple(shape[2:])
        self.sparsity, self.seed, self.name, self.scheme = float(sparsity), int(seed), name, scheme
        filters = ternary.draw(shape, sparsity, seed=seed, name=name, scheme=scheme)
        self.nonzeros = int(np.count_nonzero(filters))
        weight = torch.tensor(filters, dtype=dtype or torch.get_default_dtype(), device=device)
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Convolve (N, in_channels, H, W) with the fixed filters.

        Args:
            images: (N, in_channels, H, W), floating point of the layer's dtype.

        Returns:
            (N, out_channels, H', W') as of `torch.nn.Conv2d` with the same geometry.
        """
        geometry = self.geometry
        padding = geometry["padding"]
        if geometry["padding_mode"] != "zeros":
            images = F.pad(images, geometry["pad_sides"], mode=geometry["padding_mode"])
            padding = 0
        return F.conv2d(
            images, self.weight, None, geometry["stride"], padding, geometry["dilation"], geometry["groups"]
        )

    def extra_repr(self) -> str:
        """Describe the geometry and what the filters are drawn from."""
        shown = {key: self.geometry[key] for key in ("stride", "padding", "dilation", "groups", "padding_mode")}
        geometry = ", ".join(f"{key}={value}" for key, value in shown.items())
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, {geometry}, "
            f"sparsity={self.sparsity:g}, seed={self.seed}, name={self.name!r}, scheme={self.scheme!r}"
        )


class _Uninitialised(nn.Conv2d):
    def reset_parameters(self) -> None:
        # Initialising on meta would load torch's symbolic machinery, seconds long, and there is nothing to initialise.
        pass


def _geometry(
    in_channels: int,
    out_channels: int,
    kernel_size: Size,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
    padding_mode: PaddingMode,
) -> dict[str, Any]:
    twin = _Uninitialised(
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        dilation,
        groups,
        bias=False,
        padding_mode=padding_mode,
        device="meta",
    )
    return {
        "shape": tuple(twin.weight.shape),
        "stride": twin.stride,
        "padding": twin.padding,
        "dilation": twin.dilation,
        "groups": groups,
        "padding_mode": padding_mode,
        "pad_sides": tuple(twin._reversed_padding_repeated_twice),
    }


class _SignFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        # Not torch.sign, whose sign(0) is 0; Eq. 2 of the paper has sign(0) = +1.
        # The in-place steps on one float copy are ten times faster on a CPU than `where` with two scalars.
        return values.clone().ge_(0).mul_(2).sub_(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        gradient: Tensor = values.abs().lt_(1).mul_(gradients[0])
        return gradient


def binarise(values: Tensor) -> Tensor:
    """Return the sign, +1 for zero, with the straight-through gradient zeroed where |value| >= 1 (Eq. 2).

    Args:
        values: Any shape.

    Returns:
        The same shape, -1 and +1 only.
    """
    result: Tensor = _SignFunction.apply(values)  # type: ignore[no-untyped-call]
    return result


class Sign(nn.Module):
    """The binary activation: `binarise` as a module."""

    def forward(self, values: Tensor) -> Tensor:
        """Binarise a tensor of any shape."""
        return binarise(values)


class BinaryConv2d(nn.Conv2d):
    """A convolution with weights alpha_f * sign(W_f), alpha_f = mean |W_f| of filter f (Bulat and Tzimiropoulos 2017).

    The latent weights W are what the optimiser updates. No bias.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Convolve (N, in_channels, H, W) with the binarised weights.

        Args:
            images: (N, in_channels, H, W), floating point; binary only where `Sign` made them so.

        Returns:
            (N, out_channels, H', W').
        """
        scale = self.weight.abs().mean(dim=(1, 2, 3), keepdim=True)
        result: Tensor = self._conv_forward(images, scale * binarise(self.weight), None)
        return result


def fixed_layers(module: nn.Module) -> dict[str, LocalBinaryConv2d]:
    """Return a network's fixed convolutions by filter name, in the order of the network.

    Args:
        module: Any network; one without fixed convolutions gives an empty mapping.

    Raises:
        InputError: Two layers have the same name and therefore the same filters.
    """
    found: dict[str, LocalBinaryConv2d] = {}
    for layer in module.modules():
        if isinstance(layer, LocalBinaryConv2d):
            if layer.name in found:
                raise InputError(f"two fixed convolutions are named {layer.name!r}: every layer needs its own name")
            found[layer.name] = layer
    return found


def fixed_filters(module: nn.Module) -> dict[str, ternary.Ternary]:
    """Return a network's fixed filters by name, as they are now in memory.

    Args:
        module: Any network.

    Returns:
        Layer name to int8 array of -1, 0 and +1.

    Raises:
        InputError: Two layers have the same name, or a weight is no longer ternary.
    """
    filters = {}
    for name, layer in fixed_layers(module).items():
        weight = layer.weight.detach().cpu().to(torch.float32).numpy()
        filters[name] = weight.astype(np.int8)
        if not np.array_equal(filters[name], weight):
            raise InputError(f"the fixed filter {name!r} has been changed: it is no longer ternary")
    return filters


def filter_digest(module: nn.Module) -> str:
    """Return the SHA-256 of all fixed filters of a network in hexadecimal, see `lbrn.ternary.digest`.

    Args:
        module: Any network.

    Raises:
        InputError: Two layers have the same name, or a weight is no longer ternary.
    """
    return ternary.digest(fixed_filters(module))
