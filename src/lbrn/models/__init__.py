"""The networks of the paper. `build` and `block` load torch only when they are used; `variants` never does."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lbrn.models.registry import block, build

__all__ = ["block", "build"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from lbrn.models import registry

        return getattr(registry, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
