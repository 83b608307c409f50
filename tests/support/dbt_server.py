"""A process that has dbt and the parsed project in memory, and forks for each `dbt` command.

Importing dbt and parsing the project takes longer than most runs. A fork starts with both done, and
is otherwise a process of its own, like the command line: its own environment, working directory,
output and connections. It reads a request a line from standard input (JSON: arguments, folder,
environment, output file, the stem of the warehouse's name) and answers with the exit code.
"""

import gc
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt_common.clients.jinja import MacroFuzzEnvironment, get_template, template_cache

# dbt imports it by its name, in each fork where it is not there yet.
import orchestration.dbt_runner.dbt_plugin  # noqa: F401
from orchestration.dbt_runner.heard_events import drop_unheard_events


def parsed_project(folder: Path) -> Any:
    """The manifest of the dbt project in the folder, as a warehouse called `warehouse` sees it."""
    scratch = tempfile.mkdtemp()
    os.environ["HEALTH_DB_PATH"] = f"{scratch}/warehouse.duckdb"
    os.chdir(folder)
    silent = ["--quiet", "--log-level-file", "none", "parse", "--target-path", scratch]
    result = dbtRunner().invoke(silent)
    if not result.success:
        raise SystemExit(str(result.exception))
    return result.result


def compile_templates(manifest: Any) -> None:
    """Compile the templates of macros and nodes, which would be a quarter of what a fork does."""
    compile_plainly = MacroFuzzEnvironment.compile
    compiled: dict[str, Any] = {}

    def compile_once(environment: Any, source: Any, *arguments: Any, **named: Any) -> Any:
        if arguments or named or not isinstance(source, str):
            return compile_plainly(environment, source, *arguments, **named)
        if source not in compiled:
            compiled[source] = compile_plainly(environment, source)
        return compiled[source]

    MacroFuzzEnvironment.compile = compile_once
    for macro in manifest.macros.values():
        template_cache.get_node_template(macro)
    for node in manifest.nodes.values():
        get_template(node.raw_code, {}, node)


def with_seeds_of(manifest: Any, project: Path) -> bool:
    """Make the manifest read the seeds beside `project`; False when there are files it lacks."""
    folders = (project / "../seeds", project / "catalogue")
    files = {path.name for folder in folders for path in folder.glob("*.csv")}
    for node in [node for node in manifest.nodes.values() if node.resource_type == "seed"]:
        name = Path(node.original_file_path).name
        if name in files:
            node.root_path = str(project)
            files.remove(name)
        else:
            del manifest.nodes[node.unique_id]
    return not files


def run(manifest: Any, request: dict[str, Any]) -> int:
    """One dbt command, in the forked process; its exit code as the command line gives it."""
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(request["environment"])
    project = Path(request["folder"])
    os.chdir(project)
    # Names of relations carry the name of the warehouse that they were parsed for.
    is_same = Path(request["environment"]["HEALTH_DB_PATH"]).stem == "warehouse"
    is_same = with_seeds_of(manifest, project) and is_same
    # dbt's static parser does not survive a fork; without it dbt parses in Python.
    arguments = ["--no-static-parser", *request["arguments"]]
    result = dbtRunner(manifest=manifest if is_same else None).invoke(arguments)
    # What the end of a process does, which a fork does not come to: write all to the file.
    DuckDBConnectionManager.close_all_connections()
    gc.collect()
    if result.exception:
        print(result.exception)
        return 2
    return 0 if result.success else 1


def main() -> None:
    drop_unheard_events()
    manifest = parsed_project(Path(sys.argv[1]))
    compile_templates(manifest)
    # As `health-dbt` does: to look for garbage in the manifest takes a tenth of a run.
    gc.collect()
    gc.disable()
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 2
            try:
                code = run(manifest, json.loads(line))
            finally:
                sys.stdout.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
