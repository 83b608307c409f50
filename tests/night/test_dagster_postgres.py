"""Dagster's own storage on PostgreSQL, as docs/operations.md has it, against a real server."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from pipeline import ROOT
from required_programs import skip_without

EXAMPLE = ROOT / "examples" / "dagster_postgres" / "dagster.yaml"


def postgres_programs() -> Path | None:
    """Where initdb and pg_ctl are: on the path, or where Debian's packages put them."""
    on_path = shutil.which("initdb")
    found = [Path(on_path)] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A PostgreSQL server of its own."""
    programs = postgres_programs()
    if not programs:
        skip_without("there is no PostgreSQL: apt-get install postgresql")
    folder = tmp_path_factory.mktemp("postgres")
    # PostgreSQL refuses to run as root: the package's own user runs it then.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if user:
        if not shutil.which("runuser"):
            skip_without("PostgreSQL does not run as root, and there is no runuser")
        temporary = Path(tempfile.gettempdir())
        for parent in [folder, *folder.parents][:4]:
            if temporary in parent.parents:
                parent.chmod(0o755)
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    data = folder / "data"

    def run(*command: str) -> None:
        subprocess.run([*user, *command], check=True, capture_output=True, cwd=folder)

    run(str(programs / "initdb"), "-D", str(data), "-U", "dagster", "--auth=trust")
    options = f"-p {number} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    run(
        str(programs / "pg_ctl"),
        *("-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start"),
    )
    try:
        yield number
    finally:
        run(str(programs / "pg_ctl"), "-D", str(data), "-m", "fast", "stop")


def test_runs_and_materializations_are_kept_in_postgres(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(EXAMPLE, tmp_path / "dagster.yaml")
    for name, value in {
        "DAGSTER_POSTGRES_URL": f"postgresql+psycopg2://dagster@127.0.0.1:{port}/postgres",
        "DAGSTER_STATE_DIR": str(tmp_path),
        "DAGSTER_HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)

    @dg.asset
    def anything() -> None: ...

    with dg.DagsterInstance.get() as instance:
        assert dg.materialize([anything], instance=instance).success
    with dg.DagsterInstance.get() as instance:
        assert type(instance.event_log_storage).__name__ == "PostgresEventLogStorage"
        assert instance.get_runs_count() == 1
        assert instance.get_latest_materialization_event(anything.key)


def test_the_example_differs_from_the_default_in_its_storage_alone() -> None:
    storages = {"run_storage", "event_log_storage", "schedule_storage", "storage"}
    default, example = (
        {
            name: value
            for name, value in yaml.safe_load(file.read_text()).items()
            if name not in storages
        }
        for file in (ROOT / "dagster.yaml", EXAMPLE)
    )
