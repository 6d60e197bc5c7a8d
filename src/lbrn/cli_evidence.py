"""Commands on what is done and what it means: `lbrn claims`, `explain`, `status`, `doctor`, `report`."""

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


def explain(
    table: Annotated[str, typer.Argument(help="A table's file, such as results/table1.csv, or its number.")],
    row: Annotated[str, typer.Option(help="Label of the row.")],
    column: Annotated[str, typer.Option(help="Label of the column.")],
) -> None:
    """Say where a number of a table comes from: runs, commits, data, environment, and how to remake it."""
    from lbrn.reproduction import explain as explaining
    from lbrn.reproduction import project

    print(explaining.explain(table, row, column, project.find()))


def status() -> None:
    """Say what is done, training and missing for the tables of params.yaml."""
    from lbrn.reproduction import project
    from lbrn.reproduction import status as state

    print(state.status(project.find()))


def doctor(
    scale: Annotated[str | None, typer.Option(help="quick, small or paper; default: that of params.yaml.")] = None,
    calibrate: Annotated[bool, typer.Option(help="Time a few training steps of each network that is missing.")] = True,
) -> None:
    """Check machine, versions, disk and data; say what will work and how long it takes here. Exit status 1 if not."""
    from lbrn.reproduction import doctor as doctoring
    from lbrn.reproduction import project

    checks = doctoring.examine(project.find(), scale, calibrate=calibrate)
    print(doctoring.describe(checks))
    raise SystemExit(int(any(check.level == doctoring.PROBLEM for check in checks)))


def report() -> None:
    """Show all there is as one page, results/report.html: verdicts, tables, figures, speed, runs; needs no network."""
    from lbrn.reproduction import project
    from lbrn.reproduction.report import make

    print(make.make_report(project.find()))


def register(app: typer.Typer) -> None:
    """Add the commands of this file.

    Args:
        app: The program.
    """
    for command in (claims, explain, status, doctor, report):
        app.command()(command)
