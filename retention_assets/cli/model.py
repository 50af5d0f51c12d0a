"""`retention model`: the whole record of a registered version, as its card or as JSON."""

import json
from typing import Annotated

import typer

from retention_assets.errors import RegistryError
from retention_assets.keys import CHURN
from retention_assets.settings import Settings


def register(app: typer.Typer) -> None:
    app.command()(model)


def model(
    version: Annotated[
        str | None, typer.Argument(help="Default: the champion.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a model's card: data, metrics, promotion, when it was champion, code, limits."""
    from retention_assets.resources.registry import Registry
    from retention_assets.training.model_card.document import read_document
    from retention_assets.training.model_card.markdown import card_markdown

    registry = Registry.of(Settings())
    if not registry.exists():
        raise RegistryError("There is no model yet.", "Run the graph first: `retention run`.")
    document = read_document(registry, CHURN, version)
    if as_json:
        typer.echo(json.dumps(document.as_json(), indent=2))
        return
    show_markdown(card_markdown(document))


def show_markdown(text: str) -> None:
    """Prints Markdown formatted for a terminal."""
    from rich.console import Console
    from rich.markdown import Markdown

    Console(highlight=False, width=140).print(Markdown(text))
