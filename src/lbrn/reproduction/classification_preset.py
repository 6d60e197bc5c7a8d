"""What a scale means for classification: recipe, stand-in, sizes of the networks."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from lbrn.datasets.catalog import entry
from lbrn.errors import InputError
from lbrn.models.variants import Variant
from lbrn.reproduction.params import Count, Params, Rate
from lbrn.reproduction.preset import Drawn, Positive, Preset, Schedule, ScheduleRule, Share, Whole
from lbrn.reproduction.settings import Settings, rule

MULTIPLE = 4
"""What an input's side must be a multiple of: the networks halve it twice."""


class ClassificationRecipe(Settings):
    """How a classification network is trained.

    Attributes:
        input: Side of the square input in pixels.
        lr: Learning rate; the peak of a one-cycle schedule.
        momentum: Nesterov's momentum, of stochastic gradient descent only, like `weight_decay`.
        crop_padding: Black pixels on each side of a training picture, out of which it is cut at a random place.
        flip_probability: How often a training picture is mirrored.
    """

    input: Count = rule("a whole number of pixels", "input: 32")
    epochs: Count = Whole
    batch: Count = Whole
    optimiser: Literal["sgd", "adam"] = rule("sgd or adam", "optimiser: sgd")
    lr: Rate = Positive
    momentum: Share | None = Field(default=None, description="a share from 0 to 1", examples=["momentum: 0.9"])
    weight_decay: Share | None = Field(
        default=None, description="a share from 0 to 1", examples=["weight_decay: 1.0e-4"]
    )
    schedule: Schedule = ScheduleRule
    crop_padding: int = Field(ge=0, le=16, description="0 to 16 pixels", examples=["crop_padding: 4"])
    flip_probability: Share = rule("a share from 0 to 1", "flip_probability: 0.5")

    @model_validator(mode="after")
    def _constants_of_sgd(self) -> Self:
        given = [name for name in ("momentum", "weight_decay") if getattr(self, name) is not None]
        if given != (["momentum", "weight_decay"] if self.optimiser == "sgd" else []):
            raise ValueError(
                f"momentum and weight_decay belong to optimiser sgd and only to it; {self.optimiser} has {given}"
            )
        return self


class ClassificationEvaluation(Settings):
    """How a trained classification network is asked for its scores."""

    flip: bool = rule("true or false", "flip: false")


class ClassificationPreset(Preset):
    """What one scale means for classification; see the head of workflow/scales.yaml."""

    RECIPE: ClassVar[type[Settings]] = ClassificationRecipe
    UNIT: ClassVar[str] = "images"
    SIZES: ClassVar[tuple[str, ...]] = ("blocks", "width", "filters", "hidden")

    images: Drawn | None = rule("null or {train: n, test: n}", "images: {train: 2000, test: 1000}")
    network: dict[Literal["blocks", "width", "filters", "hidden"], dict[int, Count]] | None = rule(
        "null or a mapping of blocks, width, filters and hidden to {full size: size at this scale}", "network: null"
    )
    evaluation: ClassificationEvaluation = rule("a mapping", "evaluation: {flip: false}")

    def network_for(self, variant: Variant, settings: Mapping[str, Any], knobs: Params, dataset: str) -> dict[str, Any]:
        """Settings for `models.build` at this scale, see `Preset.network_for`; as many classes as the dataset has."""
        full = variant.settings(settings)
        told = entry(dataset)
        chosen = knobs.overrides.classes if told.get("any_classes") else None
        network: dict[str, Any] = {"classes": chosen or told["classes"]}
        network |= {size: self.reduced(size, full[size]) for size in self.SIZES if size in full}
        if variant.has_fixed_filters:
            network |= {"sparsity": knobs.sparsity, "activation": knobs.activation}
        network |= {key: value for key, value in settings.items() if key not in self.SIZES}
        variant.settings(network)
        return network

    @staticmethod
    def check_input(recipe: Mapping[str, Any], network: Mapping[str, Any]) -> None:
        """Refuse an input whose maps cannot be halved twice.

        Args:
            recipe: With `input`, the side of the network's input in pixels.
            network: Without effect.

        Raises:
            InputError: The input's side is no multiple of 4.
        """
        if recipe["input"] % MULTIPLE:
            raise InputError(
                f"input {recipe['input']} must be a multiple of {MULTIPLE}; change overrides.input in params.yaml"
            )

    @staticmethod
    def work(spec: Mapping[str, Any]) -> float:
        """Positions times epochs times blocks, and twice that where no map is ever halved; see `Preset.work`."""
        network, recipe = spec["network"], spec["recipe"]
        heavier = 2.0 if spec["variant"] == "lbcnn" else 1.0
        return float(heavier * network["blocks"] * recipe["input"] ** 2 * recipe["epochs"])
