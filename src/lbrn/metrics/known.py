"""Every metric that lbrn prints, whatever the task, by its id: what tables and footnotes look definitions up in."""

from collections.abc import Mapping
from typing import Protocol

from lbrn.metrics import definitions, saliency_definitions, topk


class Named(Protocol):
    """A metric with its definition."""

    @property
    def definition(self) -> str:
        """The definition in one sentence."""
        ...

    @property
    def evaluator(self) -> str:
        """Which public evaluator or paper uses it."""
        ...


METRICS: Mapping[str, Named] = {**definitions.METRICS, **topk.METRICS, **saliency_definitions.METRICS}
"""Every definition of every task by its id."""
