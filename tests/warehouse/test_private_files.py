"""Who may read the files: the owner and the group that is named, nobody else."""

import errno
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from click import ClickException
from small_warehouse import DAY, make, raise_alerts

from orchestration.base.private_files import group_id, protect, put_right
from orchestration.base.settings import Settings
from orchestration.publishing.profiles import key_of_rows
from orchestration.publishing.publication import publish
from orchestration.warehouse.run_lock import write_lock

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
    publish(settings, "of the previous version", DAY, DAY)
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


def as_bi(act: Callable[[], object], group: int = GROUP) -> tuple[int, str]:
    """Do something as the account BI, in a process of its own; 1 and the words where it fails."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 2
        try:
            os.setgroups([group])
            os.setgid(group)
            os.setuid(BI)
            act()
            code = 0
        except (ClickException, duckdb.Error, OSError) as problem:
            os.write(writing, str(problem).encode())
            code = 1
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), text


def read_as(file: Path, group: int, is_database: bool = True) -> bool:
    """Whether an account of this group can read a file."""

    def read() -> None:
        if is_database:
            with duckdb.connect(str(file), read_only=True) as connection:
                connection.execute("from health.account_health_history").fetchall()
        else:
            file.read_bytes()

    code, text = as_bi(read, group)
    assert code in (0, 1), text
    return code == 0


def test_a_group_that_cannot_be_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClickException, match="groupadd no_such_group"):
        group_id("no_such_group")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClickException, match="usermod -aG 54321"):
        group_id(str(GROUP))


def test_what_is_not_ours_stays_as_it_is(place: Path) -> None:
    """The state lies in a folder that holds raw files and a script too."""
    state = place / "data"
    for name, mode in {
        "raw/accounts.csv": 0o664,
        "nightly.sh": 0o755,
        "health-report.csv": 0o644,
        "dagster/runs.db": 0o644,
        "dagster.set-aside-20260101T000000.000000/runs.db": 0o644,
        "run.lock": 0o644,
    }.items():
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text("x")
        (state / name).chmod(mode)
    (state / "parquet").symlink_to("raw")
    for folder in (state, state / "raw", state / "dagster"):
        folder.chmod(0o2775)
    protect(state, None)
    assert modes(state) == {
        ".": "2775",
        "raw": "2775",
        "raw/accounts.csv": "664",
        "parquet": "2775",  # a link to it
        "nightly.sh": "755",
        "health-report.csv": "644",
        "dagster": "2750",
        "dagster/runs.db": "640",
        "dagster.set-aside-20260101T000000.000000": "2750",
        "dagster.set-aside-20260101T000000.000000/runs.db": "640",
        "run.lock": "640",
    }


def modes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): f"{stat.S_IMODE(path.stat().st_mode):o}"
        for path in [folder, *folder.rglob("*")]
    }


@ROOT_ONLY
@pytest.mark.parametrize("owner", [0, BI], ids=["shared folder", "volume of its own"])
def test_a_folder_of_another_account_is_no_hindrance(place: Path, owner: int) -> None:
    published = place / "published"
    (published / "lost+found").mkdir(parents=True)
    (published / "lost+found").chmod(0o700)
    (published / ".generations").mkdir()
    (published / ".generations" / "ours").write_text("x")
    (published / ".generations" / "theirs").write_text("x")
    os.chown(published / ".generations", BI, GROUP)
    os.chown(published / ".generations" / "ours", BI, GROUP)
    os.chown(published, owner, GROUP)
    published.chmod(0o755 if owner == BI else 0o2775)
    before = modes(published)
    code, text = as_bi(lambda: protect(published, None))
    assert (code, text) == (0, "")
    after = modes(published)
    assert after == before | {".generations": "2750", ".generations/ours": "640"}
    (published / ".generations").chmod(0o755)
    code, text = as_bi(lambda: protect(published, GROUP))
    assert code == 1
    assert f"theirs cannot be given to the group {GROUP} (Operation not permitted)" in text


@pytest.mark.parametrize("step", ["lstat", "chown", "chmod"])
def test_a_file_that_vanishes_meanwhile_is_no_hindrance(
    place: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """As SQLite's journals do beside a run."""
    state = place / "state"
    (state / "dagster").mkdir(parents=True)
    journal = state / "dagster" / "runs.db-journal"
    journal.write_text("x")
    module = os if step == "chown" else Path
    real = getattr(module, step)

    def vanish(path: Path, *rest: int) -> object:
        if path == journal:
            journal.unlink(missing_ok=True)
        return real(path, *rest)

    monkeypatch.setattr(module, step, vanish)
    group = GROUP if os.geteuid() == 0 else os.getegid()
    protect(state, group if step == "chown" else None)
    assert modes(state) == {".": "2750", "dagster": "2750"} | (
        {"dagster/runs.db-journal": "640"} if journal.exists() else {}
    )


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.EROFS])
def test_a_file_system_without_modes_and_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    file.chmod(0o644)

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "chmod", refuse)
    monkeypatch.setattr(os, "chown", refuse)
    put_right(file, None)
    with pytest.raises(ClickException, match=f"cannot be given to the group {GROUP}"):
        put_right(file, GROUP)


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
