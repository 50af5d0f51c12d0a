"""`retention predict`: asks the live deployment about customers and shows its answers."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retention_assets.errors import ServingError
from retention_assets.keys import CHURN_SCORES
from retention_assets.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    app.command()(predict)


def predict(
    customers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CUSTOMER_ID]...", help="Default: the customer at the highest risk."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask the live deployment how likely customers are to leave, why, and what to do."""
    from rich.console import Console

    from retention_assets.resources.deployer import Deployer

    settings = Settings()
    deployer = Deployer.of(settings)
    answers = [deployer.predict(customer) for customer in customers or [default_customer(settings)]]
    if as_json:
        typer.echo(json.dumps(answers, indent=2))
        return
    for answer in answers:
        show_prediction(answer, Console(highlight=False, soft_wrap=True))


def default_customer(settings: Settings) -> str:
    """The customer at the highest risk; any published customer where there are no scores yet.
    Raises ServingError where no customer is published.
    """
    from retention_assets.resources.online import OnlineStore
    from retention_assets.resources.small_tables import read_small

    published = OnlineStore.of(settings).sample_ids(1)
    if not published:
        raise ServingError(
            "No customer's features are published.", "Run the graph first: `retention run`."
        )
    columns = ("customer_id", "churn_probability")
    scores = read_small(settings.lake_root, CHURN_SCORES, columns)
    rows = scores.to_pylist() if scores else ()
    scored = [row for row in rows if row["churn_probability"] is not None]
    if not scored:
        return published[0]
    riskiest = max(scored, key=lambda row: (row["churn_probability"], row["customer_id"]))
    return riskiest["customer_id"]


def show_prediction(answer: dict[str, Any], console: "Console") -> None:
    """Prints an answer of `POST /predict` for a person to read."""
    if answer["churn_probability"] is None:
        risk = f"has {answer['customer_state']} already, no risk to predict"
    else:
        risk = f"{answer['churn_probability']:.1%} likely to leave, risk {answer['risk_level']}"
    console.print(
        f"Customer {answer['customer_id']}: [bold]{risk}[/], as of {answer['features_as_of']}"
    )
    for reason in answer["reasons"]:
        value = "unknown" if reason["value"] is None else f"{reason['value']:.3g}"
        effect = "raises" if reason["effect"] > 0 else "lowers"
        console.print(f"  {reason['feature']} = {value} {effect} the risk")
    for action in answer["recommended_actions"]:
        console.print(f"  Recommended: {action}")
