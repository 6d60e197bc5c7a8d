"""What a scale means for saliency: recipe, stand-ins, sizes of the networks, what is tested."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lbrn.errors import InputError
from lbrn.models.variants import Variant
from lbrn.reproduction.params import Count, Name, Overrides, Params, Rate
from lbrn.reproduction.preset import Drawn, Positive, Preset, Schedule, ScheduleRule, Share, Whole
from lbrn.reproduction.settings import Settings, rule

MULTIPLE = 32
"""What an input's side must be a multiple of: ResNet-50 halves it five times, VGG16 four times."""


class SaliencyRecipe(Settings):
    """How a saliency network is trained.

    Attributes:
        input: Side of the square input in pixels.
        lr: Learning rate; the peak of a one-cycle schedule.
        gradient_limit: What each element of the gradient is clamped to, on both sides of 0.
        head_std: Standard deviation of the heads' initial weights; absent = He-normal.
        flip_probability: How often a training photograph is mirrored.
        train_on: Datasets trained on; in run specs, where scales.yaml has it once for all.
    """

    input: Count = rule("a whole number of pixels", "input: 64")
    epochs: Count = Whole
    batch: Count = Whole
    optimiser: Literal["adam"] = rule("adam", "optimiser: adam")
    lr: Rate = Positive
    schedule: Schedule = ScheduleRule
    gradient_limit: Rate = rule("a number above 0", "gradient_limit: 0.5")
    head_std: Rate | None = Field(default=None, description="a number above 0", examples=["head_std: 0.01"])
    flip_probability: Share = rule("a share from 0 to 1", "flip_probability: 0.0")
    train_on: tuple[Name, ...] = Field(default=(), description="a list of datasets", examples=["train_on: [duts]"])


class SaliencyEvaluation(Settings):
    """What a trained saliency network is asked for."""

    tested: tuple[Name, ...] = rule("a list of datasets", "tested: [ecssd]")


class SaliencyPreset(Preset):
    """What one scale means for saliency; see the head of workflow/scales.yaml.

    One training serves all test sets: a run is named by what it is trained on.
    """

    RECIPE: ClassVar[type[Settings]] = SaliencyRecipe
    UNIT: ClassVar[str] = "images"
    SIZES: ClassVar[tuple[str, ...]] = ("width", "head")

    images: Drawn | None = rule("null or {train: n, test: n}", "images: {train: 1000, test: 100}")
    network: dict[Literal["width", "head"], dict[int, Count]] | None = rule(
        "null or a mapping of width and head to {full size: size at this scale}", "network: null"
    )
    evaluation: Settings = Settings()

    def network_for(self, variant: Variant, settings: Mapping[str, Any], knobs: Params, dataset: str) -> dict[str, Any]:
        """Settings for `models.build` at this scale, see `Preset.network_for`."""
        full = variant.settings(settings)
        network: dict[str, Any] = {size: self.reduced(size, full[size]) for size in self.SIZES}
        if variant.has_fixed_filters:
            network |= {"sparsity": knobs.sparsity, "activation": knobs.activation}
        network |= {key: value for key, value in settings.items() if key not in self.SIZES}
        variant.settings(network)
        return network

    def recipe_for(self, family: str, overrides: Overrides) -> dict[str, Any]:
        """The complete recipe, see `Preset.recipe_for`, with all that is trained on; one for all test sets."""
        trained = sorted({name for names in self.train_on.values() for name in names})
        return {**super().recipe_for(family, overrides), "train_on": trained}

    def evaluation_for(self) -> dict[str, Any]:
        """What a run is asked for: maps of all test sets of this scale."""
        return {"tested": list(self.train_on)}

    def run_dataset(self, dataset: str) -> str:
        """What a run is named by, see `Preset.run_dataset`: the first of the sets that are trained on."""
        return min(self.train_on[dataset])

    def run_data(self, dataset: str) -> set[str]:
        """Everything that a run is trained and tested on, see `Preset.run_data`."""
        return {*self.train_on, *(name for names in self.train_on.values() for name in names)}

    @staticmethod
    def check_input(recipe: Mapping[str, Any], network: Mapping[str, Any]) -> None:
        """Refuse an input whose maps cannot be halved often enough.

        Args:
            recipe: With `input`, the side of the network's input in pixels.
            network: Without effect.

        Raises:
            InputError: The input's side is no multiple of 32, or no more than that: a deepest map of one pixel of one
                picture cannot be normalised.
        """
        if recipe["input"] % MULTIPLE or recipe["input"] == MULTIPLE:
            raise InputError(
                f"input {recipe['input']} must be a multiple of {MULTIPLE} and larger; change overrides.input in "
                "params.yaml"
            )

    @staticmethod
    def work(spec: Mapping[str, Any]) -> float:
        """Positions times epochs times width; VGG16 takes about three times as long as ResNet-50."""
        network, recipe = spec["network"], spec["recipe"]
        heavier = 3.0 if "vgg16" in spec["variant"] else 1.0
        return float(heavier * network["width"] * recipe["input"] ** 2 * recipe["epochs"])
