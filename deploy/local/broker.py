"""Apache Kafka from its published Maven artifacts: one KRaft node, run by the machine's Java."""

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from .console import Failure
from .environment import load_secrets
from .layout import ROOT, Layout
from .ports import answers

SOURCE = ROOT / "deploy" / "local" / "kafka"
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=5
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
log.index.size.max.bytes=1048576
"""
JVM = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def jars() -> Path:
    """The folder of Kafka's jars, named after the pom that pins them."""
    return ROOT / ".run" / f"kafka-{sha256((SOURCE / 'pom.xml').read_bytes()).hexdigest()[:12]}"


def fetch_jars() -> None:
    """Let Maven copy the pinned artifacts; nothing half-copied is ever left under the final name."""
    partial = jars().with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    pom = partial / "pom.xml"
    shutil.copy(SOURCE / "pom.xml", pom)
    command = ["mvn", "-B", "-q", "-Dstyle.color=never", "-f", str(pom), "dependency:copy-dependencies"]
    options = ["-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
    done = subprocess.run([*command, *options], stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failure("Maven could not fetch Apache Kafka.", "See its message above; is Maven Central reachable?")
    partial.replace(jars())


def files(layout: Layout) -> list[Path]:
    """What the server reads when it starts."""
    return [layout.run / "kafka" / "server.properties"]


def prepare(layout: Layout) -> list[str]:
    """Format the storage if that was not done and write the settings; returns the command that runs the broker."""
    folder = layout.run / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "server.properties"
    settings.write_text(
        SETTINGS.format(folder=folder, broker=layout.port("kafka"), controller=layout.port("kafka-controller"))
    )
    java = [
        shutil.which("java") or "java",
        *JVM,
        f"-Dlog4j2.configurationFile={SOURCE}/log4j2.yaml",
        "-cp",
        f"{jars()}/*",
    ]
    if not (folder / "data" / "meta.properties").exists():
        tool = [*java, "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        cluster = load_secrets(layout)["KAFKA_CLUSTER_ID"]
        with (folder / "format.log").open("w") as log:
            command = [*tool, "-t", cluster, "-c", str(settings)]
            done = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise Failure("Kafka's storage could not be formatted.", f"Read {folder}/format.log")
    return [*java, "kafka.Kafka", str(settings)]


def ready(layout: Layout) -> bool:
    """Whether the broker listens (it opens its port when it has joined its own quorum)."""
    return answers(layout.port("kafka"))
