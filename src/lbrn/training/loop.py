"""The training loop: any task, resumable to the bit, one progress line a user can plan by."""

import logging
import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lbrn import modelfile
from lbrn.errors import LbrnError
from lbrn.files import sha256_file, write_json
from lbrn.layers import filter_digest
from lbrn.tasks.base import Spec, Task
from lbrn.training import curves
from lbrn.training import folder as run_folder
from lbrn.training.checkpoint import Checkpoints
from lbrn.training.progress import Progress
from lbrn.training.schedule import learning_rate, optimiser

log = logging.getLogger(__name__)

ORDER_STREAM = 0  # which Philox stream of a run's seed shuffles the samples; tasks use others


class DivergedError(LbrnError):
    """The loss is no longer a number."""


def train(
    task: Task, spec: Spec, folder: Path, *, data: dict[str, str], checkpoint_seconds: float = 30.0, wait: bool = False
) -> None:
    """Train one run to its end, going on from its newest checkpoint.

    Leaves `model.safetensors`, `history.csv`, `curves.png` and, last, `done.json`. Killed at any moment and called
    again it ends in the same bits as without the kill (CPU, same thread count and versions).

    Args:
        task: The task, made from the same spec.
        spec: The run's complete spec. `gradient_limit` in its recipe, where it is, is the largest magnitude that any
            number of a gradient may have; larger ones are cut to it.
        folder: The run folder.
        data: Digest of each prepared dataset; recorded, and compared on resuming.
        checkpoint_seconds: A checkpoint at least this often, and at the end of each epoch; 0 for every step.
        wait: Wait for another process that trains this run, and go on where it ends, instead of refusing.

    Raises:
        DivergedError: The loss became NaN or infinite; the offending samples are named in `diverged.json`.
        InputError: Another process trains this run, or its checkpoints are damaged.
    """
    torch.use_deterministic_algorithms(True)
    # Filling memory that is about to be written anyway costs an eighth of a step and changes no bit.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    with run_folder.exclusive(folder, wait=wait):
        run_folder.write_spec(folder, spec)
        if (folder / run_folder.DONE).exists():
            return
        run_folder.remove_temporaries(folder)
        run = _Run(task, spec, folder, data, checkpoint_seconds)
        run.resume()
        run.train()
        run.finish()


class _Run:
    """One training: the state that a checkpoint holds, and the steps that change it."""

    def __init__(self, task: Task, spec: Spec, folder: Path, data: dict[str, str], checkpoint_seconds: float) -> None:
        self.task, self.spec, self.folder, self.data = task, spec, folder, data
        self.checkpoint_seconds = checkpoint_seconds
        self.recipe = spec["recipe"]
        self.network = task.build()
        self.optimiser = optimiser(self.network, self.recipe)
        self.checkpoints = Checkpoints(folder / "checkpoint")
        self.batches_per_epoch: int = math.ceil(len(task) / self.recipe["batch"])
        self.step = 0
        self.loss_sum = 0.0
        self.seconds = 0.0
        self.history: list[dict[str, Any]] = []

    def resume(self) -> None:
        state = self.checkpoints.load()
        if state is None:
            return
        identity = {"filters": filter_digest(self.network), "data": self.data}
        if state["identity"] != identity:
            raise LbrnError(
                f"the checkpoints in {self.checkpoints.folder} were made with other fixed filters or other data "
                f"than this run now has; remove that folder to train from the beginning"
            )
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.loss_sum = state["step"], state["loss_sum"]
        self.seconds, self.history = state["seconds"], state["history"]
        log.info("resumed at step %d of %d", self.step, self.total_steps)

    @property
    def total_steps(self) -> int:
        return int(self.recipe["epochs"]) * self.batches_per_epoch

    def save(self) -> None:
        state = {
            "identity": {"filters": filter_digest(self.network), "data": self.data},
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "loss_sum": self.loss_sum,
            "seconds": self.seconds,
            "history": self.history,
        }
        self.checkpoints.save(self.step, state)

    def train(self) -> None:
        began = saved = time.monotonic()
        before = self.seconds
        with Progress(self.folder.name, self.total_steps, self.step) as progress:
            for epoch, samples in self._remaining_batches():
                loss = self._one_step(epoch, samples)
                progress.advance(f"epoch {epoch + 1}/{self.recipe['epochs']} loss {loss:.5f}")
                now = time.monotonic()
                self.seconds = before + now - began
                if self.step % self.batches_per_epoch == 0:
                    self._end_epoch(epoch, progress)
                elif now - saved < self.checkpoint_seconds:
                    continue
                self.save()
                saved = time.monotonic()

    def _remaining_batches(self) -> Iterable[tuple[int, NDArray[np.int64]]]:
        size = self.recipe["batch"]
        while self.step < self.total_steps:
            epoch, first = divmod(self.step, self.batches_per_epoch)
            bits = np.random.Philox(key=[self.spec["seed"], ORDER_STREAM], counter=[0, 0, epoch, 0])
            order = np.random.Generator(bits).permutation(len(self.task))
            for batch in range(first, self.batches_per_epoch):
                yield epoch, order[batch * size : (batch + 1) * size]

    def _one_step(self, epoch: int, samples: NDArray[np.int64]) -> float:
        rate = learning_rate(self.recipe, self.step, self.batches_per_epoch)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.network.train()
        inputs, targets = self.task.batch(epoch, samples)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.task.loss(self.network(inputs), targets)
        value = float(loss.detach())
        if not math.isfinite(value):
            write_json(self.folder / "diverged.json", {"step": self.step, "samples": samples.tolist()})
            raise DivergedError(
                f"the loss became {value} at step {self.step} of {self.folder.name}; its samples are listed in "
                f"{self.folder / 'diverged.json'}; try a smaller overrides.lr"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        if "gradient_limit" in self.recipe:
            nn.utils.clip_grad_value_(self.network.parameters(), self.recipe["gradient_limit"])
        self.optimiser.step()
        self.step += 1
        self.loss_sum += value
        return value

    def _end_epoch(self, epoch: int, progress: Progress) -> None:
        row = {"epoch": epoch + 1, "loss": self.loss_sum / self.batches_per_epoch}
        row |= validate(self.task, self.network)
        row |= {
            "lr": learning_rate(self.recipe, self.step - 1, self.batches_per_epoch),
            "seconds": round(self.seconds, 2),
        }
        self.loss_sum = 0.0
        self.history.append(row)
        run_folder.write_history(self.folder, self.history)
        progress.note(" ".join(f"{key} {value:.5g}" for key, value in row.items()))

    def finish(self) -> None:
        model = self.folder / run_folder.MODEL
        modelfile.save(model, self.network, self.spec)
        run_folder.write_history(self.folder, self.history)
        curves.draw(self.history, self.folder / "curves.png", title=self.folder.name)
        done = {
            "digests": {"weights": sha256_file(model), "filters": filter_digest(self.network)},
            "data": self.data,
            "seconds": round(self.seconds, 2),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "environment": run_folder.environment(torch.get_num_threads()),
        }
        write_json(self.folder / run_folder.DONE, done)


def validate(task: Task, network: nn.Module) -> dict[str, float]:
    """Run the task's validation without gradients and in evaluation mode."""
    network.eval()
    with torch.inference_mode():
        return task.validate(network)
