"""A process that has dbt and the parsed project in memory, and forks for each `dbt` command.

Importing dbt and parsing the project takes longer than most runs. A fork starts with both done, and
is otherwise a process of its own, like the command line: its own environment, working directory,
output and connections. It is asked at a socket, by what stands for dbt in tests
(`startup/sitecustomize.py`), and ends with it.
"""

import gc
import json
import os
import selectors
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.parser.manifest import write_manifest
from dbt_common.clients.jinja import MacroFuzzEnvironment, get_template, template_cache

# dbt imports it by its name, in each fork where it is not there yet.
import orchestration.dbt_runner.dbt_plugin  # noqa: F401
from orchestration.dbt_runner.dbt_process import WAITS
from orchestration.dbt_runner.lighter_dbt import close, lighten

SOURCES = ("dbt_project.yml", "profiles.yml", "models", "macros", "tests", "catalogue")


def parsed_project(folder: Path, scratch: Path) -> Any:
    """The manifest of the dbt project in the folder, as a warehouse called `warehouse` sees it."""
    os.environ["HEALTH_DB_PATH"] = f"{scratch}/warehouse.duckdb"
    os.chdir(folder)
    silent = ["--quiet", "--log-level-file", "none", "parse", "--target-path", str(scratch)]
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


def files_of(project: Path) -> set[tuple[str, int, int]]:
    """What a copy of the project shares with it, as long as nobody writes to one of its files."""
    named = [project / name for name in SOURCES]
    files = [path for found in named for path in (found, *found.rglob("*")) if path.is_file()]
    status = [(path.relative_to(project).as_posix(), path.stat()) for path in files]
    return {(name, found.st_size, found.st_mtime_ns) for name, found in status}


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


def serves(manifest: Any, files: set[tuple[str, int, int]], project: Path) -> bool:
    """Whether the manifest is that of the project in the folder, in the environment of now."""
    # Names of relations carry the name of the warehouse that they were parsed for.
    is_same_warehouse = Path(os.environ.get("HEALTH_DB_PATH", "warehouse")).stem == "warehouse"
    is_same_project = is_same_warehouse and files_of(project) == files
    return is_same_project and with_seeds_of(manifest, project)


def run(manifest: Any, files: set[tuple[str, int, int]], request: dict[str, Any]) -> int:
    """One dbt command, in the forked process; its exit code as the command line gives it."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    arguments, later = request["arguments"], {}
    if os.environ.pop(WAITS, None):
        asked = sys.stdin.readline()
        if not asked:
            return 0
        arguments, later = json.loads(asked).values()
    os.environ.update(later)
    known = manifest if serves(manifest, files, Path.cwd()) else None
    # dbt's static parser does not survive a fork; without it dbt parses in Python.
    result = dbtRunner(manifest=known).invoke(["--no-static-parser", *arguments])
    if known and "parse" in arguments:  # which dbt takes for done
        write_manifest(known, os.environ["DBT_TARGET_PATH"])
    if result.exception:
        print(result.exception)
        return 2
    return 0 if result.success else 1


def answer(manifest: Any, files: set[tuple[str, int, int]], client: socket.socket) -> int:
    """Do what the client asks for, with its outputs; a client that is gone takes us with it."""
    _, outputs, _, _ = socket.recv_fds(client, 1, 3)
    for standard, descriptor in enumerate(outputs):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    request = json.loads(client.makefile().readline())

    def end_with_client() -> None:
        client.recv(1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=end_with_client, daemon=True).start()
    return run(manifest, files, request)


def main() -> None:
    """Serve the project at an address, until the standard input ends."""
    folder, address = sys.argv[1:]
    lighten()
    try:
        manifest = parsed_project(Path(folder), Path(address).parent)
    except SystemExit:
        Path(address).touch()  # who looks for the server need not wait
        raise
    files = files_of(Path(folder))
    compile_templates(manifest)
    # As `health-dbt` does: to look for garbage in the manifest takes a tenth of a run.
    gc.disable()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks leave nothing behind
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address + ".new")
    listener.listen()
    Path(address + ".new").rename(address)  # there for clients when it answers
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    while any(key.fileobj is listener for key, _ in selector.select()):
        client, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            code = 2
            try:
                code = answer(manifest, files, client)
            finally:
                close()
                client.sendall(str(code).encode())
                os._exit(code)
        client.close()


if __name__ == "__main__":
    main()
