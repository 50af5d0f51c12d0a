"""The `retention` command, and the only place where an error becomes one line with a fix.

Exit codes: 0 done, 1 failed, 2 wrong use. The commands are in the modules that register them.
"""

import os
import sys

import typer
from pydantic import ValidationError

from retention_assets.cli import (
    doctor,
    leaderboard,
    model,
    predict,
    rollback,
    run,
    services,
    simulate,
    status,
    train_table,
)
from retention_assets.cli.source import check, forget
from retention_assets.errors import RetentionError
from retention_assets.settings import variable

app = typer.Typer(
    name="retention",
    help="A customer-retention platform as one asset graph. Settings are RETENTION_* variables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
MODULES = (services, run, predict, leaderboard, model, rollback, status, doctor)
for module in (*MODULES, simulate, train_table):
    module.register(app)
source = typer.Typer(
    help="Check a source's profile; remove files that it no longer has.", no_args_is_help=True
)
check.register(source)
forget.register(source)
app.add_typer(source, name="source")


def main() -> None:
    # Also for the services and runs that it starts. Steps, Spark and a forest share a few cores: a
    # thread of OpenMP that waits by spinning takes them from the others.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except RetentionError as error:
        sys.exit(_fail(error.problem, error.fix, code=error.exit_code))
    except ValidationError as error:
        if error.title != "Settings":
            raise
        invalid = "; ".join(
            f"{variable('_'.join(map(str, item['loc'])))}: {item['msg']}" for item in error.errors()
        )
        fix = "Correct or unset these variables."
        sys.exit(_fail(f"Settings are not valid: {invalid}.", fix, code=2))
    except BrokenPipeError:  # The reader of our output has ended, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _fail(problem: str, fix: str, code: int) -> int:
    """Prints the error as one line to stderr and returns the exit code."""
    print(f"{' '.join(problem.split())} Fix: {fix}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
