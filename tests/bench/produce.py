"""Produce 1 KB Avro records with librdkafka (acks=all, idempotence on) with the guard off, id, subject and full, plain
and in lz4, and with the guard off in every other codec.

    produce.py BOOTSTRAP REGISTRY SERVER_PID [MEGABYTES] [ROUNDS]

Prints, per row, the median over the rounds of MB/s, of the server's CPU-seconds per GB (user + system, of its process
alone, so what the client burns does not count), and of how many times the CPU of the same round with the guard off that
is. The rows take turns, so a noisy machine is noisy to all of them.
"""

import io
import json
import os
import random
import statistics
import struct
import sys
import time
import urllib.request

import fastavro
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

MODES = ["off", "id", "subject", "full"]
# A row of the result: its guard and its codec.
ROWS = [(mode, codec) for codec in ("none", "lz4") for mode in MODES]
ROWS += [("off", codec) for codec in ("gzip", "snappy", "zstd")]
SCHEMA = {
    "type": "record", "name": "Reading", "namespace": "bench",
    "fields": [
        {"name": "id", "type": "string"}, {"name": "seq", "type": "long"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "text", "type": "string"},
    ],
}


def register(registry, subject):
    body = json.dumps({"schema": json.dumps(SCHEMA)}).encode()
    request = urllib.request.Request(f"{registry}/subjects/{subject}/versions", body,
                                     {"Content-Type": "application/vnd.schemaregistry.v1+json"})
    return json.load(urllib.request.urlopen(request))["id"]


def values(schema_id, count=256):
    import decimal
    parsed, out, rng = fastavro.parse_schema(SCHEMA), [], random.Random(1)
    for seq in range(count):
        record = {"id": f"r-{seq}", "seq": seq, "at": 1_700_000_000_000 + seq, "tags": ["a", "bb", "ccc"],
                  "price": decimal.Decimal("12.34"), "note": None if seq % 2 else "n", "text": ""}
        record["text"] = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz      ", k=960))
        buffer = io.BytesIO(struct.pack(">bI", 0, schema_id))
        buffer.seek(0, os.SEEK_END)
        fastavro.schemaless_writer(buffer, parsed, record)
        out.append(buffer.getvalue())
    return out


def cpu_seconds(pid):
    # What clock_getcpuclockid(3) gives: finer than the ticks in /proc.
    return time.clock_gettime(~int(pid) << 3 | 2)


def run(bootstrap, topic, codec, payloads, megabytes, pid):
    failed = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True, "compression.type": codec,
                         "linger.ms": 5, "batch.size": 1_000_000, "queue.buffering.max.messages": 200_000})
    size = sum(map(len, payloads)) / len(payloads)
    count = int(megabytes * 1e6 / size)
    started, burnt = time.monotonic(), cpu_seconds(pid)
    for n in range(count):
        while True:
            try:
                producer.produce(topic, payloads[n % len(payloads)], key=b"k%d" % (n % 1000),
                                 on_delivery=lambda error, _: error and failed.append(error))
                break
            except BufferError:
                producer.poll(0.01)
        if n % 1000 == 0:
            producer.poll(0)
    producer.flush()
    seconds, burnt = time.monotonic() - started, cpu_seconds(pid) - burnt
    assert not failed, failed[0]
    return count * size / 1e6 / seconds, burnt / (count * size / 1e9)


def main():
    bootstrap, registry, pid = sys.argv[1:4]
    megabytes = float(sys.argv[4]) if len(sys.argv) > 4 else 200
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 5
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for mode in MODES:
        topic = NewTopic(f"bench-{mode}", 1, config={"annals.value.guard": mode})
        for future in admin.create_topics([topic]).values():
            try:
                future.result()
            except Exception as error:  # a second run finds its topics
                if "exists" not in str(error):
                    raise
        schema_id = register(registry, f"bench-{mode}-value")
    payloads = values(schema_id)
    figures = {row: [] for row in ROWS}
    for _ in range(rounds):
        for mode, codec in ROWS:
            figures[mode, codec].append(run(bootstrap, f"bench-{mode}", codec, payloads, megabytes, pid))
    print(f"{'guard':8} {'codec':7} {'MB/s':>8} {'CPU-s/GB':>9} {'× off':>6}   median of {rounds} rounds of {megabytes:.0f} MB "
          f"before compression, {sum(map(len, payloads)) // len(payloads)} B records")
    for (mode, codec), runs in figures.items():
        rate, burnt = (statistics.median(run[at] for run in runs) for at in (0, 1))
        times = statistics.median(run[1] / off[1] for run, off in zip(runs, figures["off", codec]))
        print(f"{mode:8} {codec:7} {rate:8.0f} {burnt:9.2f} {times:6.2f}")


main()
