"""What a newcomer does with the library: a ResNet on handwritten digits; a program for a fresh Python, too."""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import nn

import architectures
from lbrn import engine, load, localize, save

TRAINED_ON = 1400

Images = NDArray[np.float32]


def digits() -> tuple[Images, NDArray[np.int64]]:
    """1,797 pictures (N, 1, 8, 8) of 0 .. 1 and their classes."""
    content = load_digits()
    return (content.images[:, None] / 16).astype(np.float32), content.target.astype(np.int64)


def ResNet() -> nn.Module:
    """Ten classes of grey pictures."""
    torch.manual_seed(0)
    return architectures.ResNet(channels=1)


def train(network: nn.Module) -> None:
    """One epoch over the first digits."""
    images, labels = (torch.from_numpy(array[:TRAINED_ON]) for array in digits())
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    order = torch.randperm(TRAINED_ON, generator=torch.Generator().manual_seed(0))
    for chosen in order.split(50):
        loss = F.cross_entropy(network.train()(images[chosen]), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def outputs(network: nn.Module, images: Images) -> Images:
    """What a network answers in evaluation."""
    with torch.no_grad():
        result: Images = network.eval()(torch.from_numpy(images)).numpy()
    return result


def begin(folder: Path) -> None:
    """Convert, train, save; what the network answers goes beside the model."""
    network = ResNet()
    print(localize(network, input_shape=(1, 8, 8)))
    train(network)
    save(network, folder / "model.safetensors")
    np.save(folder / "answers.npy", outputs(network, digits()[0]))


def elsewhere(folder: Path) -> None:
    """Load the model in every way; all answers must be those of the beginning."""
    images, labels = digits()
    expected = np.load(folder / "answers.npy")
    scale = np.abs(expected).max()
    correct = (expected.argmax(1) == labels)[TRAINED_ON:].mean()
    assert correct > 0.4, f"only {correct:.0%} of the digits are right after an epoch"
    assert np.array_equal(outputs(load(folder / "model.safetensors", into=ResNet()), images), expected)
    assert np.abs(outputs(load(folder / "model.safetensors"), images) - expected).max() <= 1e-4 * scale
    assert np.abs(engine.load(folder / "model.safetensors").run(images) - expected).max() <= 1e-4 * scale
    print(f"equal answers; {correct:.0%} of the digits that were not trained on are right")


if __name__ == "__main__":
    {"begin": begin, "elsewhere": elsewhere}[sys.argv[1]](Path(sys.argv[2]))
