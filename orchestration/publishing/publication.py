"""Publishing: what readers see, swapped whole, never locked and never half-written.

The published folder holds a DuckDB file with schema `health` and the same tables as Parquet. Both
are links into one generation, a hidden folder that is never written once it is in place:

    account_health.duckdb -> .generations/current/account_health.duckdb
    parquet               -> .generations/current/parquet
    .generations/current  -> 20261122T000214.031512

Replacing the link `current` is the one step that takes readers from a whole state to the next, the
file and the Parquet files alike; a run that ends before it leaves what they see as it was. A
generation begins as a copy of the one before, its Parquet files as hard links; what is damaged
there is left out, and so is rewritten (`integrity`).

Beside the published folder lies one for each profile, with the same layout and guarantees, for
readers who must not see personal data (`profiles`).
"""

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import click
import duckdb

from orchestration.base import clock, progress
from orchestration.base.private_files import protect
from orchestration.base.set_aside import set_aside
from orchestration.base.settings import STORAGE_VERSION, Settings
from orchestration.publishing import integrity
from orchestration.publishing.generation import FILE, Generation, Shown, everything, filling
from orchestration.publishing.profiles import (
    OWNER,
    VARIABLE,
    PersonalDataHidden,
    owner,
    previous_profiles,
    profiles_from_environment,
)
from orchestration.warehouse import erasure_steps

# Whoever looks up the files of a generation first and opens them afterwards has this long, or until
# so many others have been published: runs that follow each other closely must not fill the disk.
KEEP_REPLACED = timedelta(hours=1)
KEEP_AT_MOST = 12
NAME = "%Y%m%dT%H%M%S.%f"  # of a generation: when it was published
# In the generations of a profile: what its file was begun with.
IDENTITY = ".profile"


class PublishingRefused(click.ClickException):
    """What the run calculated is not for readers; the message says why."""


@dataclass(frozen=True)
class Publication:
    """What readers see now.

    partitions: how many were rewritten for it. notes: what was damaged before, which profile
    could not be published, and which previous one was deleted, in words.
    """

    run_id: str
    config_version: str
    first_health_date: date
    last_health_date: date
    published_at: datetime
    partitions: int
    notes: tuple[str, ...] = ()


def publish(
    settings: Settings,
    run_id: str,
    first: date,
    last: date,
    *,
    only: Collection[str] | None = None,
) -> Publication:
    """Show readers what the warehouse holds, after a run calculated the dates from first to last.

    only: tables that can differ from the last publication, where that is known. For holders of the
    run lock. Raises PublishingRefused when no account is in scope on the last date.
    """
    profiles = profiles_from_environment()
    is_erased = erasure_steps.is_to_be_published(settings)
    publication = publish_in(
        *(settings.published, settings, run_id, first, last, only), is_rebuilt=is_erased
    )
    notes, failed = list(publication.notes), []
    for profile in profiles:
        try:
            hidden = PersonalDataHidden(settings, profile)
            protect(profile.folder(settings), profile.group_id)
            notes += publish_in(
                profile.folder(settings),
                *(settings, run_id, first, last, only),
                shown=hidden.shown,
                identity=hidden.identity,
                profile=profile.name,
                is_rebuilt=is_erased,
            ).notes
        except (click.ClickException, duckdb.Error, OSError) as problem:
            # Nobody else has to wait for it: alerts are sent, and the next run publishes it.
            failed.append(not_published(profile.folder(settings), problem))
            progress.note(failed[-1])
    if is_erased and not failed:
        for folder in previous_profiles(settings, profiles):
            shutil.rmtree(folder)
            notes.append(f"Deleted {folder}: no profile of {VARIABLE} publishes there.")
            progress.note(notes[-1])
        erasure_steps.finish(settings)
    return replace(publication, notes=(*notes, *failed))


def publish_in(
    published: Path,
    settings: Settings,
    run_id: str,
    first: date,
    last: date,
    only: Collection[str] | None,
    shown: Shown = everything,
    identity: str | None = None,
    profile: str | None = None,
    is_rebuilt: bool = False,
) -> Publication:
    """Publish in one folder.

    identity: of what is shown; a generation of another identity is not gone on with.
    profile: the name of the one that is published here.
    is_rebuilt: whether nothing of previous generations may be left, not even deleted rows.
    """
    generations = published / ".generations"
    generations.mkdir(parents=True, exist_ok=True)
    remove_leftovers(generations)
    published_at = later_than_before(clock.timestamp(), current_generation(generations))
    generation = generations / published_at.strftime(NAME)
    unfinished = generation.with_name(f"{generation.name}.unfinished")
    (unfinished / "parquet").mkdir(parents=True)
    carried = integrity.Carried()
    if not is_rebuilt:
        carried = start_from(generations, unfinished, identity, published_at.date())
    if identity:
        (unfinished / IDENTITY).write_text(identity, encoding="utf-8")
        (unfinished / OWNER).write_bytes(owner(settings))
    with filling(settings, unfinished, shown, carried.partitions_noted) as content:
        config_version, first_health_date, last_health_date = scope(content, last)
        publication = Publication(
            run_id,
            config_version,
            first_health_date,
            last_health_date,
            published_at,
            content.bring_up_to_date(only, published_at),
            tuple(filter(None, [carried.in_words(published)])),
        )
        content.describe(
            *(run_id, config_version, first, last, first_health_date, last_health_date),
            *(published_at, version("account-health"), duckdb.__version__, STORAGE_VERSION),
            profile=profile,
        )
    integrity.write(unfinished, carried)
    unfinished.rename(generation)
    os.sync()  # on the disk before anybody is pointed to it
    swap(published, generation)
    if is_rebuilt:
        for path in generations.iterdir():
            if path.name not in ("current", generation.name):
                remove(path)
    for note in publication.notes:
        progress.note(note)
    return publication


