"""The scales of workflow/scales.yaml: how each task is trained at quick, small and paper scale."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lbrn.errors import InputError
from lbrn.reproduction.params import Count, Overrides, Rate
from lbrn.reproduction.settings import Number, Settings, check, read_yaml, rule

FILE = "workflow/scales.yaml"
SIZES = ("width", "stacks", "depth")

Share = Annotated[float, Number, Field(ge=0, le=1)]
Positive = rule("a number above 0", "lr: 0.003")
Whole = rule("a whole number, at least 1", "epochs: 12")


class OneCycle(Settings):
    """A learning rate that rises to `lr` during the first share `warmup` of all steps, then falls to nothing."""

    kind: Literal["onecycle"]
    warmup: Share = rule("a share from 0 to 1", "warmup: 0.3")


class Steps(Settings):
    """A learning rate that is multiplied by `factor` at the beginning of each of the 0-based epochs `milestones`."""

    kind: Literal["steps"]
    milestones: tuple[Count, ...] = rule("a list of epochs", "milestones: [60, 90]")
    factor: Share = rule("a share from 0 to 1", "factor: 0.1")


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
    schedule: Annotated[OneCycle | Steps, Field(discriminator="kind")] = rule(
        "{kind: onecycle, warmup: share} or {kind: steps, milestones: [epochs], factor: share}",
        "schedule: {kind: onecycle, warmup: 0.3}",
    )
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


class People(Settings):
    """How many people a stand-in draws for a training set and for a test set."""

    train: Count = Whole
    test: Count = Whole


class Evaluation(Settings):
    """How a trained network is asked for its predictions."""

    flip: bool = rule("true or false", "flip: true")
    eval_draws: Count = Whole


class PosePreset(Settings):
    """What one scale means for pose estimation; see the head of workflow/scales.yaml."""

    people: People | None = rule("null or {train: n, test: n}", "people: {train: 2000, test: 1000}")
    train_on: dict[str, tuple[str, ...]] = rule(
        "a mapping of dataset to a list of datasets", "train_on: {mpii: [mpii]}"
    )
    network: dict[Literal["width", "stacks", "depth"], dict[int, Count]] | None = rule(
        "null or a mapping of width, stacks and depth to {full size: size at this scale}", "network: null"
    )
    stem_width: Annotated[int, Field(ge=16, multiple_of=16)] | None = Field(
        default=None, description="null or a multiple of 16", examples=["stem_width: 64"]
    )
    recipe: dict[str, Any] = rule("a mapping", "recipe: {input: 64, ...}")
    families: dict[str, dict[str, Any]] = Field(
        default={}, description="a mapping of family to recipe values", examples=["families: {}"]
    )
    evaluation: Evaluation = rule("a mapping", "evaluation: {flip: true, eval_draws: 1}")

    def recipe_for(self, family: str, overrides: Overrides) -> dict[str, Any]:
        """The complete recipe of a family's networks, as plain data.

        Args:
            family: Family of networks, as in `models.variants`.
            overrides: What params.yaml sets for every run; milestones of a schedule move with the epochs.

        Raises:
            InputError: A value of scales.yaml is wrong.
        """
        merged = {**self.recipe, **self.families.get(family, {})}
        recipe = check(PoseRecipe, merged, FILE).model_dump(mode="json", exclude_none=True)
        if overrides.epochs is not None and "milestones" in recipe["schedule"]:
            share = overrides.epochs / recipe["epochs"]
            recipe["schedule"]["milestones"] = [round(share * epoch) for epoch in recipe["schedule"]["milestones"]]
        chosen = {key: getattr(overrides, key) for key in ("epochs", "batch", "lr", "input")}
        return recipe | {key: value for key, value in chosen.items() if value is not None}

    def reduced(self, size: str, full: int) -> int:
        """A size of the full network at this scale.

        Args:
            size: width, stacks or depth.
            full: Its value in the paper's network.

        Raises:
            InputError: scales.yaml does not say what becomes of this value.
        """
        if self.network is None:
            return full
        known = self.network[size]  # type: ignore[index]
        if full not in known:
            raise InputError(
                f"{FILE}: network.{size} says nothing of full-size value {full}, only of {', '.join(map(str, known))}; "
                f"add a pair such as '{full}: {full}'"
            )
        return known[full]


class Scale(Settings):
    """One scale, task by task."""

    pose: PosePreset = rule("a mapping", "pose: {...}")


class Scales(Settings):
    """All scales."""

    quick: Scale = rule("a mapping", "quick: {pose: {...}}")
    small: Scale = rule("a mapping", "small: {pose: {...}}")
    paper: Scale = rule("a mapping", "paper: {pose: {...}}")

    def preset(self, scale: str, task: str) -> PosePreset:
        """What a scale means for a task."""
        preset: PosePreset = getattr(getattr(self, scale), task)
        return preset


def load(root: Path) -> Scales:
    """Read and check workflow/scales.yaml of a project.

    Args:
        root: The folder with workflow/.

    Raises:
        InputError: The file cannot be read, or something in it is wrong.
    """
    return check(Scales, read_yaml(root / FILE), FILE)


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
            f"input {recipe['input']} must be a multiple of {multiple} (4 * 2^depth with depth {network['depth']}) and "
            f"larger; change overrides.input or overrides.depth in params.yaml"
        )
