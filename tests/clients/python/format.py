"""A data directory of today, filled and read back. `format.py write|read BOOTSTRAP REGISTRY`.

`write` leaves something of everything that has a form on disk: batches in each codec, sealed segments with their indexes
and snapshots, a compacted topic, key runs, records deleted from the front, transactions that are committed, aborted and
open, offsets of groups of both protocols, schemas. `read` says that all of it is there, and goes on with it.
"""

import json
import sys
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from reading import everything
from registry import ORDER_1, ORDER_2, holds, same

WAIT = 60
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
# The upkeep seals what has stood for a second, when it comes by; and what is sealed is compacted, or gets a key run.
SEALED = {"segment.ms": "1000"}
TOPICS = {
    "orders": SEALED,
    "latest": {**SEALED, "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01"},
    "codecs": {},
    "quick": {"annals.durability": "os"},
    "cut": SEALED,
    "ledger": {},
}
ORDERS = [{"id": f"o{number % 3}", "cents": 100 * number} for number in range(9)]
KEYS, ROUNDS = 5, 40
CUT_AT = 3
SUBJECT = "orders-value"


class Directory:
    def __init__(self, bootstrap, registry):
        self.settings = {"bootstrap.servers": bootstrap}
        self.admin = AdminClient(self.settings)
        self.registry = SchemaRegistryClient({"url": registry})
        self.context = SerializationContext("orders", MessageField.VALUE)

    def produce(self, topic, records, headers=None, **settings):
        """The error of each record, by number; None where there is none."""
        errors = []
        producer = Producer({**self.settings, "enable.idempotence": True, **settings})
        for key, value in records:
            producer.produce(topic, value, key, partition=0, headers=headers,
                             on_delivery=lambda error, _: errors.append(error and error.code()))
        same(producer.flush(WAIT), 0, f"answers from {topic}")
        return errors

    def writes(self, topic, records, **settings):
        same(self.produce(topic, records, **settings), [None] * len(records), topic)

    def there(self, topic, isolation="read_committed"):
        """(offset, key, value) of everything in partition 0."""
        settings = {**self.settings, "isolation.level": isolation, "fetch.wait.max.ms": 20}
        found = everything(settings, topic, WAIT)
        return [(message.offset(), message.key(), message.value()) for message in found]

    def values(self, topic):
        return [value for _, _, value in self.there(topic)]

    def order(self, order):
        settings = {"auto.register.schemas": False, "use.latest.version": True}
        return AvroSerializer(self.registry, conf=settings)({"note": None, **order}, self.context)

    def if_revision(self, key, expected):
        """Whether an order of this key was taken if that has this revision."""
        [error] = self.produce("orders", [(key, self.order({"id": key.decode(), "cents": 0}))],
                               {"annals-expected-revision": str(expected).encode()})
        return error is None

    def transactional(self, name):
        producer = Producer({**self.settings, "transactional.id": name, "transaction.timeout.ms": 900_000})
        producer.init_transactions(WAIT)
        return producer

    def offset(self, group):
        asked = [ConsumerGroupTopicPartitions(group)]
        [place] = self.admin.list_consumer_group_offsets(asked)[group].result().topic_partitions
        return place.topic, place.partition, place.offset, place.metadata

    def joined(self, group, protocol):
        """Reads two records in a group, and commits that."""
        consumer = Consumer({**self.settings, "group.id": group, "group.protocol": protocol, "enable.auto.commit": False,
                             "auto.offset.reset": "earliest"})
        consumer.subscribe(["codecs"])
        for _ in range(2):
            message = consumer.poll(WAIT)
            holds(message is not None and message.error() is None, f"a record in {group}")
        consumer.commit(message, asynchronous=False)
        consumer.close()


