"""Schedules against torch's own, and optimisers."""

import pytest
import torch
from torch import nn, optim

from lbrn.errors import InputError
from lbrn.training.schedule import learning_rate, optimiser


def test_onecycle_equals_torch() -> None:
    recipe = {"lr": 3e-3, "epochs": 4, "schedule": {"kind": "onecycle", "warmup": 0.3}}
    parameter = nn.Parameter(torch.zeros(1))
    peer = optim.Adam([parameter], lr=1.0)
    schedule = optim.lr_scheduler.OneCycleLR(peer, max_lr=3e-3, total_steps=40, pct_start=0.3, final_div_factor=400)
    for step in range(40):
        # torch puts the top at 0.3 * 40 - 1, we at 0.3 * 39: compare where both have the same phase ends
        ours = learning_rate(recipe, step, 10)
        assert ours == pytest.approx(schedule.get_last_lr()[0], rel=0.12)
        peer.step()
        schedule.step()
    assert learning_rate(recipe, 0, 10) == pytest.approx(3e-3 / 25)
    assert learning_rate(recipe, 39, 10) == pytest.approx(3e-7)


def test_steps_fall_at_milestones() -> None:
    recipe = {"lr": 2.5e-4, "epochs": 9, "schedule": {"kind": "steps", "milestones": [3, 6], "factor": 0.1}}
    rates = [learning_rate(recipe, epoch * 7 + 6, 7) for epoch in range(9)]
    assert rates == pytest.approx([2.5e-4] * 3 + [2.5e-5] * 3 + [2.5e-6] * 3)


def test_optimisers_take_the_recipes_numbers() -> None:
    network = nn.Linear(2, 2)
    rms = optimiser(network, {"optimiser": "rmsprop", "lr": 2.5e-4, "alpha": 0.99, "eps": 1e-8})
    assert rms.defaults["alpha"] == 0.99 and rms.defaults["momentum"] == 0 and rms.defaults["weight_decay"] == 0
    assert isinstance(optimiser(network, {"optimiser": "adam", "lr": 1e-3}), optim.Adam)
    sgd = optimiser(network, {"optimiser": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4})
    known = {key: sgd.defaults[key] for key in ("lr", "momentum", "weight_decay", "nesterov", "dampening")}
    assert known == {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4, "nesterov": True, "dampening": 0}
    with pytest.raises(InputError, match=r"'sgdd'.*rmsprop, adam or sgd"):
        optimiser(network, {"optimiser": "sgdd", "lr": 1})
    with pytest.raises(InputError, match="onecycle or steps"):
        learning_rate({"lr": 1, "epochs": 1, "schedule": {"kind": "linear"}}, 0, 1)
