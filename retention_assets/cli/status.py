"""`retention status`: services, watermark, champion and deployment on one screen. What is not there yet is null."""

import json
from pathlib import Path
from typing import Any

import typer

from retention_assets.settings import Settings

TASKS = ("churn",)
WATERMARK = "validated/watermark"


def register(app: typer.Typer) -> None:
    app.command()(status)


def status(as_json: bool = typer.Option(False, "--json", help="For a machine to read.")) -> None:
    """Show services, watermark, champion and deployment."""
    state = read_state(Settings())
    typer.echo(json.dumps(state, indent=2)) if as_json else _show(state)


def read_state(settings: Settings) -> dict[str, Any]:
    """The document that `status --json` prints."""
    from retention_assets.services import catalog as services

    states = services.status(settings)
    return {
        "home": str(settings.home),
        "source": settings.source,
        "services": {state.name: {"up": state.up, "address": state.address} for state in states},
        "watermark": _watermark(settings),
        "champion": {task: _champion(settings, task) for task in TASKS},
        "deployment": _deployment(settings),
    }


def _watermark(settings: Settings) -> str | None:
    """The last closed day of the data, as the watermark asset last recorded it."""
    if not (settings.dagster_home / "dagster.yaml").exists():
        return None
    import dagster as dg

    from retention_assets.services.instance import open_instance

    with open_instance(settings) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey.from_user_string(WATERMARK))
    made = event.asset_materialization if event else None
    return str(made.metadata["watermark"].value) if made and "watermark" in made.metadata else None


def _champion(settings: Settings, task: str) -> dict[str, str] | None:
    uri = settings.tracking_uri
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        return None
    from retention_assets.resources.registry import Registry

    champion = Registry.of(settings).champion(task)
    return (
        {"version": champion.version, "digest": champion.digest, "candidate": champion.candidate}
        if champion
        else None
    )


def _deployment(settings: Settings) -> dict[str, Any] | None:
    """What answers over HTTP now; None when nothing does."""
    import httpx

    from retention_assets.resources.deployer import json_object
    from retention_assets.services.api_keys import api_keys

    keys = api_keys(settings, create=False)
    headers = {"Authorization": f"Bearer {keys[0]}"} if keys else {}
    url = f"http://{settings.host}:{settings.serve_port}"
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=3, trust_env=False) as client:
            model, ready = client.get("/model"), client.get("/ready")
    except httpx.HTTPError:
        return None
    told = json_object(model) if model.is_success else {}
    return (
        {"version": told["model_version"], "healthy": ready.is_success, "url": url}
        if "model_version" in told
        else None
    )


def _show(state: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, service in state["services"].items():
        table.add_row(name, "[green]up[/]" if service["up"] else "[red]down[/]", service["address"])
    table.add_row()
    table.add_row("watermark", "", state["watermark"] or "none yet: `retention run`")
    for task, champion in state["champion"].items():
        known = (
            f"{task} version {champion['version']}, {champion['candidate']}, {champion['digest'][:12]}"
            if champion
            else None
        )
        table.add_row("champion", "", known or f"{task}: none yet")
    deployed = state["deployment"]
    mark = "" if not deployed else "[green]ready[/]" if deployed["healthy"] else "[red]not ready[/]"
    table.add_row(
        "deployment",
        mark,
        f"version {deployed['version']} at {deployed['url']}" if deployed else "none",
    )
    console = Console()
    console.print(f"[bold]{state['home']}[/], source {state['source']}", highlight=False)
    console.print(table, highlight=False)