def write(directory):
    for made in directory.admin.create_topics([NewTopic(name, 1, config=config) for name, config in TOPICS.items()]).values():
        made.result()
    for text in (ORDER_1, ORDER_2):
        directory.registry.register_schema(SUBJECT, Schema(text, "AVRO"))
    directory.registry.set_compatibility(SUBJECT, "FULL")
    directory.writes("orders", [(order["id"].encode(), directory.order(order)) for order in ORDERS])
    for number in range(ROUNDS):
        directory.writes("latest", [(b"%d" % key, b"%d" % number) for key in range(KEYS)])
    for codec in CODECS:
        directory.writes("codecs", [(None, codec.encode() * 20)] * 3, **{"compression.type": codec, "linger.ms": 100})
    directory.writes("quick", [(None, b"q")])
    directory.writes("cut", [(None, b"%d" % number) for number in range(6)], **{"batch.num.messages": 1})
    for deleted in directory.admin.delete_records([TopicPartition("cut", 0, CUT_AT)]).values():
        same(deleted.result().low_watermark, CUT_AT, "cut")
    for protocol in ("classic", "consumer"):
        directory.joined(f"{protocol}-readers", protocol)
    writer = directory.transactional("ledger")
    group = Consumer({**directory.settings, "group.id": "sums"}).consumer_group_metadata()
    for number in range(3):
        writer.begin_transaction()
        writer.produce("ledger", b"%d" % number, partition=0)
        same(writer.flush(WAIT), 0, "an abortion takes back what was not sent")
        writer.send_offsets_to_transaction([TopicPartition("orders", 0, number + 1)], group, WAIT)
        writer.abort_transaction(WAIT) if number == 2 else writer.commit_transaction(WAIT)
    # Sealed, compacted, and asked about: that makes a key run.
    deadline = time.monotonic() + 4 * WAIT
    while len(directory.there("latest")) > KEYS + 1:
        holds(time.monotonic() < deadline, "the upkeep comes by")
        time.sleep(1)
        directory.writes("latest", [(b"last", b"%d" % time.monotonic())])
    holds(not directory.if_revision(b"o0", 7), "a revision that is not so is refused")
    holds(directory.if_revision(b"o0", 2), "the revision of a key")
    # And one that nobody ends.
    writer = directory.transactional("open")
    writer.begin_transaction()
    writer.produce("ledger", b"open", partition=0)
    same(writer.flush(WAIT), 0, "the open transaction")


def read(directory):
    registered = directory.registry.get_versions(SUBJECT), directory.registry.get_compatibility(SUBJECT)
    same(registered, ([1, 2], "FULL"), "what the registry has")
    texts = [json.loads(directory.registry.get_schema(number).schema_str) for number in (1, 2)]
    same(texts, [json.loads(ORDER_1), json.loads(ORDER_2)], "schemas")
    decode = AvroDeserializer(directory.registry)
    orders = [decode(value, directory.context) for value in directory.values("orders")]
    same(orders, [{**order, "note": None} for order in [*ORDERS, {"id": "o0", "cents": 0}]], "orders")
    same(directory.produce("orders", [(None, b"no order")]), [KafkaError.INVALID_RECORD], "a record that is no order")
    holds(not directory.if_revision(b"o0", 2), "what was the revision")
    holds(directory.if_revision(b"o0", 3), "the revision")
    holds(directory.if_revision(b"o1", 2), "the revision of another key")
    latest = {key: value for _, key, value in directory.there("latest")}
    latest.pop(b"last", None)
    same(latest, {b"%d" % key: b"%d" % (ROUNDS - 1) for key in range(KEYS)}, "the latest of each key")
    same(directory.values("codecs"), [codec.encode() * 20 for codec in CODECS for _ in range(3)], "codecs")
    same(directory.values("quick"), [b"q"], "a topic without syncs")
    cut = [(offset, None, b"%d" % offset) for offset in range(CUT_AT, 6)]
    same(directory.there("cut"), cut, "what was not deleted")
    same(directory.values("ledger"), [b"0", b"1"], "what is committed")
    same([value for _, _, value in directory.there("ledger", "read_uncommitted")], [b"0", b"1", b"2", b"open"], "all")
    for protocol in ("classic", "consumer"):
        same(directory.offset(f"{protocol}-readers")[:3], ("codecs", 0, 2), f"the offset of a {protocol} group")
    same(directory.offset("sums")[:3], ("orders", 0, 2), "the offset of a transaction")
    # Its next life ends what was left open, and goes on; nothing else keeps readers back then.
    writer = directory.transactional("open")
    writer.begin_transaction()
    writer.produce("ledger", b"goes on", partition=0)
    writer.commit_transaction(WAIT)
    same(directory.values("ledger"), [b"0", b"1", b"goes on"], "what is committed then")
    for topic in ("codecs", "quick", "cut", "latest"):
        directory.writes(topic, [(b"new", b"new")])
        same(directory.there(topic)[-1][1:], (b"new", b"new"), topic)
    print("everything is there")


def main(how, bootstrap, registry):
    {"write": write, "read": read}[how](Directory(bootstrap, registry))


main(*sys.argv[1:])
