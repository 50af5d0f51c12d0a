"""The `retention` command, assembled; and the one place where an error becomes a line with a fix and an exit code.

Exit codes: 0 done, 1 failed, 2 wrong use. What a command does lives in the modules that register it.
"""

import os
import sys
from importlib import import_module
from importlib.util import find_spec

import typer
from pydantic import ValidationError

from retention_assets.errors import RetentionError

app = typer.Typer(
    name="retention",
    help="A customer-retention platform as one asset graph. Settings are RETENTION_* variables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for name in ("services", "status", "doctor", "run", "simulate", "train_table"):
    if find_spec(f"retention_assets.cli.{name}"):
        import_module(f"retention_assets.cli.{name}").register(app)


def main() -> None:
    try:
        app()
    except RetentionError as error:
        sys.exit(_fail(error.problem, error.fix, code=error.exit_code))
    except ValidationError as error:
        if error.title != "Settings":
            raise
        wrong = "; ".join(
            f"RETENTION_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}"
            for item in error.errors()
        )
        sys.exit(
            _fail(f"Settings are not valid: {wrong}.", "Mend or unset these variables.", code=2)
        )
    except BrokenPipeError:  # The reader of our output went away, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _fail(problem: str, fix: str, code: int) -> int:
    print(f"{' '.join(problem.split())} Fix: {fix}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
