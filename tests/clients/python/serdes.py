"""Serializers of unmodified Python clients: records they write go through the broker, and are read again.

    serdes.py BOOTSTRAP REGISTRY

confluent-kafka's for Avro and Protobuf, python-schema-registry-client's for Avro. All topics are guarded at full, as
topics with a registered subject are, so whatever is acknowledged here was understood by the server too.
"""

import base64
import sys

from confluent_kafka.schema_registry import (Schema, SchemaReference, SchemaRegistryClient,
                                             topic_record_subject_name_strategy)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, message_factory, text_format
from schema_registry.client import SchemaRegistryClient as OtherClient
from schema_registry.client import schema as other_schema
from schema_registry.serializers import AvroMessageSerializer

from broker import Broker
from registry import CONFLUENT, ORDER_1, ORDER_2, ORDER_BROKEN, OTHER, Http, capabilities, fails, holds, record, same


def avro_through_the_broker(registry, broker):
    """A topic's record grows: old data with the new reader, new data with the old one."""
    context = broker.create("cc-orders")
    writers = [AvroSerializer(SchemaRegistryClient({"url": registry}), text) for text in (ORDER_1, ORDER_2)]
    old, new = {"id": "o-1", "cents": 5}, {"id": "o-2", "cents": 7, "note": "fragile"}
    written = [writers[0](old, context), writers[1](new, context)]
    broker.produce("cc-orders", *written)
    values = broker.consume("cc-orders", 2)
    same(values, written, "records are kept byte for byte")
    ids = [int.from_bytes(value[1:5], "big") for value in values]
    holds(ids[0] != ids[1], "each is framed with its own schema's id")
    broker.assigned_without_an_offset("cc-orders")

    sr = SchemaRegistryClient({"url": registry})
    same(sr.get_versions("cc-orders-value"), [1, 2])
    for reader, wanted in ((None, [old, new]), (ORDER_2, [{**old, "note": None}, new]),
                           (ORDER_1, [old, {"id": "o-2", "cents": 7}])):
        read = AvroDeserializer(sr, reader)
        same([read(value, context) for value in values], wanted, reader)
    latest = AvroSerializer(sr, conf={"auto.register.schemas": False, "use.latest.version": True})
    same(latest(new, context), written[1], "the newest version, asked for")
    try:
        AvroSerializer(sr, ORDER_BROKEN)({"id": "o-3", "cents": "7"}, context)
        raise AssertionError("an incompatible schema was registered")
    except SchemaRegistryError as error:
        same((error.http_status_code, error.error_code), (409, 40901))
    broker.refuses("cc-orders", written[0][:-1])

    # One topic, a record each: the subject is the topic and the record's name.
    context = broker.create("cc-events")
    strategy = {"subject.name.strategy": topic_record_subject_name_strategy}
    for name in ("Placed", "Paid"):
        write = AvroSerializer(sr, record(name, ("id", "string")), conf=strategy)
        broker.produce("cc-events", write({"id": name}, context))
    same(sr.get_subjects(subject_prefix="cc-events"), ["cc-events-test.Paid", "cc-events-test.Placed"])
    values = broker.consume("cc-events", 2)
    same([AvroDeserializer(sr, conf=strategy)(value, context)["id"] for value in values], ["Placed", "Paid"])


def keys(registry, broker):
    """Only keys have a subject here, so only keys are judged."""
    broker.create("cc-keyed")
    sr = SchemaRegistryClient({"url": registry})
    key = AvroSerializer(sr, '"string"')("k-1", SerializationContext("cc-keyed", MessageField.KEY))
    same(sr.get_subjects(subject_prefix="cc-keyed"), ["cc-keyed-key"])
    broker.produce("cc-keyed", b"free text", key=key)
    broker.refuses("cc-keyed", b"free text", key=key[:-1])