def not_published(folder: Path, problem: Exception) -> str:
    text = problem.message if isinstance(problem, click.ClickException) else str(problem)
    return (
        f"{folder} could not be brought up to date, and its readers keep what they have:"
        f" {' '.join(text.split()).rstrip('.')}. The next run tries again."
    )


def remove(path: Path) -> None:
    """Remove what is left of a generation; what a reader keeps open may stay until later."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def scope(content: Generation, last: date) -> tuple[str, date, date]:
    """The configuration of the last date, and the first and last date of the history."""
    [found] = content.rows(
        """
        select
            any_value(config_version) filter (health_date = ?),
            min(health_date),
            max(health_date)
        from warehouse.health.account_health_history
        """,
        last,
    )
    if found[0] is None:
        raise PublishingRefused(
            f"No account is in scope on {last}, so nothing is published: readers keep what they"
            " have. If there should be some, look at the raw table `accounts`, and at"
            " `health.rejected_records` in the warehouse."
        )
    return found


def current_generation(generations: Path) -> Path | None:
    current = generations / "current"
    return current.resolve() if current.exists() else None


def later_than_before(now: datetime, current: Path | None) -> datetime:
    """Now, or just after the current publication, which a clock that was ahead dated later.

    Who loads what was published since the last time must not miss it.
    """
    try:
        before = datetime.strptime(current.name, NAME) if current else now
    except ValueError:
        return now
    return max(now, before + timedelta(microseconds=1))


def is_of(generation: Path, identity: str | None) -> bool:
    """Whether a generation shows, and hides, what its identity says."""
    try:
        return identity is None or (generation / IDENTITY).read_bytes() == identity.encode()
    except OSError:
        return False


def remove_leftovers(generations: Path) -> None:
    """Remove what runs that were killed left behind, and what was replaced a while ago.

    What cannot be removed stays until the next time: it hinders nobody.
    """
    current = current_generation(generations)
    now = clock.now().timestamp()
    a_while_ago = now - KEEP_REPLACED.total_seconds()
    replaced = []
    for path in generations.iterdir():
        if path.is_symlink() or not path.is_dir() or path in (current, generations / "current"):
            continue
        if path.suffix == ".unfinished":
            shutil.rmtree(path, ignore_errors=True)
        else:
            if path.stat().st_mtime > now:  # the clock was ahead
                os.utime(path, (now, now))
            replaced.append((path.stat().st_mtime, path))
    latest_first = sorted(replaced, reverse=True)
    # The current one will be replaced by this run, and is kept as well.
    for place, (replaced_at, path) in enumerate(latest_first, start=2):
        if place > KEEP_AT_MOST or replaced_at < a_while_ago:
            shutil.rmtree(path, ignore_errors=True)


def start_from(
    generations: Path, generation: Path, identity: str | None, today: date
) -> integrity.Carried:
    """Take into a generation what holds of the current one, if it is of this identity."""
    base = current_generation(generations)
    if base:
        is_same = is_of(base, identity)
        return integrity.carry_on(base, generation, FILE, today) if is_same else integrity.Carried()
    is_gone = (generations / "current").is_symlink()
    return integrity.Carried(problems=["all of its files are gone"] if is_gone else [])


def swap(published: Path, generation: Path) -> None:
    """Point readers to a generation, in one step."""
    generations = generation.parent
    replaced = current_generation(generations)
    point(generations / "current", generation.name)
    for name in (FILE, "parquet"):
        point(published / name, f"{generations.name}/current/{name}")
    if replaced:
        os.utime(replaced)  # since when it is a leftover


def point(link: Path, target: str) -> None:
    """Make a link point to a target; there is always either the previous link or the new one."""
    if link.is_symlink() and link.readlink() == Path(target):
        return
    if link.is_dir() and not link.is_symlink():  # copied from elsewhere by what follows links
        set_aside(link)
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)
