"""What stands where a learned convolution was: fixed ternary filters, alone or with learned parts behind them."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lbrn import ternary
from lbrn.errors import InputError
from lbrn.layers import LocalBinaryConv2d

Form = Literal["drop-in", "scaled", "lbb"]
_RECTIFIED_VARIANCE = (1 - 1 / math.pi) / 2
"""Variance of max(x, 0) where x is normal with variance 1."""
FORMS: tuple[Form, ...] = ("drop-in", "scaled", "lbb")


@dataclass(frozen=True)
class Recipe:
    """How one convolution is replaced; with the convolution's geometry it decides the fixed filters.

    Attributes:
        form: `drop-in`: the fixed filters alone. `scaled`: with a learned factor for each filter and the convolution's
            bias, where no normalisation sets them. `lbb`: fixed filters, batch normalisation, ReLU and a learned 1x1
            convolution, as they follow each other in the paper's block (section 3.2, Fig. 1b).
        name: What the filters are drawn from, besides the seed: by custom the path of the layer.
        sparsity: Share of NON-zero weights, 0 .. 1.
        seed: Filter seed.
        scheme: How to draw, see `lbrn.ternary.draw`.
    """

    form: Form
    name: str
    sparsity: float
    seed: int
    scheme: str = ternary.DEFAULT_SCHEME

    def as_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> "Recipe":
        """Read what `as_json` returned.

        Raises:
            InputError: The data is no recipe.
        """
        try:
            recipe = cls(**data)
        except TypeError as error:
            raise InputError(f"{data!r} does not say how a convolution is replaced ({error})") from error
        if recipe.form not in FORMS:
            raise InputError(f"form {recipe.form!r} is unknown; there are {', '.join(FORMS)}")
        return recipe


class Localized(nn.Sequential):
    """Fixed filters and the learned layers that belong to them, in the place of one convolution."""

    def __init__(self, form: Form, layers: Mapping[str, nn.Module]) -> None:
        """Join layers.

        Args:
            form: `scaled` or `lbb`.
            layers: By name; `fixed` is the first.
        """
        super().__init__(OrderedDict(layers))
        self.form = form

    @property
    def fixed_layer(self) -> LocalBinaryConv2d:
        """The fixed convolution in it."""
        layer = self.get_submodule("fixed")
        assert isinstance(layer, LocalBinaryConv2d)
        return layer


def replace(convolution: nn.Conv2d, recipe: Recipe) -> nn.Module:
    """Make what stands in a convolution's place: as many channels, equal geometry, device, type and mode.

    Learned parts begin where outputs vary as much as those of the convolution did, for inputs without correlation.

    Args:
        convolution: Left as it is.
        recipe: How to replace it; `drop-in` drops a bias.

    Raises:
        InputError: Sparsity, seed, name or scheme are not possible.
    """
    layer = LocalBinaryConv2d(
        convolution.in_channels,
        convolution.out_channels,
        (convolution.kernel_size[0], convolution.kernel_size[1]),
        (convolution.stride[0], convolution.stride[1]),
        convolution.padding if isinstance(convolution.padding, str) else tuple(convolution.padding),  # type: ignore[arg-type]
        (convolution.dilation[0], convolution.dilation[1]),
        convolution.groups,
        padding_mode=convolution.padding_mode,
        device=convolution.weight.device,
        dtype=convolution.weight.dtype,
        sparsity=recipe.sparsity,
        seed=recipe.seed,
        name=recipe.name,
        scheme=recipe.scheme,
    )
    made = layer if recipe.form == "drop-in" else Localized(recipe.form, _LEARNED[recipe.form](convolution, layer))
    return made.train(convolution.training)


def recipes(network: nn.Module) -> dict[str, Recipe]:
    """Say how each fixed convolution of a network stands in it, by the path that a convolution would have there.

    Args:
        network: Any network; a layer that is used at several paths is listed at the first.
    """
    found: dict[str, Recipe] = {}
    inside: set[nn.Module] = set()
    for path, module in network.named_modules():
        if isinstance(module, Localized):
            found[path] = _recipe(module.form, module.fixed_layer)
            inside.add(module.fixed_layer)
        elif isinstance(module, LocalBinaryConv2d) and module not in inside:
            found[path] = _recipe("drop-in", module)
    return found


def exchange(network: nn.Module, made: Mapping[nn.Module, nn.Module]) -> None:
    """Put modules in the places of others, wherever in a network these are.

    Args:
        network: Changed in place.
        made: Module to what comes in its place.
    """
    for parent in list(network.modules()):
        for name, child in parent._modules.items():
            if child is not None and child in made:
                parent._modules[name] = made[child]


def _recipe(form: Form, layer: LocalBinaryConv2d) -> Recipe:
    return Recipe(form, layer.name, layer.sparsity, layer.seed, layer.scheme)


def _scaled(convolution: nn.Conv2d, layer: LocalBinaryConv2d) -> dict[str, nn.Module]:
    channels, weight = layer.out_channels, convolution.weight
    scale = nn.Conv2d(
        channels, channels, 1, groups=channels, bias=convolution.bias is not None, device=weight.device,
        dtype=weight.dtype,
    )  # fmt: skip
    with torch.no_grad():
        terms = layer.weight.abs().sum((1, 2, 3)).clamp_min(1)
        scale.weight.copy_((_norms(weight) / terms.sqrt())[:, None, None, None])
        _copy_bias(convolution, scale)
    return {"fixed": layer, "scale": scale}


def _block(convolution: nn.Conv2d, layer: LocalBinaryConv2d) -> dict[str, nn.Module]:
    channels, weight = layer.out_channels, convolution.weight
    mix = nn.Conv2d(
        channels, channels, 1, groups=convolution.groups, bias=convolution.bias is not None, device=weight.device,
        dtype=weight.dtype,
    )  # fmt: skip
    (word,) = ternary.philox_words(1, "localize-lbb-1", layer.seed, layer.name)
    generator = torch.Generator().manual_seed(int(word >> 1))
    with torch.no_grad():
        spread = (convolution.groups / (channels * _RECTIFIED_VARIANCE)) ** 0.5
        drawn = spread * torch.randn(mix.weight.shape, generator=generator)
        mix.weight.copy_(drawn.to(mix.weight) * _norms(weight)[:, None, None, None])
        _copy_bias(convolution, mix)
    norm = nn.BatchNorm2d(channels, device=weight.device, dtype=weight.dtype)
    return {"fixed": layer, "norm": norm, "relu": nn.ReLU(inplace=True), "mix": mix}


_LEARNED = {"scaled": _scaled, "lbb": _block}


def _norms(weight: Tensor) -> Tensor:
    norms: Tensor = weight.flatten(1).norm(dim=1)
    return norms


def _copy_bias(convolution: nn.Conv2d, learned: nn.Conv2d) -> None:
    if convolution.bias is not None and learned.bias is not None:
        learned.bias.copy_(convolution.bias)
