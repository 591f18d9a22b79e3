"""Transactions over a broker that is killed. `killed.py BOOTSTRAP write|check FILE`.

`write` makes one transaction after the other until it loses the broker: six records in two topics and a group's offset,
two of three committed, and notes in FILE what it began and what it was told. `check` begins the producer's next life and
reads what is committed: each transaction whole or absent, what was told to be committed there, what was told to be
aborted not, and the group's offset that of the last one.
"""

import sys
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from registry import holds, same

WAIT = 30
TOPICS = {"killed-a": 2, "killed-b": 1}
RECORDS = 6
GROUP = "killed"


def told(path):
    """The last thing noted of each transaction: `began`, `committed` or `aborted`."""
    try:
        with open(path) as lines:
            return {int(number): word for word, number in (line.split() for line in lines)}
    except FileNotFoundError:
        return {}


def next_life(bootstrap):
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "killed", "log_level": 0,
                         "message.timeout.ms": 4000, "transaction.timeout.ms": 5000})
    producer.init_transactions(WAIT)
    return producer


def write(bootstrap, path):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    known = admin.list_topics(timeout=WAIT).topics
    new = [NewTopic(name, partitions) for name, partitions in TOPICS.items() if name not in known]
    for made in (admin.create_topics(new) if new else {}).values():
        made.result()
    begun = max(told(path), default=0)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": GROUP})
    producer = next_life(bootstrap)
    with open(path, "a", buffering=1) as notes:

        def note(word):
            print(word, begun, file=notes)
            # Whoever kills the broker reads along.
            print(word, begun, flush=True)

        try:
            while True:
                begun += 1
                note("began")
                producer.begin_transaction()
                for record in range(RECORDS):
                    topic = list(TOPICS)[record % 2]
                    producer.produce(topic, f"{begun}/{record}".encode(), partition=record % TOPICS[topic])
                offset = [TopicPartition("killed-a", 0, begun)]
                producer.send_offsets_to_transaction(offset, consumer.consumer_group_metadata(), 3)
                if begun % 3:
                    producer.commit_transaction(3)
                    note("committed")
                else:
                    producer.abort_transaction(3)
                    note("aborted")
        except KafkaException:
            pass


def read(bootstrap):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "killed-reader", "isolation.level": "read_committed",
                         "auto.offset.reset": "earliest", "enable.partition.eof": True})
    places = [TopicPartition(topic, number, 0) for topic, count in TOPICS.items() for number in range(count)]
    consumer.assign(places)
    values, ended, deadline = [], set(), time.monotonic() + WAIT
    while len(ended) < len(places):
        holds(time.monotonic() < deadline, "the end of what is committed")
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            ended.add((message.topic(), message.partition()))
        else:
            values.append(message.value().decode())
    consumer.close()
    return values


def check(bootstrap, path):
    next_life(bootstrap)
    outcomes = told(path)
    found = {}
    for value in read(bootstrap):
        number, record = map(int, value.split("/"))
        found.setdefault(number, []).append(record)
    for number, records in found.items():
        same(sorted(records), list(range(RECORDS)), f"transaction {number} is whole, and there once")
        holds(outcomes[number] != "aborted", f"transaction {number} was aborted")
    for number, outcome in outcomes.items():
        holds(outcome != "committed" or number in found, f"transaction {number} was committed")
    admin = AdminClient({"bootstrap.servers": bootstrap})
    offsets = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(GROUP)])[GROUP].result().topic_partitions
    last = max(found, default=None)
    same([place.offset for place in offsets], [last] if last else [], "the group's offset")
    told_committed = sum(outcome == "committed" for outcome in outcomes.values())
    print(f"killed: {len(outcomes)} transactions begun, {told_committed} told to be committed, {len(found)} there")


bootstrap, what, path = sys.argv[1:]
{"write": write, "check": check}[what](bootstrap, path)
