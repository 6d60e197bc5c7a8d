"""Figure 3 shows the weights of the real layer."""

import numpy as np
import pytest

from lbrn import models
from lbrn.layers import LocalBinaryConv2d
from lbrn.reproduction.figures.drawings import filters
from lbrn.reproduction.figures.entries import load
from reproduction.figures.checks import check_readable, drawn, gathered
from toy_project import Toy

pytestmark = pytest.mark.project


def layer_of(seed: int, sparsity: float) -> np.ndarray:
    network = models.build("lbrn-s", seed=3, filter_seed=seed, stacks=2, sparsity=sparsity)
    layers = {layer.name: layer for layer in network.modules() if isinstance(layer, LocalBinaryConv2d)}
    return layers[filters.LAYER].weight.numpy()


@pytest.mark.parametrize(("knobs", "seed"), [({"seeds": [4, 5]}, 4), ({"filter_seed": 7, "seeds": [4]}, 7)])
def test_the_weights_are_those_of_the_network_with_the_projects_seed(toy: Toy, knobs, seed: int) -> None:
    toy.knobs(sparsity=0.3, **knobs)
    content = filters.collect(gathered(toy, "figure3"))
    assert content.seed == seed and list(content.examples) == [0.1, 0.3, 0.9]
    weight = layer_of(seed, 0.3)
    assert content.shape == weight.shape == (128, 128, 3, 3)
    shown = {(r["output"], r["input"], r["row"], r["column"]): r["weight"]
             for r in filters.rows(content) if r["sparsity"] == 0.3}  # fmt: skip
    assert len(shown) == 8 * 8 * 9
    assert all(weight[place] == value for place, value in shown.items())
    assert content.nonzero[0.9] == pytest.approx(0.9, abs=1e-5)


def test_the_picture_shows_them_and_can_be_read(toy: Toy) -> None:
    content = filters.collect(gathered(toy, "figure3"))
    for figure in drawn(load(toy.root)["figure3"], content, ""):
        check_readable(figure)
        for axis, weights in zip(figure.axes, content.examples.values(), strict=True):
            sheet = axis.collections[0].get_array()
            assert sheet.shape == (31, 31)
            for out in range(8):
                for into in range(8):
                    assert (sheet[4 * out : 4 * out + 3, 4 * into : 4 * into + 3] == weights[out, into]).all()
