"""What every task's preset has: the schema of its recipe, what is trained on, and how its networks come about."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from lbrn.errors import InputError
from lbrn.models.variants import Variant
from lbrn.reproduction.params import Count, Overrides, Params
from lbrn.reproduction.settings import Number, Settings, check, rule

FILE = "workflow/scales.yaml"

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


Schedule = Annotated[OneCycle | Steps, Field(discriminator="kind")]
ScheduleRule = rule(
    "{kind: onecycle, warmup: share} or {kind: steps, milestones: [epochs], factor: share}",
    "schedule: {kind: onecycle, warmup: 0.3}",
)


class Drawn(Settings):
    """How many people or images a stand-in draws for a training set and for a test set."""

    train: Count = Whole
    test: Count = Whole


class Preset(Settings):
    """What one scale means for one task; see the head of workflow/scales.yaml.

    Attributes:
        RECIPE: The schema of the task's complete recipe.
        UNIT: What a stand-in's numbers count, as the fields and overrides are called: `people` or `images`.
        SIZES: Settings of a network that the scale may reduce.
        train_on: Datasets trained on, by the dataset whose test split is predicted.
        families: What a family of networks has otherwise in its recipe.
    """

    RECIPE: ClassVar[type[Settings]]
    UNIT: ClassVar[str]
    SIZES: ClassVar[tuple[str, ...]]

    train_on: dict[str, tuple[str, ...]] = rule(
        "a mapping of dataset to a list of datasets", "train_on: {mpii: [mpii]}"
    )
    recipe: dict[str, Any] = rule("a mapping", "recipe: {input: 64, ...}")
    evaluation: Settings = rule("a mapping", "evaluation: {...}")
    families: dict[str, dict[str, Any]] = Field(
        default={}, description="a mapping of family to recipe values", examples=["families: {}"]
    )

    @property
    def drawn(self) -> Drawn | None:
        """How many people or images a stand-in has; None where there must not be one."""
        counts: Drawn | None = getattr(self, self.UNIT)
        return counts

    @abstractmethod
    def network_for(self, variant: Variant, settings: Mapping[str, Any], knobs: Params, dataset: str) -> dict[str, Any]:
        """Settings for `models.build` at this scale; an override beats the scale, an entry beats the knobs.

        Args:
            variant: The network.
            settings: Full-size settings that the table's entry names.
            knobs: The knobs of params.yaml.
            dataset: Whose test split is predicted.

        Raises:
            InputError: The scale does not say what becomes of a setting, or the network is not possible.
        """

    @staticmethod
    @abstractmethod
    def check_input(recipe: Mapping[str, Any], network: Mapping[str, Any]) -> None:
        """Refuse an input that the network cannot take.

        Args:
            recipe: With `input`, the side of the network's input in pixels.
            network: Settings of the network.

        Raises:
            InputError: The input's side does not fit.
        """

    @staticmethod
    @abstractmethod
    def work(spec: Mapping[str, Any]) -> float:
        """Rough length of a run's training relative to the task's other runs, so that the longest can begin first.

        Args:
            spec: The run's complete spec.
        """

    def evaluation_for(self) -> dict[str, Any]:
        """How a trained network is asked for its predictions, as plain data."""
        return self.evaluation.model_dump(mode="json")

    def run_dataset(self, dataset: str) -> str:
        """What the run is named by that is asked for one test set.

        Args:
            dataset: Whose test split is predicted.
        """
        return dataset

    def run_data(self, dataset: str) -> set[str]:
        """Names of all datasets that such a run is trained or tested on.

        Args:
            dataset: Whose test split is predicted.
        """
        return {*self.train_on[dataset], dataset}

    def recipe_for(self, family: str, overrides: Overrides) -> dict[str, Any]:
        """The complete recipe of a family's networks, as plain data.

        Args:
            family: Family of networks, as in `models.variants`.
            overrides: What params.yaml sets for every run; milestones of a schedule move with the epochs.

        Raises:
            InputError: A value of scales.yaml is wrong.
        """
        merged = {**self.recipe, **self.families.get(family, {})}
        recipe = check(self.RECIPE, merged, FILE).model_dump(mode="json", exclude_none=True)
        if overrides.epochs is not None and "milestones" in recipe["schedule"]:
            share = overrides.epochs / recipe["epochs"]
            recipe["schedule"]["milestones"] = [round(share * epoch) for epoch in recipe["schedule"]["milestones"]]
        chosen = {key: getattr(overrides, key) for key in ("epochs", "batch", "lr", "input")}
        return recipe | {key: value for key, value in chosen.items() if value is not None}

    def reduced(self, size: str, full: int) -> int:
        """A size of the full network at this scale.

        Args:
            size: One of `SIZES`.
            full: Its value in the paper's network.

        Raises:
            InputError: scales.yaml does not say what becomes of this value.
        """
        sizes: Mapping[str, Mapping[int, int]] | None = getattr(self, "network", None)
        if sizes is None:
            return full
        known = sizes[size]
        if full not in known:
            raise InputError(
                f"{FILE}: network.{size} says nothing of full-size value {full}, only of {', '.join(map(str, known))}; "
                f"add a pair such as '{full}: {full}'"
            )
        return known[full]
