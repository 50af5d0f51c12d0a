"""Which versions of which tables a model is made from."""

from datetime import date
from pathlib import Path

import pyarrow as pa

from retention_assets.resources.small_tables import append_small
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile
from retention_assets.training.model_card.provenance import (
    example_inputs,
    read_provenance,
    tables_of_model,
)
from retention_assets_tests.modeling.factories import churn

PROFILE = load_profile(Settings(source="simulated"))


def test_versions_and_definitions_are_those_of_the_tables(tmp_path: Path) -> None:
    root = str(tmp_path)
    for number in range(3):
        append_small(root, "training/churn_examples", pa.table({"number": [number]}))
    append_small(root, "validated/watermark", pa.table({"watermark": [date(2024, 3, 4)]}))
    definitions = {"training/churn_examples": "d1", "raw/customers": "d2"}
    provenance = read_provenance(root, tables_of_model(PROFILE, churn()), definitions)
    assert provenance.tables == {"training/churn_examples": 2, "validated/watermark": 0}
    assert provenance.definitions == {"training/churn_examples": "d1"}
    assert provenance.watermark == "2024-03-04"
    assert provenance.code.package == "0.1.0"


def test_lake_without_tables_has_no_versions(tmp_path: Path) -> None:
    provenance = read_provenance(str(tmp_path), tables_of_model(PROFILE, churn()), {})
    assert (provenance.tables, provenance.watermark) == ({}, None)


def test_tables_are_examples_scores_and_their_inputs() -> None:
    tables = tables_of_model(PROFILE, churn())
    assert tables[0] == "training/churn_examples"
    assert set(example_inputs(PROFILE)) < set(tables)
    others = {"training/churn_xgboost", "features/daily_activity", "validated/churn_events"}
    assert others <= set(tables)
