"""librdkafka against the guard: a refused batch is told why, and its idempotent producer goes on.

    refuse.py BOOTSTRAP REGISTRY

For every codec: a good record, a batch of good-bad-good, a good record, all from one idempotent producer. Exactly the
good ones that were acknowledged must be in the log, once, in order, and read back with the registry's serializers.
"""

import sys

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

SCHEMA = """{"type": "record", "name": "Payment", "namespace": "test", "fields": [
  {"name": "order_id", "type": "string"},
  {"name": "amount_cents", "type": "long"},
  {"name": "method", "type": {"type": "enum", "name": "Method", "symbols": ["CARD", "CASH"]}}]}"""


class Deliveries:
    def __init__(self):
        self.results = []

    def __call__(self, error, message):
        self.results.append((error.code() if error else None, error.str() if error else "",
                             None if error else message.offset()))


def produce(producer, topic, *values):
    deliveries = Deliveries()
    for value in values:
        producer.produce(topic, value=value, key=b"k", on_delivery=deliveries)
    left = producer.flush(30)
    assert left == 0, f"{left} records were never answered"
    return deliveries.results


def read_all(bootstrap, topic, count):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
                         "enable.partition.eof": True, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages = []
    while True:
        message = consumer.poll(30)
        assert message is not None, f"silence after {len(messages)} of {count} records"
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            break
        messages.append(message)
    consumer.close()
    return messages


def main():
    bootstrap, registry = sys.argv[1:3]
    client = SchemaRegistryClient({"url": registry})
    admin = AdminClient({"bootstrap.servers": bootstrap})
    checked = 0
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = f"payments-{codec}"
        admin.create_topics([NewTopic(topic, 1)])[topic].result()
        schema_id = client.register_schema(f"{topic}-value", Schema(SCHEMA, "AVRO"))
        serialize = AvroSerializer(client, SCHEMA, conf={"auto.register.schemas": False})
        context = SerializationContext(topic, MessageField.VALUE)

        def good(cents):
            payment = {"order_id": "o-1", "amount_cents": cents, "method": "CARD"}
            return serialize(payment, context)

        # The enum's index is the last byte; there is no third symbol.
        bad = good(1)[:-1] + b"\x04"
        producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True,
                             "compression.type": codec, "linger.ms": 200})
        assert produce(producer, topic, good(100)) == [(None, "", 0)]

        # With one bad record librdkafka blames the whole batch; with more it tells the innocent ones apart.
        codes = [code for code, _, _ in produce(producer, topic, good(101), bad, good(102))]
        assert codes == [KafkaError.INVALID_RECORD] * 3, codes
        codes = [code for code, _, _ in produce(producer, topic, bad, good(101), bad)]
        assert codes == [KafkaError.INVALID_RECORD, KafkaError._INVALID_DIFFERENT_RECORD,
                         KafkaError.INVALID_RECORD], codes

        (code, text, _), = produce(producer, topic, bad)
        assert code == KafkaError.INVALID_RECORD, (code, text)
        (code, text, _), = produce(producer, topic, b"no envelope at all")
        assert code == KafkaError.INVALID_RECORD, (code, text)
        (code, text, _), = produce(producer, topic, b"\x00\x00\x01\x00\x00payload")
        assert code == KafkaError.INVALID_RECORD, (code, text)

        assert produce(producer, topic, good(103)) == [(None, "", 1)], "the producer did not go on"
        assert produce(producer, topic, None) == [(None, "", 2)], "a tombstone is welcome"
        messages = read_all(bootstrap, topic, 3)
        deserialize = AvroDeserializer(client)
        cents = [deserialize(m.value(), context) for m in messages]
        assert [c and c["amount_cents"] for c in cents] == [100, 103, None], cents
        assert [m.offset() for m in messages] == [0, 1, 2]
        assert messages[0].value()[1:5] == schema_id.to_bytes(4, "big")
        checked += 1
    print(f"{checked} codecs: refused records named, the idempotent producer went on each time")


main()
