"""Optimisers and learning-rate schedules, as pure functions of the recipe and the step."""

import math
from collections.abc import Mapping
from typing import Any

from torch import nn, optim

from lbrn.errors import InputError


def optimiser(network: nn.Module, recipe: Mapping[str, Any]) -> optim.Optimizer:
    """Make the recipe's optimiser over the trainable parameters.

    Args:
        network: The network; fixed filters are buffers and so never seen here.
        recipe: Keys `optimiser` (rmsprop | adam | sgd) and `lr`; for rmsprop `alpha` and `eps` too, for sgd (with
            Nesterov's momentum) `momentum` and `weight_decay`.

    Raises:
        InputError: Unknown optimiser.
    """
    kind = recipe["optimiser"]
    if kind == "rmsprop":
        return optim.RMSprop(network.parameters(), lr=recipe["lr"], alpha=recipe["alpha"], eps=recipe["eps"])
    if kind == "adam":
        return optim.Adam(network.parameters(), lr=recipe["lr"], fused=True)
    if kind == "sgd":
        decay, momentum = recipe["weight_decay"], recipe["momentum"]
        return optim.SGD(network.parameters(), recipe["lr"], momentum, weight_decay=decay, nesterov=True, fused=True)
    raise InputError(f"recipe.optimiser is {kind!r}; use rmsprop, adam or sgd")


def learning_rate(recipe: Mapping[str, Any], step: int, steps_per_epoch: int) -> float:
    """Learning rate of one optimiser step.

    Args:
        recipe: Keys `lr`, `epochs` and `schedule`: {kind: onecycle, warmup: fraction} rises and falls by half cosines
            from lr / 25 to lr to lr / 10,000; {kind: steps, milestones: [epochs], factor: f} multiplies by f at each.
        step: 0-based number of the optimiser step.
        steps_per_epoch: Optimiser steps in one epoch.

    Raises:
        InputError: Unknown schedule.
    """
    schedule, peak = recipe["schedule"], float(recipe["lr"])
    if schedule["kind"] == "steps":
        passed = sum(step // steps_per_epoch >= milestone for milestone in schedule["milestones"])
        return peak * math.pow(schedule["factor"], passed)
    if schedule["kind"] == "onecycle":
        total = recipe["epochs"] * steps_per_epoch - 1
        top = max(1.0, schedule["warmup"] * total)
        if step <= top:
            return _half_cosine(peak / 25, peak, step / top)
        return _half_cosine(peak, peak / 1e4, (step - top) / max(1.0, total - top))
    raise InputError(f"recipe.schedule.kind is {schedule['kind']!r}; use onecycle or steps")


def _half_cosine(start: float, end: float, fraction: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, fraction))) / 2