def avro_references(web, registry, broker):
    """A record that builds upon another subject's."""
    context = broker.create("cc-lines")
    sr = SchemaRegistryClient({"url": registry})
    money = Schema(record("Money", ("cents", "long"), ("currency", "string")), "AVRO")
    money_id = sr.register_schema("cc-money", money)
    line = Schema(record("Line", ("sku", "string"), ("price", "test.Money")), "AVRO",
                  [SchemaReference("test.Money", "cc-money", 1)])
    fails(422, 42201, sr.register_schema, "cc-lines-value", Schema(line.schema_str, "AVRO"))
    value = {"sku": "s-1", "price": {"cents": 120, "currency": "EUR"}}
    written = AvroSerializer(sr, line)(value, context)
    broker.produce("cc-lines", written)
    same(AvroDeserializer(SchemaRegistryClient({"url": registry}))(broker.consume("cc-lines", 1)[0], context), value)
    line_id = sr.lookup_schema("cc-lines-value", line).schema_id
    same(sr.get_referenced_by("cc-money", 1), [line_id])
    same(web.ok("GET", f"/schemas/ids/{line_id}")["references"],
         [{"name": "test.Money", "subject": "cc-money", "version": 1}])
    holds("references" not in web.ok("GET", f"/schemas/ids/{money_id}"), "no empty lists")
    broker.refuses("cc-lines", written[:-1])


MONEY_PROTO = 'syntax = "proto3";\npackage shop;\nmessage Money { int64 cents = 1; string currency = 2; }\n'
PARCEL_PROTO = """syntax = "proto3";
package shop;
import "google/protobuf/duration.proto";
import "shop/money.proto";
message Ignored { bool unused = 1; }
message Parcel {
  message Leg { string hub = 1; }
  string id = 1;
  Money postage = 2;
  google.protobuf.Duration travelled = 3;
  repeated Leg legs = 4;
}
"""
MONEY_DESCRIPTOR = """name: "shop/money.proto" package: "shop" syntax: "proto3" message_type { name: "Money"
  field { name: "cents" number: 1 label: LABEL_OPTIONAL type: TYPE_INT64 }
  field { name: "currency" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING } }"""
PARCEL_DESCRIPTOR = """name: "shop/parcel.proto" package: "shop" syntax: "proto3"
  dependency: "google/protobuf/duration.proto" dependency: "shop/money.proto"
  message_type { name: "Ignored" field { name: "unused" number: 1 label: LABEL_OPTIONAL type: TYPE_BOOL } }
  message_type { name: "Parcel"
    nested_type { name: "Leg" field { name: "hub" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING } }
    field { name: "id" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "postage" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".shop.Money" }
    field { name: "travelled" number: 3 label: LABEL_OPTIONAL type: TYPE_MESSAGE
            type_name: ".google.protobuf.Duration" }
    field { name: "legs" number: 4 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".shop.Parcel.Leg" } }"""


def message_classes():
    """What a compiler's generated modules would hold: the classes of Parcel and Leg."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(duration_pb2.DESCRIPTOR.serialized_pb)
    for text in (MONEY_DESCRIPTOR, PARCEL_DESCRIPTOR):
        pool.Add(text_format.Parse(text, descriptor_pb2.FileDescriptorProto()))
    messages = [pool.FindMessageTypeByName(name) for name in ("shop.Parcel", "shop.Parcel.Leg")]
    return [message_factory.GetMessageClass(message) for message in messages]


def parcels(topic, registry, broker, conf, with_leg):
    """A message with an import, and one nested in it, written with a serializer's settings, read by a fresh client."""
    parcel_class, leg_class = message_classes()
    parcel = parcel_class(id="p-1", legs=[leg_class(hub="AMS"), leg_class(hub="LEJ")])
    parcel.postage.cents, parcel.postage.currency, parcel.travelled.seconds = 499, "EUR", 3600
    pairs = [(parcel_class, parcel)] + [(leg_class, leg_class(hub="CDG"))] * with_leg

    context = broker.create(topic)
    written = [ProtobufSerializer(kind, SchemaRegistryClient({"url": registry}), conf)(message, context)
               for kind, message in pairs]
    # Message indexes: the second message of the file, and the first one within that.
    for value, indexes in zip(written, (b"\x02\x02", b"\x04\x02\x00")):
        holds(value[5:].startswith(indexes), value)
    broker.produce(topic, *written)
    for (kind, message), value in zip(pairs, broker.consume(topic, len(pairs))):
        read = ProtobufDeserializer(kind, {}, SchemaRegistryClient({"url": registry}))
        same(read(value, context), message, topic)
    broker.refuses(topic, written[0][:-1])
    stored = SchemaRegistryClient({"url": registry}).get_latest_version(topic + "-value").schema
    same([reference.name for reference in stored.references], ["shop/money.proto"], topic)
    holds("message Parcel" in stored.schema_str, f"{topic} is stored as text: {stored.schema_str}")


