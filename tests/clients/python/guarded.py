"""Records that name their schema in a header, as the registry's serializers write them, and where refused ones are found.

    guarded.py BOOTSTRAP REGISTRY

Avro, Protobuf and JSON Schema, with the schema's id before the payload and with its guid in a header, for keys and
values: good records are taken and read back, bad ones refused. What is refused is in the topic of dead letters, with
the reason that the client does not show.
"""

import sys
import urllib.request

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
from confluent_kafka.schema_registry import (SchemaRegistryClient, dual_schema_id_deserializer,
                                             header_schema_id_serializer, prefix_schema_id_serializer)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# The text is there because the Avro deserializer takes payloads of less than six bytes for nothing.
AVRO = '{"type": "record", "name": "P", "fields": [{"name": "n", "type": "long"}, {"name": "text", "type": "string"}]}'
JSON = '{"title": "P", "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'


def produce_one(producer, topic, key, value, headers):
    """The error's number and text, or nothing and nothing."""
    results = []
    producer.produce(topic, key=key, value=value, headers=headers,
                     on_delivery=lambda error, _: results.append((error.code(), error.str()) if error else (None, "")))
    left = producer.flush(30)
    assert left == 0, f"{left} records were never answered"
    return results[0]


def read_all(bootstrap, topic, count):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages = []
    while len(messages) < count:
        message = consumer.poll(30)
        assert message is not None and message.error() is None, f"{message} after {len(messages)} of {count} records"
        messages.append(message)
    consumer.close()
    return messages


def second_message():
    """The class of the second message of a file, so that its indexes are not those of the first."""
    file = descriptor_pb2.FileDescriptorProto(name="guarded.proto", package="guarded", syntax="proto3")
    for name, kind in (("First", "TYPE_STRING"), ("Second", "TYPE_INT64")):
        field = file.message_type.add(name=name).field.add(name="n", number=1)
        field.type = getattr(descriptor_pb2.FieldDescriptorProto, kind)
        field.label = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("guarded.Second"))


def main():
    bootstrap, registry = sys.argv[1:3]
    client = SchemaRegistryClient({"url": registry})
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic("dead", 1)])["dead"].result()
    second = second_message()
    n_of = {"avro": lambda value: value["n"], "json": lambda value: value["n"], "protobuf": lambda value: value.n}
    dead = []
    for kind in n_of:
        for place, name_schema in (("prefix", prefix_schema_id_serializer), ("header", header_schema_id_serializer)):
            topic = f"guarded-{kind}-{place}"
            config = {"annals.key.guard": "full", "confluent.value.schema.validation": "true", "annals.dead.letter.topic": "dead"}
            admin.create_topics([NewTopic(topic, 1, config=config)])[topic].result()
            told = admin.describe_configs([ConfigResource("topic", topic)])
            told = {name: entry for config in told.values() for name, entry in config.result().items()}
            assert told["confluent.value.schema.validation"].value == "true"
            assert told["annals.value.guard"].value == "subject" and told["annals.key.guard"].value == "full"
            conf = {"schema.id.serializer": name_schema}
            serializers = {
                "avro": lambda: AvroSerializer(client, AVRO, conf=conf),
                "json": lambda: JSONSerializer(JSON, client, conf=conf),
                "protobuf": lambda: ProtobufSerializer(second, client, {**conf, "use.deprecated.format": False}),
            }
            # One of their own: a client keeps the text of a schema in the format it was first asked for.
            reader = SchemaRegistryClient({"url": registry})
            read = {"schema.id.deserializer": dual_schema_id_deserializer}
            deserializers = {
                "avro": lambda: AvroDeserializer(reader, conf=read),
                "json": lambda: JSONDeserializer(JSON, schema_registry_client=reader, conf=read),
                "protobuf": lambda: ProtobufDeserializer(second, {**read, "use.deprecated.format": False}, reader),
            }
            serialize, deserialize = serializers[kind](), deserializers[kind]()
            producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True})

            def record(number):
                headers = []
                sides = []
                for field in (MessageField.KEY, MessageField.VALUE):
                    context = SerializationContext(topic, field, headers)
                    value = second(n=number) if kind == "protobuf" else {"n": number, "text": "sixteen letters."}
                    sides.append(serialize(value, context))
                return sides, headers

            (key, value), headers = record(7)
            names = sorted(name for name, _ in headers)
            assert names == (["__key_schema_id", "__value_schema_id"] if place == "header" else []), names
            code, text = produce_one(producer, topic, key, value, headers)
            assert code is None, (topic, text)
            # A key that does not read with its schema: more bytes than it has, or none of them.
            code, text = produce_one(producer, topic, key + b"\xff\xff", value, headers)
            assert code == KafkaError.INVALID_RECORD, (topic, code, text)
            dead.append((topic, key + b"\xff\xff", value))
            code, text = produce_one(producer, topic, key, value, headers)
            assert code is None, (topic, text)
            for message in read_all(bootstrap, topic, 2):
                context = SerializationContext(topic, MessageField.VALUE, message.headers())
                assert n_of[kind](deserialize(message.value(), context)) == 7
    letters = read_all(bootstrap, "dead", len(dead))
    assert [(dict(m.headers())["__annals.errors.topic"].decode(), m.key(), m.value()) for m in letters] == dead
    for letter in letters:
        headers = {name: value.decode() for name, value in letter.headers() if name.startswith("__annals.errors.")}
        assert headers["__annals.errors.code"] == "INVALID_PAYLOAD", headers
        assert headers["__annals.errors.partition"] == "0" and int(headers["__annals.errors.schema.id"]) > 0, headers
        assert headers["__annals.errors.topic"] + "-key v1" in headers["__annals.errors.message"], headers
        page = urllib.request.urlopen(f"{registry}/console/topics/{headers['__annals.errors.topic']}").read().decode()
        assert "INVALID_PAYLOAD" in page, "the console shows the latest refusals"
    print(f"{len(dead)} topics: schemas named before the payload and in headers, refused records found as dead letters")


main()
