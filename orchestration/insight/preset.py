"""`health preset`: other configurations to start from than the starter in `seeds/`.

A preset in `examples/presets` holds only the files in which it differs from the starter, and is
laid over `seeds/` as they are: what it does not have (metrics, segments, sources ...) stays.
"""

import shlex
import shutil
from pathlib import Path

import click

from orchestration.base import escaping
from orchestration.base.settings import ROOT
from orchestration.dbt_runner.wrong_configuration import (
    WrongConfiguration,
    refuse_wrong_configuration,
)
from orchestration.insight.options import FOLDER, report_console
from orchestration.insight.tables import Cells, Table, print_table

SEEDS = ROOT / "seeds"
PRESETS = ROOT / "examples" / "presets"


@click.command()
@click.argument("name", required=False)
@click.argument("folder", type=FOLDER, required=False)
def preset(name: str | None, folder: Path | None) -> None:
    """List configurations to start from, or copy one to a folder.

    Without a NAME each is told in a line. With one, the whole configuration is written to FOLDER (a
    new one called like the preset unless given): the files of seeds/, replaced by those that the
    preset has. Nothing is overwritten, and seeds/ stay as they are.

    \b
    Examples:
      health preset
      health preset traffic_lights
      health preset bands ../bands
    """
    if name is None:
        list_presets()
        return
    if name not in names():
        raise click.ClickException(f"There is no preset {name!r}: {', '.join(names())}.")
    target = folder or Path(name)
    if target.exists() and any(target.iterdir()):
        raise click.ClickException(f"{target} has files already. Nothing was written.")
    replaced = write_over_seeds(PRESETS / name, target)
    try:
        refuse_wrong_configuration(target)
    except WrongConfiguration as problem:
        raise click.ClickException(
            f"Wrote {target}, in which seeds/ and the preset do not agree. {problem.message}"
        ) from problem
    console = report_console()
    place = shlex.quote(str(target))
    for line in (
        f"Wrote {target}: the files of seeds/, with {', '.join(replaced)} of {name}.",
        f"Try it:   health what-if --configuration {place} --start DATE --end DATE",
        f"Adopt it: cp {place}/*.csv {shlex.quote(str(SEEDS))}, then health run",
    ):
        console.print(escaping.text(line), soft_wrap=True)


def list_presets() -> None:
    console = report_console()
    rows: list[Cells] = [(name, what_it_is(name)) for name in names()]
    print_table(Table("", ("preset", "what it is"), rows), console)
    console.print(
        "health preset NAME [FOLDER] writes one; docs/changing.md says when to choose which."
    )


def names() -> list[str]:
    return sorted(readme.parent.name for readme in PRESETS.glob("*/README.md"))


def what_it_is(name: str) -> str:
    """The first paragraph of its README.md."""
    text = (PRESETS / name / "README.md").read_text(encoding="utf-8")
    return " ".join(text.split("\n\n")[1].split())


def files_of(preset: Path) -> list[str]:
    return sorted(file.name for file in preset.glob("*.csv"))


def is_preset(folder: Path) -> bool:
    return folder.resolve().parent == PRESETS


def write_over_seeds(preset: Path, folder: Path) -> list[str]:
    """Write the whole configuration; the names of the files that the preset replaces."""
    shutil.copytree(SEEDS, folder, dirs_exist_ok=True)
    for name in files_of(preset):
        shutil.copyfile(preset / name, folder / name)
    return files_of(preset)
