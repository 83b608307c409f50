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
from contextlib import contextmanager
from pathlib import Path

import click

from orchestration.settings import Settings

VARIABLE = "HEALTH_GROUP"
UMASK = 0o027
FILE_MODE = 0o640
FOLDER_MODE = 0o2750  # what is made in it belongs to its group
OF_OTHERS_OR_GROUP = 0o077


def begin() -> None:
    """Have this process, and those that it starts, make private files only."""
    os.umask(UMASK)


@contextmanager
def private_files() -> Iterator[None]:
    """The same for a while."""
    former = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(former)


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
    """Make a folder for the owner and the group, with all that is in it already.

    Looks into the folder only where it is not as it should be itself. Raises click.ClickException
    for what belongs to another account.
    """
    make_folder(folder, group)
    if is_right(folder, group):
        return
    for path in folder.rglob("*"):
        put_right(path, group)
    put_right(folder, group)  # last: a walk that was stopped is begun again


def protect_file(file: Path, group: int | None) -> None:
    if file.exists():
        put_right(file, group)


def is_right(path: Path, group: int | None) -> bool:
    found = path.stat()
    return stat.S_IMODE(found.st_mode) == FOLDER_MODE and group in (None, found.st_gid)


def put_right(path: Path, group: int | None) -> None:
    if path.is_symlink():
        return
    found = path.stat()
    mode = FOLDER_MODE if path.is_dir() else FILE_MODE
    is_secret = not path.is_dir() and not found.st_mode & OF_OTHERS_OR_GROUP
    try:
        if group is not None and found.st_gid != group:
            os.chown(path, -1, group)
        if not is_secret and stat.S_IMODE(found.st_mode) != mode:
            path.chmod(mode)
    except PermissionError as problem:
        raise click.ClickException(
            f"{path} belongs to another account, and its group and mode cannot be set: `chown -R`"
            " it to the account that runs this."
        ) from problem


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
        protect_file(file, group)
