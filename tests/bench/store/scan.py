"""What a Kafka consumer does to rebuild one order: it reads the partition from its beginning and folds what has the key.

    scan.py (confluent | kafka-python) BOOTSTRAP KEY EVENTS

Folding is counting here, so that nothing is measured but the scan.
"""

import sys
import time


def confluent(bootstrap):
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "scan", "enable.auto.commit": False,
                         "fetch.max.bytes": 64 << 20, "max.partition.fetch.bytes": 8 << 20})
    consumer.assign([TopicPartition("orders", 0, 0)])
    while True:
        for message in consumer.consume(10_000, 1.0):
            yield message.key()


def kafka_python(bootstrap):
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False,
                             max_partition_fetch_bytes=8 << 20, fetch_max_bytes=64 << 20, max_poll_records=10_000)
    partition = TopicPartition("orders", 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    while True:
        for records in consumer.poll(timeout_ms=1_000).values():
            yield from (record.key for record in records)


def main():
    client, bootstrap, key, events = sys.argv[1], sys.argv[2], sys.argv[3].encode(), int(sys.argv[4])
    keys = confluent(bootstrap) if client == "confluent" else kafka_python(bootstrap)
    wall, cpu = time.perf_counter(), time.process_time()
    found = 0
    for seen, one in enumerate(keys, 1):
        found += one == key
        if seen == events:
            break
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"scan by {client}: {events} records, {found} of the key, {wall * 1000:.0f} ms wall, {cpu * 1000:.0f} ms of the "
          f"client's CPU, {events / wall / 1e6:.2f} M records/s", flush=True)


main()
