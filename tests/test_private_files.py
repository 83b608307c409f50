"""Who may read the files: the owner and the group that is named, nobody else."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from click import ClickException
from small_warehouse import DAY, make, raise_alerts

from orchestration.private_files import group_id, put_right
from orchestration.profiles import key_of_rows
from orchestration.publishing import publish
from orchestration.run_lock import write_lock
from orchestration.settings import Settings

GROUP, STRANGERS, BI = 54321, 54322, 54323  # numbers of groups and of an account, none of ours
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account can pass through, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def settings(place: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What an earlier version left: readable by everybody, and half a group of its own."""
    monkeypatch.setenv("HEALTH_GROUP", str(GROUP if os.geteuid() == 0 else os.getegid()))
    monkeypatch.setenv("HEALTH_PUBLISH_PROFILES", "bi=without")
    settings = make(place)
    raise_alerts(settings, DAY, "a1")
    publish(settings, "of the former version", DAY, DAY)
    for path in [*place.iterdir(), *place.rglob("*/**/*")]:
        if not path.is_symlink() and path.name != "row_key":
            os.chown(path, -1, os.getegid())
            path.chmod(0o755 if path.is_dir() else 0o644)
    with write_lock(settings):
        publish(settings, "run", DAY, DAY)
    return settings


def folders(settings: Settings) -> list[Path]:
    return [settings.published, settings.published.with_name("published-bi"), settings.state]


def test_files_are_for_the_owner_and_the_group(settings: Settings) -> None:
    group = int(os.environ["HEALTH_GROUP"])
    secret = settings.state / "row_key"
    found = {path for folder in folders(settings) for path in [folder, *folder.rglob("*")]}
    assert len(found) > 50
    for path in {settings.warehouse, *found} - {secret}:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            continue
        mode = 0o2750 if stat.S_ISDIR(status.st_mode) else 0o640
        assert (oct(stat.S_IMODE(status.st_mode)), status.st_gid) == (oct(mode), group), path
    assert key_of_rows(settings)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


@ROOT_ONLY
@pytest.mark.parametrize(("group", "may_read"), [(GROUP, True), (STRANGERS, False)])
def test_another_account_reads_through_the_group_alone(
    settings: Settings, group: int, may_read: bool
) -> None:
    for folder in folders(settings)[:2]:
        assert read_as(folder / "account_health.duckdb", group) == may_read
    assert read_as(settings.state / "row_key", group, is_database=False) is False


@ROOT_ONLY
def test_a_profile_can_be_for_another_group(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_PUBLISH_PROFILES", f"bi=without:{STRANGERS}")
    with write_lock(settings):
        publish(settings, "run", DAY, DAY)
    whole, profile, _ = folders(settings)
    for group in (GROUP, STRANGERS):
        assert read_as(whole / "account_health.duckdb", group) == (group == GROUP)
        assert read_as(profile / "account_health.duckdb", group) == (group == STRANGERS)


def read_as(file: Path, group: int, is_database: bool = True) -> bool:
    """Whether an account of this group can read a file, tried in a process of its own."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([group])
            os.setgid(group)
            os.setuid(BI)
            if is_database:
                with duckdb.connect(str(file), read_only=True) as connection:
                    connection.execute("from health.account_health_history").fetchall()
            else:
                file.read_bytes()
            code = 0
        except (duckdb.Error, OSError):
            code = 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 2)
    return code == 0


def test_a_group_that_cannot_be_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClickException, match="groupadd no_such_group"):
        group_id("no_such_group")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClickException, match="usermod -aG 54321"):
        group_id(str(GROUP))


def test_a_file_of_another_account_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    file.chmod(0o644)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(ClickException, match="belongs to another account"):
        put_right(file, None)


def test_the_program_makes_private_files_from_its_start() -> None:
    code = """
import sys
from orchestration import __main__ as program
sys.argv = ["health", "--help"]
try:
    program.main()
except SystemExit:
    import os
    print(oct(os.umask(0)))
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.endswith("0o27\n"), answer