def protobuf_registered_as_text(registry, broker):
    sr = SchemaRegistryClient({"url": registry})
    sr.register_schema("cc-money-proto", Schema(MONEY_PROTO, "PROTOBUF"))
    text = Schema(PARCEL_PROTO, "PROTOBUF", [SchemaReference("shop/money.proto", "cc-money-proto", 1)])
    sr.register_schema("cc-parcels-value", text)
    money = text_format.Parse(MONEY_DESCRIPTOR, descriptor_pb2.FileDescriptorProto()).SerializeToString()
    compiled = Schema(base64.b64encode(money).decode(), "PROTOBUF")
    same(sr.lookup_schema("cc-money-proto", compiled).version, 1, "a compiled file finds its text")
    # With the newest version asked for, the serializer knows top-level messages only.
    parcels("cc-parcels", registry, broker, {"auto.register.schemas": False, "use.latest.version": True}, False)


def protobuf_registered_by_the_serializer(registry, broker):
    """It sends compiled files in base64, each import under a subject of its own."""
    parcels("cc-auto", registry, broker, {"auto.register.schemas": True}, True)
    sr = SchemaRegistryClient({"url": registry})
    same((sr.get_versions("shop/money.proto"), sr.get_versions("cc-auto-value")), ([1], [1]))
    # A file compiled elsewhere and the text it was compiled from are one schema.
    compiled = sr.get_latest_version("shop/money.proto")
    same(sr.lookup_schema("shop/money.proto", Schema(MONEY_PROTO, "PROTOBUF"), True).version, compiled.version)


def the_other_serializer(registry, broker):
    broker.create("other")
    first, second = (other_schema.AvroSchema(text) for text in (ORDER_1, ORDER_2))
    old, new = {"id": "o-1", "cents": 5}, {"id": "o-2", "cents": 7, "note": None}
    write = AvroMessageSerializer(OtherClient(url=registry))
    broker.produce("other", *[write.encode_record_with_schema("other-value", schema, value)
                              for schema, value in ((first, old), (second, new))])
    read = AvroMessageSerializer(OtherClient(url=registry), reader_schema=second.raw_schema)
    same([read.decode_message(value) for value in broker.consume("other", 2)], [{**old, "note": None}, new])


def main():
    bootstrap, registry = sys.argv[1:]
    broker = Broker(bootstrap)
    capabilities(CONFLUENT, "Avro, Protobuf", ("Avro records", avro_through_the_broker, registry, broker),
                 ("Avro keys", keys, registry, broker),
                 ("Avro references", avro_references, Http(registry), registry, broker),
                 ("Protobuf registered as text", protobuf_registered_as_text, registry, broker),
                 ("Protobuf registered by the serializer", protobuf_registered_by_the_serializer, registry, broker))
    capabilities(OTHER, "Avro", ("Avro records", the_other_serializer, registry, broker))


if __name__ == "__main__":
    main()
