"""A dbt that is started early does what it is told, and outlives nobody."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pipeline import PROJECT, ROOT

from orchestration.dbt_runner import dbt_process

pytestmark = pytest.mark.usefixtures("dbt_of_its_own")

LIST = ["--quiet", "list", "--resource-type", "seed", "--select", "pillars segments"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "HEALTH_DB_PATH": str(tmp_path / "warehouse.duckdb"),
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_WRITE_JSON": "false",
    }


def test_it_does_what_it_is_told_later(environment: dict[str, str]) -> None:
    dbt_process.start_early(PROJECT, environment)
    [(_, _, early)] = dbt_process._early
    # Dagster's settings, say, which dbt does not read.
    process = dbt_process.started(LIST, PROJECT, {**environment, "OTHER": "1"}, {"LATER": "1"})
    assert process is early
    assert process.stdout is not None
    assert process.stdout.read().split() == ["health.pillars", "health.segments"]
    assert process.wait() == 0
    assert not dbt_process._early


def test_another_environment_takes_another_dbt(environment: dict[str, str]) -> None:
    dbt_process.start_early(PROJECT, environment)
    [(_, _, early)] = dbt_process._early
    other = {**environment, "HEALTH_RAW_DIR": environment["DBT_TARGET_PATH"]}
    process = dbt_process.started(LIST, PROJECT, other, {})
    assert process is not early
    assert early.returncode is not None, "it is ended"
    assert process.communicate()[0].split() == ["health.pillars", "health.segments"]


def test_nobody_waits_for_what_is_not_needed(environment: dict[str, str]) -> None:
    dbt_process.start_early(PROJECT, environment)
    [(_, _, early)] = dbt_process._early
    dbt_process.dismiss_early()
    assert early.returncode is not None
    assert not dbt_process._early


def test_it_ends_with_a_run_that_is_killed(environment: dict[str, str]) -> None:
    script = (
        "import os\n"
        "from orchestration.dbt_runner import dbt_process\n"
        "from orchestration.base.settings import DBT_PROJECT\n"
        "dbt_process.start_early(DBT_PROJECT, os.environ)\n"
        "print(dbt_process._early[0][2].pid, flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        early = int(run.stdout.readline())
        run.kill()
    until = time.monotonic() + 60
    while Path(f"/proc/{early}").exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(f"/proc/{early}").exists()
