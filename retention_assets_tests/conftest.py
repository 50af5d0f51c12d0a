"""What several folders' tests share: one lake and so one Spark session per worker, real data, and
the order in which files are run.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from retention_assets.resources.lake import Lake, give_main_module_a_file
from retention_assets.resources.registry import Registry
from retention_assets.settings import Settings
from retention_assets_tests import shared_java, spark_options
from retention_assets_tests.spark_options import INTERPRETED

DATA_DIR = Settings().data_dir or Path(__file__).parents[2] / "shared" / "data"
ACCEPTANCE_TIMEOUT_S = 1800
ACCEPTANCE = Path(__file__).parent / "acceptance"
ONLINE_RETAIL = Path(__file__).parent / "test_online_retail.py"

# Also for the processes that tests start. `make acceptance` compiles queries, as production does.
os.environ.setdefault(spark_options.VARIABLE, INTERPRETED)
# Two workers with two threads each share two cores: a thread that waits must not spin.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
give_main_module_a_file()  # the suite's workers are spawned, as Dagster's runs are
for name in [name for name in os.environ if name.startswith("RETENTION_")]:
    del os.environ[name]  # the suite must not touch a platform that its user runs
# A test of the search says how many trials it needs; the others train with declared parameters.
os.environ["RETENTION_SEARCH_TRIALS"] = "1"


_java: dict[str, str] = {}


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Called for each worker, in the process that hands out the tests. Java's own log is
    .pytest_cache/d/spark/java.log.
    """
    if not _java:
        _java.update(shared_java.start(node.config.cache.mkdir("spark")))
    node.workerinput["java"] = _java


class FileScheduling(LoadFileScheduling):
    """Hands out whole files. The acceptance tests share a running platform, so they are as one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "acceptance" if "/acceptance/" in file else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileScheduling:
    return FileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, so that two workers end at about the same time."""
    items.sort(key=_place)  # stable: within a file the order stays
    for item in items:
        if ACCEPTANCE in item.path.parents:
            item.add_marker(pytest.mark.timeout(ACCEPTANCE_TIMEOUT_S))


def _place(item: pytest.Item) -> int:
    if ACCEPTANCE in item.path.parents:
        return 0
    return 1 if item.path == ONLINE_RETAIL else 2


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, there or not."""
    return DATA_DIR


@pytest.fixture(scope="session")
def online_retail_dir() -> Path:
    """The folder of the real invoices. Tests that need it are skipped where it is missing."""
    if not (DATA_DIR / "online_retail" / "by-day").is_dir():
        pytest.skip(
            f"no Online Retail files in {DATA_DIR}: set RETENTION_DATA_DIR to where they lie"
        )
    return DATA_DIR


@pytest.fixture(scope="session")
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake in a new folder, on a small local Spark. Tests share it; each writes its own keys."""
    new = shared_java.small_lake(tmp_path_factory.mktemp("lake"))
    worker = getattr(request.config, "workerinput", None)
    if worker:
        new._session = shared_java.session_in(worker["java"], new)
    return new


@pytest.fixture(scope="session")
def registry_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Settings], Registry]:
    """Registries whose database has MLflow's tables already: making them takes two seconds."""
    template = Settings(home=tmp_path_factory.mktemp("registry"))
    Registry.of(template).prepare()

    def registry_with_tables(settings: Settings) -> Registry:
        database = _database(settings)
        database.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_database(template), database)
        return Registry.of(settings)

    return registry_with_tables


def _database(settings: Settings) -> Path:
    return Path(settings.tracking_uri.removeprefix("sqlite:///"))


def _lake_in(folder: Path, lake: Lake) -> Lake:
    new = Lake(root=str(folder / "lake"), home=lake.home, spark_conf=lake.spark_conf)
    new._session = lake.spark
    return new


@pytest.fixture
def own_lake(lake: Lake, tmp_path: Path) -> Lake:
    """A lake for one test, in the worker's Spark session."""
    return _lake_in(tmp_path, lake)


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Lake], Lake]:
    """Copies a lake's tables into the test's folder, where it may change them."""

    def copy(lake: Lake) -> Lake:
        shutil.copytree(lake.root, tmp_path / "lake")
        return _lake_in(tmp_path, lake)

    return copy


@pytest.fixture(scope="module")
def module_lake(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake for one module, for tables that its tests share."""
    return _lake_in(tmp_path_factory.mktemp("module"), lake)
