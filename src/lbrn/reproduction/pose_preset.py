"""What a scale means for pose estimation: recipe, stand-in, sizes of the hourglasses."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from lbrn.errors import InputError
from lbrn.models.variants import Variant
from lbrn.reproduction.params import Count, Params, Rate
from lbrn.reproduction.preset import Drawn, Positive, Preset, Schedule, ScheduleRule, Share, Whole
from lbrn.reproduction.settings import Number, Settings, rule

JOINTS = 16


class PoseRecipe(Settings):
    """How a pose network is trained.

    Attributes:
        input: Side of the square input in pixels.
        lr: Learning rate; the peak of a one-cycle schedule.
        alpha: Smoothing constant of RMSprop; absent for other optimisers, like `eps`.
        head_gain: Factor on the initial weights of the convolutions that make the heatmaps; 1 is torch's default.
        sigma: Standard deviation of the target Gaussians in heatmap pixels.
        scale_jitter: Standard deviation of the factor on the crop's side, which is clipped at this on both sides of 1.
        rotation: Standard deviation of the rotation in degrees, clipped at twice this.
        colour: Lowest and highest gain of a colour channel.
    """

    input: Count = rule("a whole number of pixels", "input: 64")
    epochs: Count = Whole
    batch: Count = Whole
    optimiser: Literal["adam", "rmsprop"] = rule("adam or rmsprop", "optimiser: adam")
    lr: Rate = Positive
    alpha: Share | None = Field(default=None, description="a share from 0 to 1", examples=["alpha: 0.99"])
    eps: Rate | None = Field(default=None, description="a number above 0", examples=["eps: 1.0e-8"])
    head_gain: Share = rule("a share from 0 to 1", "head_gain: 1.0")
    schedule: Schedule = ScheduleRule
    sigma: Rate = Positive
    scale_jitter: Share = rule("a share from 0 to 1", "scale_jitter: 0.25")
    rotation: Annotated[float, Number, Field(ge=0, le=90)] = rule("degrees from 0 to 90", "rotation: 30.0")
    rotation_probability: Share = rule("a share from 0 to 1", "rotation_probability: 0.6")
    flip_probability: Share = rule("a share from 0 to 1", "flip_probability: 0.5")
    colour: tuple[Rate, Rate] = rule("a list of the lowest and the highest gain", "colour: [0.8, 1.2]")

    @model_validator(mode="after")
    def _constants_of_rmsprop(self) -> Self:
        given = [name for name in ("alpha", "eps") if getattr(self, name) is not None]
        if given != (["alpha", "eps"] if self.optimiser == "rmsprop" else []):
            raise ValueError(f"alpha and eps belong to optimiser rmsprop and only to it; {self.optimiser} has {given}")
        return self


class PoseEvaluation(Settings):
    """How a trained pose network is asked for its predictions."""

    flip: bool = rule("true or false", "flip: true")
    eval_draws: Count = Whole


class PosePreset(Preset):
    """What one scale means for pose estimation; see the head of workflow/scales.yaml."""

    RECIPE: ClassVar[type[Settings]] = PoseRecipe
    UNIT: ClassVar[str] = "people"
    SIZES: ClassVar[tuple[str, ...]] = ("stacks", "width", "depth")

    people: Drawn | None = rule("null or {train: n, test: n}", "people: {train: 2000, test: 1000}")
    network: dict[Literal["width", "stacks", "depth"], dict[int, Count]] | None = rule(
        "null or a mapping of width, stacks and depth to {full size: size at this scale}", "network: null"
    )
    stem_width: Annotated[int, Field(ge=16, multiple_of=16)] | None = Field(
        default=None, description="null or a multiple of 16", examples=["stem_width: 64"]
    )
    evaluation: PoseEvaluation = rule("a mapping", "evaluation: {flip: true, eval_draws: 1}")

    def network_for(self, variant: Variant, settings: Mapping[str, Any], knobs: Params, dataset: str) -> dict[str, Any]:
        """Settings for `models.build` at this scale, see `Preset.network_for`."""
        full = variant.settings(settings)
        network: dict[str, Any] = {"joints": JOINTS}
        for size in self.SIZES:
            override = getattr(knobs.overrides, size)
            network[size] = self.reduced(size, full[size]) if override is None else override
        if self.stem_width is not None:
            network["stem_width"] = self.stem_width
        elif full["stem_width"] is not None:
            # An entry whose hourglasses alone are narrower keeps the stem of the others.
            network["stem_width"] = self.reduced("width", full["stem_width"])
        if variant.has_fixed_filters:
            network |= {"sparsity": knobs.sparsity, "activation": knobs.activation}
        network |= {key: value for key, value in settings.items() if key not in (*self.SIZES, "stem_width")}
        variant.settings(network)
        return network

    @staticmethod
    def check_input(recipe: Mapping[str, Any], network: Mapping[str, Any]) -> None:
        """Refuse an input whose maps an hourglass cannot halve as often as it must.

        Args:
            recipe: With `input`, the side of the network's input in pixels.
            network: With `depth`, how often an hourglass halves its maps.

        Raises:
            InputError: The input's side is no multiple of 4 * 2^depth, or the deepest map a single pixel, of which one
                picture alone cannot be normalised.
        """
        multiple = 4 * 2 ** network["depth"]
        if recipe["input"] % multiple or recipe["input"] == multiple:
            raise InputError(
                f"input {recipe['input']} must be a multiple of {multiple} (4 * 2^depth with depth "
                f"{network['depth']}) and larger; change overrides.input or overrides.depth in params.yaml"
            )

    @staticmethod
    def work(spec: Mapping[str, Any]) -> float:
        """Multiplications, and more for the pyramid's blocks; see `Preset.work`."""
        network, recipe = spec["network"], spec["recipe"]
        heavier = 1.5 if spec["variant"] in ("prm", "lbrn-p") else 1.0
        return float(heavier * network["stacks"] * network["width"] ** 2 * recipe["input"] ** 2 * recipe["epochs"])
