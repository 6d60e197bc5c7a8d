"""`lbrn report`: the page."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from lbrn import __version__
from lbrn.files import write_text
from lbrn.reproduction.project import Project
from lbrn.reproduction.report import curves, gather, pictures, sheets

FILE = "results/report.html"


def make_report(project: Project, budget: int = pictures.BUDGET) -> Path:
    """Write the page.

    Args:
        project: The project.
        budget: Characters that all pictures together may take.

    Returns:
        The file.

    Raises:
        InputError: No table is finished, or something that is there cannot be read; nothing is written then.
    """
    path = project.root / FILE
    write_text(path, render(gather.gather(project, budget)))
    return path


def render(content: gather.Content) -> str:
    """The page as text.

    Args:
        content: All that it shows.
    """
    templates = Environment(
        loader=PackageLoader("lbrn.reproduction.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    fixed = {"version": __version__, "steps": sheets.STEPS, "size": (curves.WIDTH, curves.HEIGHT)}
    return templates.get_template("page.html").render(**vars(content), **fixed)
