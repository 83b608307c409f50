"""What tests of Spark share."""

from collections.abc import Iterator

import pytest
import spark_cluster
from required_programs import skip_without
from spark_cluster import Cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Spark in one process, with tables of the module's own."""
    if not spark_cluster.is_installed():
        skip_without("Spark is not installed; `make spark` does so, and needs Java 17")
    with spark_cluster.running(tmp_path_factory.mktemp("spark"), is_one_process=True) as running:
        yield running


@pytest.fixture
def asked(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process asks the cluster, as health does."""
    monkeypatch.setenv("HEALTH_SPARK_PORT", str(cluster.port))
    with cluster.cursor():  # brings the client
        yield
