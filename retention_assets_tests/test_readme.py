"""The README's profile reads files, its commands and its Python are run by tests, and
its paths exist.
"""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml

from retention_assets.features.availability import model_features
from retention_assets.features.store import FeatureStore
from retention_assets.ingestion.arrival_times import first_sights
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.online import OnlineStore
from retention_assets.settings import Settings, variable
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.profile import FileOptions, StreamSource, TableSource
from retention_assets_tests.features.factories import Facts, customer, tile, write_facts
from retention_assets_tests.ingestion.factories import read_table
from retention_assets_tests.serve.redis_server import RedisServer

GRAPH = Path(__file__).parent / "graph.txt"
README = (Path(__file__).parents[1] / "README.md").read_text()
ORDERS = """order,customer,time,total
1001,ann,2024-01-02 10:00:00,20.5
1002,bob,2024-01-03 11:00:00,7.25
1003,ann,2024-02-01 09:30:00,12.0
"""
OUTCOMES = """customer,as_of,outcome,known_on
ann,2024-02-01,0,2024-05-03
bob,2024-02-01,1,2024-04-20
"""


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.remove()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every shell command that the README tells a user to type, also those within sentences."""
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    return lines + re.findall(r"Then `([^`]+)`", README)


def test_readme_profile_reads_files(tmp_path: Path, lake: Lake) -> None:
    example, *_ = blocks("yaml")
    assert len([line for line in example.splitlines() if not line.startswith("#")]) <= 10
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "all.csv").write_text(ORDERS)
    (tmp_path / "shop.yaml").write_text(example)
    profile = load_profile(
        Settings(home=tmp_path / "home", source=str(tmp_path / "shop.yaml"), data_dir=None)
    )
    sales = read_table(lake.spark, profile, "transactions").orderBy("order_id").collect()
    assert [(row["customer_id"], row["amount"], row["kind"]) for row in sales] == [
        ("ann", 20.5, "sale"),
        ("bob", 7.25, "sale"),
        ("ann", 12.0, "sale"),
    ]
    orders = read_table(lake.spark, profile, "customers")
    customers = first_sights(orders, None, profile.start).orderBy("customer_id")
    assert [(row["customer_id"], str(row["arrival_date"])) for row in customers.collect()] == [
        ("ann", "2024-01-02"),
        ("bob", "2024-01-03"),
    ]
    assert {"recency_days", "avg_order_value", "purchase_frequency_90d"} <= set(
        model_features(profile.tables)
    )


def test_readme_profile_with_labels_reads_outcomes(tmp_path: Path, lake: Lake) -> None:
    """With the tables of the first example."""
    shop, _, _, example, _ = map(yaml.safe_load, blocks("yaml"))
    content = shop | example | {"tables": shop["tables"] | example["tables"]}
    for folder, text in (("orders", ORDERS), ("outcomes", OUTCOMES)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "all.csv").write_text(text)
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(content))
    profile = load_profile(
        Settings(home=tmp_path / "home", source=str(tmp_path / "shop.yaml"), data_dir=None)
    )
    outcomes = read_table(lake.spark, profile, "churn_labels").collect()
    columns = ("customer_id", "event_ts", "ingested_ts", "churned")
    rows = [tuple(str(row[name]) for name in columns) for row in outcomes]
    assert sorted(rows) == [
        ("ann", "2024-02-01 00:00:00", "2024-05-03 00:00:00", "False"),
        ("bob", "2024-02-01 00:00:00", "2024-04-20 00:00:00", "True"),
    ]


def test_readme_options_are_options_of_a_table() -> None:
    _, example, replaced, _, streamed = map(yaml.safe_load, blocks("yaml"))
    options = FileOptions(**example["options"])
    assert (options.delimiter, options.decimal, options.encoding) == (";", ",", "cp1252")
    assert TableSource(path="customers.csv", **replaced).changed_files == "replace"
    assert StreamSource(**streamed["stream"]).tables == ("transactions",)


# Run on the shared running platform by acceptance/test_first_run.py.
RUN_HERE = {
    ".venv/bin/retention status",
    ".venv/bin/retention leaderboard",
    ".venv/bin/retention model",
    ".venv/bin/retention predict",
    ".venv/bin/retention doctor",
}
# `make run` and `make down` are run there as well, `train-table` by cli/test_train_table.py, and
# `source check` by cli/source/test_check.py.
# test_online_retail.py reads Online Retail. The profile of `run --source` is read above.
RUN_ELSEWHERE = {
    "make run",
    "make down",
    "RETENTION_HOME=.retention-invoices RETENTION_SOURCE=online_retail RETENTION_DATA_DIR=data"
    " make run",
    "RETENTION_HOME=.retention-shop .venv/bin/retention run --source shop.yaml",
    ".venv/bin/retention source check shop.yaml",
    ".venv/bin/retention train-table customers.csv --label churned --id customer_id --out report",
}


def test_readme_python_uses_the_features(
    tmp_path: Path,
    own_lake: Lake,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """On a home with the two customers of the example."""
    (example,) = blocks("python")
    profile = Platform.of(Settings(home=tmp_path / "home", source="simulated")).profile
    customers = [customer(name, day=10, plan="basic") for name in ("C0000001", "C0000002")]
    facts = Facts([tile("C0000001", day=60, purchases=1)], customers)
    write_facts(own_lake, facts, watermark=date(2024, 9, 30))
    store = FeatureStore(own_lake, profile, OnlineStore(redis_server.url, "readme", ttl_days=1))
    store.create_feature_tables()
    store.publish_online()
    monkeypatch.setattr(FeatureStore, "of", lambda _: store)
    exec(compile(example, "README.md", "exec"), {})
    output = capsys.readouterr().out
    assert "'recency_days': 94.0" in output and "'state': 'active'" in output


def test_every_readme_command_is_run_by_a_test() -> None:
    assert set(commands()) == RUN_HERE | RUN_ELSEWHERE


STAGES = "automation|features|ingestion|modeling|resources|serve|sources|training|validation|value"


@pytest.mark.parametrize("path", re.findall(rf"`((?:{STAGES})/[\w./]*\w/?)`", README))
def test_readme_paths_exist(path: str) -> None:
    """Of files, or of assets in the graph."""
    clone = Path(__file__).parents[1]
    assets = {line.split()[0] for line in GRAPH.read_text().splitlines() if line[:1].strip()}
    in_clone = (clone / "retention_assets" / path).exists() or (clone / path).exists()
    assert in_clone or path in assets


def test_readme_settings_exist() -> None:
    fields = {variable(name) for name in Settings.model_fields}
    assert set(re.findall(r"RETENTION_[A-Z_]*[A-Z]", README)) <= fields
