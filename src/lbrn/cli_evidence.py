"""Commands on what is done and what it means: `lbrn claims`."""

from typing import Annotated

import typer


def claims(
    names: Annotated[list[str] | None, typer.Argument(help="Claims to print, such as C8; all without.")] = None,
) -> None:
    """Judge every claim of the paper by the strongest results there are: results/claims.csv, .md, .json."""
    from lbrn.reproduction import project
    from lbrn.reproduction.claims import judge, plan, write

    root = project.find().root
    verdicts = judge.judge(root)
    known = [verdict.claim.id for verdict in verdicts]
    for name in names or ():
        plan.check_known(name, known, "the command line")
    for verdict in verdicts:
        if not names or verdict.claim.id in names:
            print(write.line(verdict))
    for path in write.write(verdicts, root / "results"):
        print(path)


def register(app: typer.Typer) -> None:
    """Add the commands of this file.

    Args:
        app: The program.
    """
    for command in (claims,):
        app.command()(command)
