"""JSON Schema serializers of unmodified Python clients, and schema ids in record headers: records go through the broker
and are read again.

    json_records.py BOOTSTRAP REGISTRY

All topics are guarded at full, as topics with a registered subject are, so whatever is acknowledged here was understood
by the server too.
"""

import json
import sys

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.schema_registry import (Schema, SchemaReference, SchemaRegistryClient, dual_schema_id_deserializer,
                                             header_schema_id_serializer)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError
from schema_registry.client import SchemaRegistryClient as OtherClient
from schema_registry.client import schema as other_schema
from schema_registry.serializers import JsonMessageSerializer

from broker import Broker
from registry import CONFLUENT, ORDER_1, OTHER, capabilities, fails, holds, same
from serdes import message_classes

ADDRESS = {"$id": "https://example.com/address.json", "type": "object", "required": ["city"],
           "properties": {"city": {"type": "string"}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}}}
PERSON = {"title": "Person", "type": "object", "required": ["name"], "additionalProperties": False,
          "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}}}


def schema(document, *references):
    return Schema(json.dumps(document), "JSON", list(references))


def records(client, broker):
    context = broker.create("cc-people")
    write = JSONSerializer(json.dumps(PERSON), client())
    values = [{"name": "Ada", "age": 36}, {"name": "Grace"}]
    written = [write(value, context) for value in values]
    broker.produce("cc-people", *written)
    found = broker.consume("cc-people", 2)
    same(found, written, "records are kept byte for byte")
    for read in (JSONDeserializer(None, schema_registry_client=client()), JSONDeserializer(json.dumps(PERSON))):
        same([read(value, context) for value in found], values)
    stored = client().get_latest_version("cc-people-value")
    same((stored.schema.schema_type, json.loads(stored.schema.schema_str)), ("JSON", PERSON))
    latest = JSONSerializer(None, client(), conf={"auto.register.schemas": False, "use.latest.version": True})
    same(latest(values[0], context), written[0], "the newest version, asked for")
    # What the serializer would not write, the guard does not take.
    careless = JSONSerializer(json.dumps(PERSON), client(), conf={"validate": False})
    for wrong in ({"name": "Ada", "age": -1}, {"age": 36}, {"name": 5}, {"name": "Ada", "email": "a@example.com"}):
        try:
            write(wrong, context)
            raise AssertionError(f"{wrong} was written")
        except SerializationError:
            broker.refuses("cc-people", careless(wrong, context))
    broker.refuses("cc-people", written[0][:-1])


def references(client, broker):
    context, sr = broker.create("cc-homes"), client()
    sr.register_schema("cc-address", schema(ADDRESS))
    home = {**PERSON, "properties": {**PERSON["properties"], "home": {"$ref": ADDRESS["$id"]}}}
    refers = schema(home, SchemaReference(ADDRESS["$id"], "cc-address", 1))
    value = {"name": "Ada", "home": {"city": "London", "zip": "12345"}}
    written = JSONSerializer(refers, sr)(value, context)
    broker.produce("cc-homes", written)
    read = JSONDeserializer(None, schema_registry_client=client())
    same(read(broker.consume("cc-homes", 1)[0], context), value)
    careless = JSONSerializer(refers, client(), conf={"validate": False})
    broker.refuses("cc-homes", careless({"name": "Ada", "home": {"zip": "12345"}}, context))
    home_id = client().lookup_schema("cc-homes-value", refers).schema_id
    same(sr.get_referenced_by("cc-address", 1), [home_id])


def evolving(client):
    sr, subject = client(), "cc-json"
    sr.register_schema(subject, schema(PERSON))
    more = {**PERSON["properties"], "email": {"type": "string"}}
    wider, tighter = {**PERSON, "properties": more}, {**PERSON, "required": ["name", "age"]}
    narrower = {**PERSON, "properties": {**PERSON["properties"], "age": {"type": "string"}}}
    holds(sr.test_compatibility(subject, schema(wider)), "an optional property of a closed object")
    for broken, kind in ((tighter, "REQUIRED_ATTRIBUTE_ADDED"), (narrower, "TYPE_CHANGED")):
        same(sr.test_compatibility(subject, schema(broken)), False, kind)
        message = fails(409, 40901, sr.register_schema, subject, schema(broken))
        holds(kind in message and subject in message, message)
    sr.register_schema(subject, schema(wider))
    same(client().get_versions(subject), [1, 2])
    # An open object: what was not described until now may have been anything.
    opened = {key: value for key, value in PERSON.items() if key != "additionalProperties"}
    sr.register_schema("cc-json-open", schema(opened))
    same(sr.test_compatibility("cc-json-open", schema({**opened, "properties": more})), False, "open")


# --- ids in headers -----------------------------------------------------------------------------------------------

def with_headers(broker, topic, serializer, deserializer, value):
    """The id is a GUID in a record header, the value has no frame."""
    broker.create(topic)
    headers = []
    context = SerializationContext(topic, MessageField.VALUE, headers)
    written = serializer(value, context)
    same([(name, len(guid) >= 17, guid[0]) for name, guid in headers], [("__value_schema_id", True, 1)])
    failed = []
    producer = Producer({"bootstrap.servers": broker.bootstrap, "acks": "all"})
    producer.produce(topic, written, headers=headers, on_delivery=lambda error, _: failed.append(error and error.str()))
    producer.flush(30)
    same(failed, [None], topic)
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(30)
    same((message.value(), message.headers()), (written, headers))
    consumer.close()
    same(deserializer(message.value(), SerializationContext(topic, MessageField.VALUE, message.headers())), value, topic)
    producer.produce(topic, written[:-1], headers=headers, on_delivery=lambda error, _: failed.append(error.code()))
    producer.flush(30)
    same(failed[1:], [KafkaError.INVALID_RECORD], "half a value")


def avro_headers(client, broker):
    with_headers(broker, "cc-head-avro", AvroSerializer(client(), ORDER_1, conf=WRITE),
                 AvroDeserializer(client(), conf=READ), {"id": "order-1", "cents": 5})


def protobuf_headers(client, broker):
    _, leg = message_classes()
    with_headers(broker, "cc-head-proto", ProtobufSerializer(leg, client(), WRITE),
                 ProtobufDeserializer(leg, READ, client()), leg(hub="AMS"))


def json_headers(client, broker):
    with_headers(broker, "cc-head-json", JSONSerializer(json.dumps(PERSON), client(), conf=WRITE),
                 JSONDeserializer(None, schema_registry_client=client(), conf=READ), {"name": "Ada", "age": 36})


WRITE = {"schema.id.serializer": header_schema_id_serializer}
READ = {"schema.id.deserializer": dual_schema_id_deserializer}


# --- python-schema-registry-client --------------------------------------------------------------------------------

def other_records(registry, broker):
    broker.create("other-people")
    write = JsonMessageSerializer(OtherClient(url=registry))
    value = {"name": "Ada", "age": 36}
    written = write.encode_record_with_schema("other-people-value", other_schema.JsonSchema(PERSON), value)
    broker.produce("other-people", written)
    read = JsonMessageSerializer(OtherClient(url=registry))
    same(read.decode_message(broker.consume("other-people", 1)[0]), value)
    broker.refuses("other-people", written[:5] + b'{"age": 36}')


def main():
    bootstrap, registry = sys.argv[1:]
    broker = Broker(bootstrap)

    def client():
        return SchemaRegistryClient({"url": registry})

    capabilities(
        CONFLUENT, "Avro, JSON Schema, Protobuf",
        ("JSON Schema records", records, client, broker), ("JSON Schema references", references, client, broker),
        ("evolving JSON Schema", evolving, client), ("Avro GUIDs in headers", avro_headers, client, broker),
        ("Protobuf GUIDs in headers", protobuf_headers, client, broker),
        ("JSON Schema GUIDs in headers", json_headers, client, broker))
    capabilities(OTHER, "JSON Schema", ("JSON Schema records", other_records, registry, broker))


main()
