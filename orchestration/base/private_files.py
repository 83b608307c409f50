"""Who may read the files: their owner, and the group that HEALTH_GROUP names; nobody else.

All that holds personal data is made with mode 0640 (files) and 0750 (folders). The group comes with
the folders, which hand theirs on to what is made in them (setgid). Folders of versions that did not
do so are put right once. The raw folder, the erasure list and folders that we did not make are the
user's own.
"""

import grp
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path

import click

from orchestration.base.settings import Settings

VARIABLE = "HEALTH_GROUP"
UMASK = 0o027
FILE_MODE = 0o640
FOLDER_MODE = 0o2750  # what is made in it belongs to its group
OF_OTHERS_OR_GROUP = 0o077

# What is made in a folder of publications or in that of the state, and the same set aside.
OURS = (
    *(".generations", "account_health.duckdb", "parquet"),
    *(".account_health.duckdb.new", ".parquet.new"),
    *("dagster", "dbt", "raw_files"),
    *("run.lock", "run.json", "run.tmp", "row_key", "row_key.new", "daemon.lock"),
    *("backtest.json", "backtest.json.new"),
    *("health_run.log", "health-lint-*", "health-backtest-*", "health-what-if-*"),
)


def begin() -> None:
    """Have this process, and those that it starts, make private files only."""
    os.umask(UMASK)


@contextmanager
def private_files() -> Iterator[None]:
    """The same for a while."""
    previous = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(previous)


def group_id(asked: str | None, variable: str = VARIABLE) -> int | None:
    """The group of this name or number; None where none is asked for.

    Raises click.ClickException for one that is not there, or that we may not give files to.
    """
    if not asked:
        return None
    try:
        found = int(asked) if asked.isdecimal() else grp.getgrnam(asked).gr_gid
    except KeyError:
        raise click.ClickException(
            f"{variable} names the group {asked!r}, which is not there: `groupadd {asked}` makes"
            " it."
        ) from None
    if os.geteuid() != 0 and found not in {os.getegid(), *os.getgroups()}:
        raise click.ClickException(
            f"{variable} names the group {asked!r}, which the account that runs this is not in:"
            f" `usermod -aG {asked} ACCOUNT` adds it."
        )
    return found


def make_folder(folder: Path, group: int | None) -> None:
    """Make a folder, and those that it lies in, for the owner and the group; one that is there
    stays as it is."""
    if not folder.exists():
        make_folder(folder.parent, group)
        folder.mkdir(exist_ok=True)
        put_right(folder, group)


def protect(folder: Path, group: int | None) -> None:
    """Make a folder for the owner and the group, with what is ours in it already.

    A folder that holds something else too, or belongs to another account, keeps its own mode.
    Raises click.ClickException for a file that cannot be given to the group.
    """
    make_folder(folder, group)
    found = list(folder.iterdir())
    ours = [path for path in found if is_ours(path.name)]
    for path in ours:
        protect_tree(path, group)
    if len(ours) == len(found) and folder.stat().st_uid == os.geteuid():
        put_right(folder, group)


def is_ours(name: str) -> bool:
    made = name.partition(".set-aside-")[0]
    return any(fnmatchcase(made, pattern) for pattern in OURS)


def protect_tree(path: Path, group: int | None) -> None:
    """Make a file, or a folder with all that is in it, for the owner and the group.

    Looks into a folder only where it is not as it should be itself.
    """
    if path.is_symlink() or is_right(path, group):
        return
    for folder, folders, files in os.walk(path):  # does not follow links, nor mind what vanishes
        for name in (*folders, *files):
            put_right(Path(folder, name), group)
    put_right(path, group)  # last: a walk that was stopped is begun again


def is_right(folder: Path, group: int | None) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return True
    return (
        stat.S_ISDIR(found.st_mode)
        and stat.S_IMODE(found.st_mode) == FOLDER_MODE
        and group in (None, found.st_gid)
    )


def put_right(path: Path, group: int | None) -> None:
    """Set the group and the mode of a file or folder; links and what vanished are let be.

    Raises click.ClickException where it cannot be given to the group that is asked for.
    """
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            return
        if group is not None and found.st_gid != group:
            os.chown(path, -1, group)
    except FileNotFoundError:
        return
    except OSError as problem:
        raise click.ClickException(
            f"{path} cannot be given to the group {group} ({problem.strerror}): `chown -R` it to"
            " the account that runs this."
        ) from problem
    is_folder = stat.S_ISDIR(found.st_mode)
    mode = FOLDER_MODE if is_folder else FILE_MODE
    is_secret = not is_folder and not found.st_mode & OF_OTHERS_OR_GROUP
    if belongs_to_us(found) and not is_secret and stat.S_IMODE(found.st_mode) != mode:
        with suppress(OSError):  # vanished, or on a file system that keeps no modes
            path.chmod(mode)


def belongs_to_us(found: os.stat_result) -> bool:
    return os.geteuid() in (0, found.st_uid)


def group_of_the_house() -> int | None:
    """The group that HEALTH_GROUP names. Raises click.ClickException for a wrong one."""
    return group_id(os.environ.get(VARIABLE))


def protect_all(settings: Settings) -> None:
    """Put right what holds personal data: the warehouse, what is published, and the runs' notes."""
    group = group_of_the_house()
    protect(settings.published, group)
    protect(settings.state, group)
    for file in (
        settings.warehouse,
        settings.warehouse.with_name(f"{settings.warehouse.name}.wal"),
    ):
        put_right(file, group)
