"""`retention status`: services, watermark, champion and deployment on one screen. Changes nothing.

What does not exist yet is null.
"""

import json
from dataclasses import asdict
from typing import Any

import typer

from retention_assets.errors import RetentionError
from retention_assets.keys import CHURN
from retention_assets.settings import Settings

TASKS = (CHURN,)


def register(app: typer.Typer) -> None:
    app.command()(status)


def status(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Show services, watermark, champion and deployment."""
    state = read_state(Settings())
    if as_json:
        typer.echo(json.dumps(state, indent=2))
    else:
        show_state(state)


def read_state(settings: Settings) -> dict[str, Any]:
    """The document that `status --json` prints."""
    from retention_assets.services import catalog as services
    from retention_assets.sources.home_source import with_home_source

    settings = with_home_source(settings)
    states = services.status(settings)
    return {
        "home": str(settings.home),
        "source": settings.source,
        "services": {state.name: {"up": state.up, "address": state.address} for state in states},
        "watermark": _watermark(settings),
        "champion": {task: _champion(settings, task) for task in TASKS},
        "deployment": _deployment(settings),
        **({"stream": _stream(settings)} if settings.stream else {}),
        "contract_changes": _contract_changes(settings),
    }


def _contract_changes(settings: Settings) -> list[str]:
    """How settings, profile and code differ from what the home's assets were made by."""
    from retention_assets.automation.contract import changes_of, home_contract
    from retention_assets.platform import Platform

    if home_contract(settings.home) is None:
        return []
    try:
        return list(map(str, changes_of(Platform.of(settings))))
    except RetentionError as error:  # such as a profile that is not there any more
        return [error.problem]


def _watermark(settings: Settings) -> str | None:
    """The last closed day of the data, as the watermark asset last recorded it."""
    if not (settings.dagster_home / "dagster.yaml").exists():
        return None
    from retention_assets.automation import backlog
    from retention_assets.services.instance import open_instance

    with open_instance(settings) as instance:
        day = backlog.watermark(instance)
    return str(day) if day else None


def _stream(settings: Settings) -> dict[str, Any] | None:
    """What the stream has done; None: it has not run yet."""
    from retention_assets.features.stream.progress import progress_file, read_progress

    progress = read_progress(progress_file(settings.stream_dir))
    return asdict(progress) if progress else None


def _champion(settings: Settings, task: str) -> dict[str, str] | None:
    from retention_assets.resources.registry import Registry

    registry = Registry.of(settings)
    champion = registry.champion(task) if registry.exists() else None
    return (
        {"version": champion.version, "digest": champion.digest, "candidate": champion.candidate}
        if champion
        else None
    )


def _deployment(settings: Settings) -> dict[str, Any] | None:
    """The model that answers over HTTP now; None when nothing answers."""
    import httpx

    from retention_assets.resources.deployer import Deployer, json_object
    from retention_assets.services.api_keys import api_keys

    keys = api_keys(settings, create=False)
    headers = {"Authorization": f"Bearer {keys[0]}"} if keys else {}
    url = Deployer.of(settings).url
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=3, trust_env=False) as client:
            model = client.get("/model")
            ready = client.get("/ready")
    except httpx.HTTPError:
        return None
    card = json_object(model) if model.is_success else {}
    if "model_version" not in card:
        return None
    return {"version": card["model_version"], "healthy": ready.is_success, "url": url}


def show_state(state: dict[str, Any]) -> None:
    """Prints what `read_state` returns for a person to read."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    services = state["services"]
    for name, service in services.items():
        table.add_row(name, "[green]up[/]" if service["up"] else "[red]down[/]", service["address"])
    table.add_row()
    table.add_row("watermark", "", state["watermark"] or "none yet")
    for task, champion in state["champion"].items():
        table.add_row("champion", "", _champion_text(task, champion))
    table.add_row("deployment", *_deployment_texts(state["deployment"]))
    if "stream" in state:
        table.add_row("stream", "", _stream_text(state["stream"]))
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{state['home']}[/], source {state['source']}")
    console.print(table)
    if not any(service["up"] for service in services.values()):
        console.print("\nNo service is running. `retention up` starts the services.")
    if not state["watermark"]:
        console.print("\nNo data has been read yet. `retention run` reads the source.")
    if changes := state["contract_changes"]:
        console.print("\nThe contract has changed; `retention run` carries it through:")
        from retention_assets.automation.contract import first_lines

        for line in first_lines(changes):
            console.print(f"  {line}", markup=False)


def _champion_text(task: str, champion: dict[str, str] | None) -> str:
    if not champion:
        return f"{task}: none yet"
    digest = champion["digest"][:12]
    return f"{task} version {champion['version']}, {champion['candidate']}, {digest}"


def _stream_text(stream: dict[str, Any] | None) -> str:
    if not stream:
        return "nothing taken yet"
    if stream["problem"]:
        return f"{stream['open_rows']} open rows wait: {stream['problem']}"
    latency = stream["latency_p99_s"]
    speed = "" if latency is None else f", 99 % of them online within {latency:.1f} s"
    return f"{stream['rows']} rows{speed}; {stream['open_rows']} wait for the daily run"


def _deployment_texts(deployment: dict[str, Any] | None) -> tuple[str, str]:
    if not deployment:
        return "", "none"
    mark = "[green]ready[/]" if deployment["healthy"] else "[red]not ready[/]"
    return mark, f"version {deployment['version']} at {deployment['url']}"
