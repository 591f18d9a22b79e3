"""Us beside Apache Kafka and beside the limit (limit.rs): produce, consume, a group of three, latency, start-up.

    kafka.py CLASSPATH ANNALS LIMIT [quick]

One Kafka (KRaft, one node, default settings: it never syncs) and one of us, which keeps some topics synced (`fsync`)
and others not (`os`). Kafka's own perf tools drive both, in turns, so a noisy machine is noisy to all. Every figure is
a median over the rounds. CPU is that of the server process (user and system, from /proc); so is the peak of its memory.
"""

import os
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from datetime import datetime

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

CLASSPATH, ANNALS, LIMIT = sys.argv[1:4]
QUICK = sys.argv[4:] == ["quick"]
ROUNDS = WARM_UPS = 3
MEGABYTES = 150 if QUICK else 500
BATCH_BYTES = 64 * 1024
PRODUCER = {"acks": "all", "enable.idempotence": "true", "linger.ms": "5", "batch.size": str(BATCH_BYTES)}
# Driver, bytes a record, partitions, codec.
CASES = [("java", 1000, 1, "none"), ("java", 1000, 12, "none"), ("java", 1000, 12, "lz4"), ("java", 100, 12, "none")]
if not QUICK:
    CASES += [("java", 1000, 1, "lz4"), ("java", 100, 1, "none"), ("java", 100, 1, "lz4"), ("java", 100, 12, "lz4"),
              ("librdkafka", 1000, 1, "none"), ("librdkafka", 1000, 12, "none")]
# Every system, and how it keeps topics.
SYSTEMS = {"kafka": None, "annals fsync": "fsync", "annals os": "os"}
FIGURES = ["MB/s", "msg/s", "CPU-s/GB", "peak MB", "p50 ms", "p99 ms", "p99.9 ms"]


class Server:
    """A process that serves clients."""

    def __init__(self, command, port=0, **options):
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **options)
        self.bootstrap = f"127.0.0.1:{port}"

    def cpu_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_megabytes(self):
        status = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024 / 1e6

    def measure(self, gigabytes, work):
        """What the work says, and what it cost the server."""
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as file:
            file.write("5")  # the peak begins anew
        burnt = self.cpu_seconds()
        figures = work()
        return {**figures, "CPU-s/GB": (self.cpu_seconds() - burnt) / gigabytes, "peak MB": self.peak_megabytes()}

    def stop(self):
        self.process.terminate()
        self.process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def java(main, *args, jvm=()):
    return ["java", *jvm, "-cp", CLASSPATH, main, *map(str, args)]


