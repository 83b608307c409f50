"""A Spark cluster for tests: a master, workers and a Thrift server, all on loopback.

Everything comes from the package index, into an environment of its own (`ENVIRONMENT`), because
Spark takes 600 MB and nobody else needs it: dbt-spark, PySpark, which brings Spark's programs, and
the Iceberg jar of a package that carries it. Java comes from the distribution. A real cluster
brings its own Iceberg; this jar, whose relocated Jackson is made here, is fit for tests.
"""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline import ROOT

from orchestration.warehouse.spark import SESSION

ENVIRONMENT = Path(os.environ.get("HEALTH_SPARK_ENVIRONMENT", ROOT / "data" / "spark" / "venv"))
PACKAGES = (
    "dbt-core>=1.11,<1.12",
    "dbt-spark[PyHive]==1.11.*",
    "pyspark==3.5.*",
    "snowpark-connect-deps-iceberg==1.0.*",
)
NO_JAVA = "Java 17 is needed: apt-get install openjdk-17-jre-headless"
ICEBERG_JAR = "iceberg-spark-runtime-3.5_2.12-*.jar"
JACKSON_JAR = "iceberg-shaded-jackson.jar"
# With one compiler alone Java keeps 48 MB for what it compiles, which a night's statements fill.
QUICK_TO_START = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC"
ONE_PROCESS = "local[2]"
# Statements over few rows: planning and compiling for speed would cost more than it gains.
FOR_FEW_ROWS = {
    "spark.executor.memory": "900m",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": QUICK_TO_START,
    "spark.executor.extraJavaOptions": QUICK_TO_START,
}
FOR_MANY_ROWS = {"spark.executor.memory": "3g", "spark.sql.shuffle.partitions": "16"}
# In one process it gains nothing to plan a statement again while it runs, or to describe its plan.
SETTINGS_OF_ONE_PROCESS = {
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.ui.explainMode": "simple",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC",
}
# How long Spark may take to come up on a busy machine.
START_SECONDS = 600


def is_installed() -> bool:
    """Whether `make spark` has made the environment, and there is a Java."""
    return bool(shutil.which("java")) and (ENVIRONMENT / ".ready").exists()


