# Settings and names, from the package beside this workflow; no rules.
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

SOURCE = Path(workflow.current_basedir).resolve().parents[1] / "src"
sys.path.insert(0, str(SOURCE))

from lbrn.errors import InputError
from lbrn.reproduction import book, code_version, dag, project, stale_locks
from lbrn.reproduction.figures import plan


def told(function, *arguments):
    """Call; what the user can mend ends the run with one line, as in every command of lbrn."""
    try:
        return function(*arguments)
    except InputError as error:
        sys.exit(f"lbrn: {error}")


if config:
    sys.exit(
        "lbrn: --config and --configfile are not used here; write the knobs into params.yaml, or use dvc exp run -S"
    )

PLAN = told(lambda: dag.Dag(book.load(project.find())))
config.update(PLAN.book.params.model_dump(mode="json"))  # for the captions of --report


workdir: PLAN.project.root


# Killed means resumed: no `snakemake --unlock` first. Processes that Snakemake starts for single jobs leave locks alone.
if workflow.is_main_process:
    stale_locks.clear(PLAN.project.root / ".snakemake")


def as_json(value):
    return json.dumps(value, separators=(",", ":"))


# Passed on, so that an edit of params.yaml while the workflow runs cannot mix two settings.
KNOBS = as_json(PLAN.book.params.model_dump(mode="json"))


# A shell function, not a variable in the rules' commands: where Python lies is no part of what a command means. So with
# the knobs, for those rules whose params say which of them matter.
LBRN = dag.command(SOURCE)
SHELL_PREFIX = (
    f'set -euo pipefail; lbrn() {{ {LBRN} "$@"; }}; LBRN_KNOBS={shlex.quote(KNOBS)}; '
)
shell.prefix("{SHELL_PREFIX}")

RUNS = PLAN.place(PLAN.project.runs)
DATA = PLAN.place(PLAN.project.data)


wildcard_constraints:
    key=r"[^/]+/[^/]+/[^/]+",
    folder=r"[^/]+",
    n=r"\d+",


def scores_of(keys):
    return [f"{RUNS}/{key}/scores.json" for key in keys]


def follow_runs():
    """With LBRN_MLFLOW=live, show curves while training; the process ends with this one."""
    if os.environ.get("LBRN_MLFLOW") == "live":
        watch = f"exec {LBRN} track --follow --parent {os.getpid()}"
        subprocess.Popen(["bash", "-c", watch], start_new_session=True)