def start_kafka(folder):
    port, controller, properties = free_port(), free_port(), f"{folder}/server.properties"
    with open(properties, "w") as file:
        file.write(f"process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n"
                   f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n"
                   f"controller.listener.names=CONTROLLER\nlog.dirs={folder}/kafka\noffsets.topic.replication.factor=1\n"
                   "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n")
    if not os.path.exists(f"{folder}/kafka"):
        subprocess.run(java("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c", properties),
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # What its start script gives it.
    jvm = ["-Xms1G", "-Xmx1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
           "-XX:+ExplicitGCInvokesConcurrent"]
    return lambda: Server(java("kafka.Kafka", properties, jvm=jvm), port, stdout=subprocess.DEVNULL)


def start_annals(folder):
    port = free_port()
    command = [ANNALS, "serve", "--data-dir", f"{folder}/annals", "--kafka-listen", f"127.0.0.1:{port}",
               "--http-listen", "127.0.0.1:0"]
    return lambda: Server(command, port, stdout=subprocess.DEVNULL)


def create_topic(server, name, partitions, durability):
    config = {"annals.durability": durability} if durability else {}
    admin = AdminClient({"bootstrap.servers": server.bootstrap, "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 50})
    topic = NewTopic(name, partitions, replication_factor=1, config=config)
    for future in admin.create_topics([topic], request_timeout=60).values():
        future.result()


def first_ack(start, name):
    """Seconds from the start of the process to the answer to a client's first record."""
    started = time.monotonic()
    server = start()
    host, port = server.bootstrap.split(":")
    while True:
        try:
            socket.create_connection((host, int(port))).close()
            break
        except OSError:
            time.sleep(0.01)
    create_topic(server, name, 1, None)
    producer = Producer({"bootstrap.servers": server.bootstrap, "linger.ms": 0})
    producer.produce(name, b"first")
    assert producer.flush(60) == 0
    return server, time.monotonic() - started


def tool(main, *args):
    """What one of Kafka's tools prints."""
    done = subprocess.run(java(f"org.apache.kafka.tools.{main}", *args), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def produce_java(server, topic, size, count, codec, per_second=-1):
    properties = [f"{key}={value}" for key, value in {**PRODUCER, "compression.type": codec}.items()]
    out = tool("ProducerPerformance", "--bootstrap-server", server.bootstrap, "--topic", topic, "--record-size", size,
               "--num-records", count, "--throughput", per_second, "--warmup-records", count // 5,
               "--command-property", *properties)
    # The last of its summaries is that of the records behind the warm-up.
    summary = [line for line in out.splitlines() if "99.9th" in line][-1]
    found = re.search(r"([\d.]+) records/sec.* (\d+) ms 50th.* (\d+) ms 99th, (\d+) ms 99.9th", summary)
    rate, p50, p99, p999 = map(float, found.groups())
    return {"MB/s": rate * size / 1e6, "msg/s": rate, "p50 ms": p50, "p99 ms": p99, "p99.9 ms": p999}


def produce_librdkafka(server, topic, size, count, codec):
    failed, value = [], os.urandom(size)
    producer = Producer({**PRODUCER, "bootstrap.servers": server.bootstrap, "compression.type": codec})
    started = time.monotonic()
    for _ in range(count):
        while True:
            try:
                producer.produce(topic, value, on_delivery=lambda error, _: error and failed.append(error))
                break
            except BufferError:
                producer.poll(0.01)
        producer.poll(0)
    producer.flush()
    assert not failed, failed[0]
    rate = count / (time.monotonic() - started)
    return {"MB/s": rate * size / 1e6, "msg/s": rate}


def limit(folder, size, count, partitions, durability):
    """Sends the limit as many bytes in requests like a producer's: a batch a file in each, five of them under way."""
    batches = b"".join(struct.pack("<II", file, BATCH_BYTES) + bytes(BATCH_BYTES) for file in range(partitions))
    request, requests = struct.pack("<I", len(batches)) + batches, max(1, size * count // len(batches))
    server = Server([LIMIT, f"{folder}/limit", str(partitions), durability], stdout=subprocess.PIPE, text=True)
    port = int(server.process.stdout.readline())

    def send(stream):
        started, answered = time.monotonic(), 0
        for sent in range(1, requests + 1):
            stream.sendall(request)
            while sent - answered >= 5 or answered < sent == requests:
                answered += len(stream.recv(64))
        rate = requests * len(batches) / (time.monotonic() - started)
        return {"MB/s": rate / 1e6, "msg/s": rate / size}

    with socket.create_connection(("127.0.0.1", port)) as stream:
        figures = server.measure(requests * len(batches) / 1e9, lambda: send(stream))
    server.process.wait()
    shutil.rmtree(f"{folder}/limit")
    return figures


def consume(server, topic, size, counts, group):
    """Consumers of one group, each of which takes so many records."""
    command = java("org.apache.kafka.tools.ConsumerPerformance", "--bootstrap-server", server.bootstrap, "--topic", topic,
                   "--group", group, "--hide-header", "--num-records")
    consumers = [subprocess.Popen([*command, str(count)], stdout=subprocess.PIPE, text=True) for count in counts]
    # Start, end, MB, MB/s, records, …; what is said of the time without rebalances is wrong when there are several.
    rows = [consumer.communicate()[0].strip().splitlines()[-1].split(", ") for consumer in consumers]
    started, ended = ([datetime.strptime(row[at], "%Y-%m-%d %H:%M:%S:%f") for row in rows] for at in (0, 1))
    rate = sum(int(row[4]) for row in rows) / (max(ended) - min(started)).total_seconds()
    return {"MB/s": rate * size / 1e6, "msg/s": rate}


def one_at_a_time(server, topic, count):
    """Each record is sent when the one before has come back."""
    out = tool("EndToEndLatency", server.bootstrap, topic, count, "all", 1000)
    p50, p99, p999 = re.search(r"50th = (\d+), 99th = (\d+), 99.9th = (\d+)", out).groups()
    return {"p50 ms": float(p50), "p99 ms": float(p99), "p99.9 ms": float(p999)}


def print_table(title, rows):
    print(f"\n{title}\n{'':16}" + "".join(f"{figure:>10}" for figure in FIGURES))
    for name, runs in rows.items():
        cells = ""
        for figure in FIGURES:
            known = [run[figure] for run in runs if figure in run]
            value = statistics.median(known) if known else None
            cells += " " * 10 if value is None else f"{value:10.2f}" if figure == "CPU-s/GB" else f"{value:10.0f}"
        print(f"{name:16}{cells}", flush=True)


def in_turns(rounds, work, extra=()):
    """Runs of every system and of what else there is (name → work), by name."""
    runs = {}
    for number in range(rounds):
        for name in SYSTEMS:
            runs.setdefault(name, []).append(work(name, number))
        for name, other in dict(extra).items():
            runs.setdefault(name, []).append(other())
    return runs


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = tempfile.mkdtemp(prefix="annals-bench-")
    servers = []
    try:
        starts = {"kafka": start_kafka(folder), "annals": start_annals(folder)}
        for name, start in starts.items():
            seconds = []
            for number in range(ROUNDS):
                server, took = first_ack(start, f"first-{number}")
                seconds.append(took)
                if number + 1 < ROUNDS:
                    server.stop()
            servers.append(server)
            print(f"{name}: start to first ack {statistics.median(seconds):.2f} s", flush=True)
        bench(folder, dict(zip(starts, servers)))
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder)


def bench(folder, servers):
    def server(name):
        return servers[name.split()[0]]

    def topic(name, case):
        return "-".join([*name.split(), *map(str, case)])

    def produce(name, case, per_second=-1):
        driver, size, _, codec = case
        count = MEGABYTES * 1_000_000 // size
        if driver == "librdkafka":
            def work():
                return produce_librdkafka(server(name), topic(name, case), size, count, codec)
        else:
            def work():
                return produce_java(server(name), topic(name, case), size, count, codec, per_second)
        return server(name).measure(count * size / 1e9, work)

    for case in CASES:
        for name, durability in SYSTEMS.items():
            create_topic(server(name), topic(name, case), case[2], durability)
    in_turns(WARM_UPS, lambda name, _: produce(name, CASES[1]))

    for case in CASES:
        driver, size, partitions, codec = case
        count = MEGABYTES * 1_000_000 // size
        limits = {f"limit {durability}": lambda durability=durability: limit(folder, size, count, partitions, durability)
                  for durability in ("fsync", "os")}
        runs = in_turns(ROUNDS, lambda name, _: produce(name, case), limits)
        print_table(f"produce, {driver}, {size} B, {partitions} partitions, {codec}", runs)

    wide = CASES[1]
    size, count = wide[1], MEGABYTES * 1_000_000 // wide[1]
    peak = statistics.median(produce("kafka", wide)["msg/s"] for _ in range(ROUNDS))
    runs = in_turns(ROUNDS, lambda name, _: produce(name, wide, int(peak / 2)))
    print_table(f"produce at {peak / 2:.0f} msg/s, {size} B, 12 partitions", runs)

    for consumers in (1, 3):
        def take(name, number):
            group = f"bench-{consumers}-{number}"
            work = lambda: consume(server(name), topic(name, wide), size, [count // consumers] * consumers, group)
            return server(name).measure(count * size / 1e9, work)

        print_table(f"consume, {size} B, 12 partitions, a group of {consumers}", in_turns(ROUNDS, take))

    for name, durability in SYSTEMS.items():
        create_topic(server(name), topic(name, ["latency"]), 1, durability)
    samples = 1000 if QUICK else 10_000
    runs = in_turns(ROUNDS, lambda name, _: one_at_a_time(server(name), topic(name, ["latency"]), samples))
    print_table("end to end, one record of 1000 B at a time", runs)


main()