def install() -> None:
    """Make the environment where it is missing."""
    if not shutil.which("java"):
        sys.exit(NO_JAVA)
    if is_installed():
        return
    subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    pip = [str(ENVIRONMENT / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    # What is not imported need not be compiled.
    subprocess.run([*pip, "--no-compile", *PACKAGES], check=True)
    relocate_jackson(spark_home() / "jars", ENVIRONMENT / JACKSON_JAR)
    (ENVIRONMENT / ".ready").touch()


def packages() -> Path:
    [folder] = ENVIRONMENT.glob("lib/python3*/site-packages")
    return folder


def health_environment(folder: Path) -> Path:
    """The folder of programs of an environment that has both: health's packages and Spark's."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [own] = folder.glob("lib/python3*/site-packages")
    places = [str(ROOT), sysconfig.get_path("purelib"), str(packages())]
    (own / "health_and_spark.pth").write_text("\n".join(places) + "\n")
    programs = folder / "bin"
    for name, module in (
        ("health", "orchestration.__main__"),
        ("health-dbt", "orchestration.dbt_runner.dbt_process"),
    ):
        program = programs / name
        program.write_text(f"#!{programs / 'python'}\nfrom {module} import main\n\nmain()\n")
        program.chmod(0o755)
    return programs


def spark_home() -> Path:
    return packages() / "pyspark"


def iceberg_jars() -> list[Path]:
    [iceberg] = packages().glob(f"snowpark_connect_deps_iceberg/jars/{ICEBERG_JAR}")
    return [iceberg, ENVIRONMENT / JACKSON_JAR]


@dataclass(frozen=True)
class Cluster:
    """A running cluster: the port of its Thrift server, its programs by name, and its event log."""

    port: int
    programs: Mapping[str, subprocess.Popen]
    events: Path

    def task_seconds(self) -> float:
        """Seconds of CPU that tasks have taken so far, on all executors."""
        [log] = self.events.iterdir()
        with log.open(encoding="utf-8") as lines:
            ended = (json.loads(line) for line in lines if '"SparkListenerTaskEnd"' in line)
            taken = (task.get("Task Metrics", {}).get("Executor CPU Time", 0) for task in ended)
            return sum(taken) / 1e9

    def kill(self, name: str) -> None:
        self.programs[name].kill()

    def dbt(
        self, folder: Path, *arguments: str, environment: Mapping[str, str], project: Path
    ) -> subprocess.CompletedProcess[str]:
        """A command of dbt in Spark's environment, its artifacts in the folder."""
        return subprocess.run(
            self.dbt_command(*arguments),
            cwd=project,
            env=self.dbt_environment(folder, environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def dbt_command(self, *arguments: str) -> Sequence[str]:
        return [str(ENVIRONMENT / "bin" / "dbt"), "--no-use-colors", *arguments]

    def dbt_environment(self, folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
        own = {name: text for name, text in os.environ.items() if not name.startswith("HEALTH_")}
        return {
            **own,
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "HEALTH_TARGET": "spark",
            "HEALTH_SPARK_HOST": "127.0.0.1",
            "HEALTH_SPARK_PORT": str(self.port),
            **environment,
        }

    @contextmanager
    def cursor(self) -> Iterator:
        """A cursor of PyHive, which is in Spark's environment alone, in a session like health's."""
        if str(packages()) not in sys.path:
            sys.path.append(str(packages()))
        from pyhive import hive

        connection = hive.connect(host="127.0.0.1", port=self.port)
        cursor = connection.cursor()
        try:
            for name, value in SESSION.items():
                cursor.execute(f"set {name}={value}")
            yield cursor
        finally:
            connection.close()


@contextmanager
def running(
    folder: Path,
    is_one_process: bool = False,
    workers: int = 2,
    settings_for_rows: Mapping[str, str] = FOR_FEW_ROWS,
) -> Iterator[Cluster]:
    """A cluster whose warehouse and logs are in the folder; stopped at the end.

    In one process what workers do is done beside the Thrift server: the same SQL, sooner.
    settings_for_rows: FOR_FEW_ROWS or FOR_MANY_ROWS
    """
    events = folder / "events"
    events.mkdir(parents=True, exist_ok=True)
    programs: dict[str, subprocess.Popen] = {}
    master_port, thrift_port = free_port(), free_port()

    def start(name: str, memory: str, *command: str) -> None:
        with (folder / f"{name}.log").open("w") as log:
            programs[name] = subprocess.Popen(
                [str(spark_home() / "bin" / command[0]), *command[1:]],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={
                    **os.environ,
                    "SPARK_HOME": str(spark_home()),
                    "SPARK_LOCAL_IP": "127.0.0.1",
                    "SPARK_DAEMON_MEMORY": memory,
                    "SPARK_DAEMON_JAVA_OPTS": QUICK_TO_START,
                    "PYSPARK_PYTHON": str(ENVIRONMENT / "bin" / "python"),
                },
            )

    try:
        master = ONE_PROCESS
        if not is_one_process:
            master = f"spark://127.0.0.1:{master_port}"
            start(
                *("master", "256m"),
                *("spark-class", "org.apache.spark.deploy.master.Master"),
                *("--host", "127.0.0.1", "--port", str(master_port), "--webui-port", "0"),
            )
            wait_for(master_port, programs["master"], folder / "master.log")
            for number in range(1, workers + 1):
                start(
                    *(f"worker_{number}", "256m"),
                    *("spark-class", "org.apache.spark.deploy.worker.Worker"),
                    *("--host", "127.0.0.1", "--cores", "1", "--memory", "4g"),
                    *("--work-dir", str(folder / f"worker_{number}"), "--webui-port", "0", master),
                )
        start(
            "thrift_server", "1500m", *thrift_server(folder, master, thrift_port, settings_for_rows)
        )
        wait_for(thrift_port, programs["thrift_server"], folder / "thrift_server.log")
        yield Cluster(thrift_port, programs, events)
    finally:
        for program in reversed(programs.values()):
            program.terminate()
        for program in programs.values():
            try:
                program.wait(20)
            except subprocess.TimeoutExpired:
                program.kill()


def thrift_server(
    folder: Path, master: str, port: int, settings_for_rows: Mapping[str, str]
) -> list[str]:
    """The command that serves SQL: with what docs/spark.md asks of a cluster, and small.

    What a session needs is not among it: health and its dbt profile ask for that themselves.
    """
    jars = [str(jar) for jar in iceberg_jars()]
    settings = {
        "spark.sql.extensions": (
            "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
        ),
        "spark.sql.catalog.spark_catalog": "org.apache.iceberg.spark.SparkSessionCatalog",
        "spark.sql.catalog.spark_catalog.type": "hive",
        # Others than health needs: a session has to ask for its own.
        "spark.sql.session.timeZone": "Asia/Tokyo",
        "spark.sql.ansi.enabled": "true",
        "spark.driver.host": "127.0.0.1",
        "spark.executor.cores": "1",
        "spark.ui.enabled": "false",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": str(folder / "events"),
        "spark.log.level": "WARN",
        "spark.driver.extraClassPath": ":".join(jars),
        "spark.executor.extraClassPath": ":".join(jars),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": (
            f"jdbc:derby:;databaseName={folder / 'metastore'};create=true"
        ),
        "spark.hadoop.iceberg.engine.hive.lock-enabled": "false",
        "spark.hadoop.hive.metastore.schema.verification": "false",
        "spark.hadoop.datanucleus.schema.autoCreateAll": "true",
        **settings_for_rows,
        **(SETTINGS_OF_ONE_PROCESS if master == ONE_PROCESS else {}),
    }
    return [
        *("spark-submit", "--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"),
        *("--master", master, "--jars", ",".join(jars)),
        *(part for name, value in settings.items() for part in ("--conf", f"{name}={value}")),
        "spark-internal",
        *("--hiveconf", f"hive.server2.thrift.port={port}"),
        *("--hiveconf", "hive.server2.thrift.bind.host=127.0.0.1"),
    ]


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def wait_for(port: int, program: subprocess.Popen, log: Path) -> None:
    """Until the program listens at its port."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and program.poll() is None:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    end = "\n".join(log.read_text(encoding="utf-8").splitlines()[-20:])
    raise RuntimeError(f"Spark does not start; the end of {log}:\n{end}")


def relocate_jackson(jars: Path, target: Path) -> None:
    """Make the Jackson that the packaged Iceberg jar lacks: Spark's own, under Iceberg's name."""
    old, new = b"com/fasterxml/jackson", b"org/apache/iceberg/shaded/com/fasterxml/jackson"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as relocated:
        for part in ("core", "databind", "annotations"):
            [jar] = jars.glob(f"jackson-{part}-2*.jar")
            with zipfile.ZipFile(jar) as files:
                for name in files.namelist():
                    if name.startswith("com/fasterxml") and name.endswith(".class"):
                        content = with_renamed_constants(files.read(name), old, new)
                        relocated.writestr(name.replace(old.decode(), new.decode()), content)


# Bytes of a constant of a class file by its tag; texts (tag 1) say their length themselves.
CONSTANT_SIZES = {
    **dict.fromkeys((7, 8, 16, 19, 20), 3),
    15: 4,
    **dict.fromkeys((3, 4, 9, 10, 11, 12, 17, 18), 5),
    **dict.fromkeys((5, 6), 9),
}


def with_renamed_constants(class_file: bytes, old: bytes, new: bytes) -> bytes:
    """A class file whose texts name another package, with slashes and with dots."""
    [count] = struct.unpack(">H", class_file[8:10])
    renamed = bytearray(class_file[:10])
    place, number = 10, 1
    while number < count:
        tag = class_file[place]
        if tag == 1:
            [length] = struct.unpack(">H", class_file[place + 1 : place + 3])
            text = class_file[place + 3 : place + 3 + length]
            for before, after in ((old, new), (old.replace(b"/", b"."), new.replace(b"/", b"."))):
                text = text.replace(before, after)
            renamed += b"\x01" + struct.pack(">H", len(text)) + text
            place += 3 + length
        else:
            renamed += class_file[place : place + CONSTANT_SIZES[tag]]
            place += CONSTANT_SIZES[tag]
            # Long and double constants count twice.
            number += tag in (5, 6)
        number += 1
    return bytes(renamed + class_file[place:])


def load_raw(cluster: Cluster, folder: Path, left_out: Collection[str] = ()) -> None:
    """The Parquet files of a raw folder as tables of the schema `raw`, but for some tables."""
    with cluster.cursor() as cursor:
        cursor.execute("create schema if not exists raw")
        for table in sorted(folder.glob("[!.]*")):
            if table.stem in left_out:
                continue
            cursor.execute(
                f"create or replace table raw.{table.stem} using iceberg"
                f" as select * from parquet.`{table}`"
            )


if __name__ == "__main__":
    install()
