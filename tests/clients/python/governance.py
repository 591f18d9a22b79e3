"""What governs a subject, as unmodified Python clients ask for it: normal forms, metadata, rule sets, configs, modes,
deletes, contexts.

    governance.py REGISTRY

Wants an empty server. Registering, looking up and evolving is in registry.py, what serializers make of it in serdes.py
and json_records.py.
"""

import json
import sys

from confluent_kafka.schema_registry import (ConfigCompatibilityLevel, Metadata, MetadataProperties, Rule, RuleKind,
                                             RuleMode, RuleParams, RuleSet, Schema, SchemaReference,
                                             SchemaRegistryClient, ServerConfig)
from schema_registry.client import SchemaRegistryClient as OtherClient
from schema_registry.client import schema as other_schema

from registry import CONFLUENT, ORDER_1, ORDER_2, ORDER_BROKEN, OTHER, Http, capabilities, fails, holds, record, same

def properties(**pairs):
    return Metadata(tags=None, properties=MetadataProperties(pairs), sensitive=None)


def held(schema):
    return schema.metadata.properties.properties


def avro(text, **more):
    return Schema(text, "AVRO", **more)


def rule(name, expr):
    return Rule(name=name, doc=None, kind=RuleKind.CONDITION, mode=RuleMode.WRITE, type="CEL", tags=["PII"],
                params=RuleParams({"a": "b"}), expr=expr, on_success=None, on_failure="ERROR", disabled=False)


def rules(*those):
    return RuleSet(migration_rules=None, domain_rules=list(those))


# --- confluent-kafka ----------------------------------------------------------------------------------------------

def normal(client, subject, kind, written, usual):
    """Two texts of one schema: apart as they are, one when normalized."""
    sr = client()
    first = sr.register_schema_full_response(subject, Schema(written, kind), normalize_schemas=True)
    found = client().lookup_schema(subject, Schema(usual, kind), normalize_schemas=True)
    same((found.schema_id, found.version), (first.schema_id, 1), subject)
    same(client().register_schema(subject, Schema(usual, kind), normalize_schemas=True), first.schema_id)
    same(sr.get_versions(subject), [1])


def normal_avro(client):
    normal(client, "n-avro", "AVRO",
           '{"fields": [{"type": {"type": "string"}, "name": "id"}], "name": "N", "namespace": "test", "type": "record"}',
           record("N", ("id", "string")))


def normal_protobuf(client):
    normal(client, "n-proto", "PROTOBUF",
           '// a remark\nsyntax = "proto3";\npackage n;\n\nmessage N {\n  int64 cents = 2;\n  string id = 1;\n}\n',
           'syntax = "proto3"; package n; message N { string id = 1; int64 cents = 2; }')


def normal_json(client):
    normal(client, "n-json", "JSON", '{"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}}',
           '{"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "type": "object"}')


def metadata(client, web):
    """The newest version that carries certain properties."""
    sr, subject = client(), "md-orders"
    first = properties(major="1", owner="sales")
    sr.register_schema(subject, avro(ORDER_1, metadata=first))
    sr.register_schema(subject, avro(ORDER_2, metadata=properties(major="2", owner="sales")))
    found = client().get_latest_with_metadata(subject, {"major": "1"})
    same((found.version, held(found.schema)), (1, {"major": "1", "owner": "sales"}))
    same(client().get_latest_with_metadata(subject, {"owner": "sales"}).version, 2)
    same(client().get_latest_with_metadata(subject, {"owner": "sales", "major": "1"}).version, 1)
    fails(404, 40403, client().get_latest_with_metadata, subject, {"major": "3"})
    fails(404, 40401, client().get_latest_with_metadata, "md-none", {"major": "1"})
    same(held(client().get_version(subject, 1).schema), {"major": "1", "owner": "sales"})
    # The client cannot hash tags, so they go by hand.
    whole = {"tags": {"test.Order.id": ["PII"]}, "properties": {"owner": "sales"}, "sensitive": ["owner"]}
    web.ok("POST", "/subjects/md-tags/versions", {"schema": ORDER_1, "metadata": whole})
    same(web.ok("GET", "/subjects/md-tags/versions/1")["metadata"], whole)
    # Other metadata, other schema: another version with another id.
    again = client().register_schema_full_response(subject, avro(ORDER_2, metadata=properties(major="3")))
    same((again.version, held(client().get_latest_version(subject).schema)), (3, {"major": "3"}))


def rule_sets(client):
    sr, subject = client(), "rs-orders"
    wanted = rules(rule("positive", "message.cents > 0"))
    sr.register_schema(subject, avro(ORDER_1, rule_set=wanted))
    same(client().get_latest_version(subject).schema.rule_set.domain_rules, wanted.domain_rules)
    twice = rules(rule("r", "true"), rule("r", "false"))
    fails(422, 42210, client().register_schema, "rs-twice", avro(ORDER_1, rule_set=twice))


def configs(client):
    sr, subject = client(), "cf-orders"
    fails(404, 40408, sr.get_config, subject)
    sent = ServerConfig(compatibility=ConfigCompatibilityLevel.FULL, compatibility_group="major",
                        default_metadata=properties(owner="sales"))
    answer = sr.set_config(subject, sent)
    same((answer["compatibility"], answer["compatibilityGroup"]), ("FULL", "major"))
    found = sr.get_config(subject)
    same((found.compatibility_level, found.default_metadata.properties.properties),
         (ConfigCompatibilityLevel.FULL, {"owner": "sales"}))
    # What is not named is kept.
    sr.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.NONE))
    same((sr.get_config(subject).compatibility_level, sr.get_config(subject).compatibility_group),
         (ConfigCompatibilityLevel.NONE, "major"))
    same(sr.delete_config(subject).compatibility_level, ConfigCompatibilityLevel.NONE)
    fails(404, 40408, sr.get_config, subject)
    fails(404, 40401, sr.delete_config, subject)
    sr.set_config(config=ServerConfig(compatibility=ConfigCompatibilityLevel.FULL_TRANSITIVE))
    same(sr.get_config().compatibility_level, ConfigCompatibilityLevel.FULL_TRANSITIVE)
    sr.delete_config()
    same(sr.get_config().compatibility_level, ConfigCompatibilityLevel.BACKWARD)


def groups(client):
    """Versions are compared within their group only."""
    sr, subject = client(), "cf-groups"
    sr.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.BACKWARD, compatibility_group="major"))
    sr.register_schema(subject, avro(ORDER_1, metadata=properties(major="1")))
    fails(409, 40901, sr.register_schema, subject, avro(ORDER_BROKEN, metadata=properties(major="1")))
    sr.register_schema(subject, avro(ORDER_BROKEN, metadata=properties(major="2")))
    sr.register_schema(subject, avro(ORDER_2, metadata=properties(major="1")))
    same(sr.get_versions(subject), [1, 2, 3])


def defaults(client):
    """Metadata and rules that a config adds to what is registered under it."""
    sr, subject = client(), "cf-defaults"
    ours = rules(rule("ours", "true"))
    sr.set_config(subject, ServerConfig(default_metadata=properties(owner="sales", tier="1"),
                                        override_metadata=properties(tier="2"), default_rule_set=ours))
    sr.register_schema(subject, avro(ORDER_1))
    found = client().get_latest_version(subject).schema
    same((held(found), found.rule_set.domain_rules), ({"owner": "sales", "tier": "2"}, ours.domain_rules))
    sr.register_schema(subject, avro(ORDER_2, metadata=properties(owner="shop", tier="9")))
    same(held(client().get_latest_version(subject).schema), {"owner": "shop", "tier": "2"})


def modes(client):
    sr, subject = client(), "mo-orders"
    sr.register_schema(subject, avro(ORDER_1))
    fails(404, 40409, sr.get_mode, subject)
    same(sr.update_mode(subject, "READONLY"), "READONLY")
    same(sr.get_mode(subject), "READONLY")
    fails(422, 42205, client().register_schema, subject, avro(ORDER_2))
    fails(422, 42205, client().delete_subject, subject)
    same(client().get_latest_version(subject).version, 1, "reading goes on")
    same(sr.delete_mode(subject), "READONLY")
    sr.register_schema(subject, avro(ORDER_2))
    fails(404, 40401, sr.delete_mode, subject)
    fails(422, 42204, sr.update_mode, subject, "SIDEWAYS")
    same(sr.update_global_mode("READONLY"), "READONLY")
    same(sr.get_global_mode(), "READONLY")
    fails(422, 42205, client().register_schema, "mo-none", avro(ORDER_1))
    same(sr.update_mode(subject, "READWRITE"), "READWRITE")
    sr.register_schema(subject, avro(record("Order", ("id", "string"))))
    same(sr.update_global_mode("READWRITE"), "READWRITE")


def imports(client, web):
    """Ids and versions are given by whoever imports."""
    sr, subject = client(), "im-orders"
    fails(422, 42205, sr.update_global_mode, "IMPORT")
    same(sr.update_mode(subject, "IMPORT"), "IMPORT")
    fails(422, 42205, client().register_schema, subject, avro(ORDER_1))
    answer = web.ok("POST", f"/subjects/{subject}/versions", {"schema": ORDER_1, "id": 4711, "version": 3})
    same((answer["id"], answer["version"]), (4711, 3))
    # Compatibility is not asked for, and what was imported can be imported again.
    web.ok("POST", f"/subjects/{subject}/versions", {"schema": ORDER_BROKEN, "id": 4712, "version": 5})
    same(web.ok("POST", f"/subjects/{subject}/versions", {"schema": ORDER_1, "id": 4711, "version": 3})["id"], 4711)
    web.refused(422, 42205, "POST", f"/subjects/{subject}/versions", {"schema": ORDER_2, "id": 4711, "version": 6})
    same(client().get_versions(subject), [3, 5])
    same(client().get_version(subject, 5).schema_id, 4712)
    same(sr.update_mode(subject, "READWRITE"), "READWRITE")
    new = client().register_schema_full_response("im-later", avro(record("Later", ("id", "string"))))
    holds(new.schema_id > 4712, "new ids come after the imported ones")


def deletes(client):
    sr, subject = client(), "de-orders"
    first = sr.register_schema(subject, avro(ORDER_1))
    sr.register_schema(subject, avro(ORDER_2))
    fails(404, 40407, client().delete_version, subject, 1, permanent=True)
    same(sr.delete_version(subject, 1), 1)
    fails(404, 40406, client().delete_version, subject, 1)
    same((client().get_versions(subject), client().get_versions(subject, deleted=True)), ([2], [1, 2]))
    fails(404, 40402, client().get_version, subject, 1)
    same(client().get_version(subject, 1, deleted=True).schema_id, first)
    same(json.loads(client().get_schema(first).schema_str), json.loads(ORDER_1), "an id stays readable")
    fails(404, 40403, client().lookup_schema, subject, avro(ORDER_1))
    same(client().lookup_schema(subject, avro(ORDER_1), deleted=True).version, 1)
    # Registered again it is a new version with the old id.
    again = client().register_schema_full_response(subject, avro(ORDER_1))
    same((again.schema_id, again.version), (first, 3))
    same(client().delete_version(subject, "latest"), 3)
    same(client().delete_version(subject, 3, permanent=True), 3)
    fails(404, 40402, client().get_version, subject, 3, deleted=True)
    fails(404, 40405, client().delete_subject, subject, permanent=True)
    same(client().delete_subject(subject), [2])
    fails(404, 40401, client().get_versions, subject)
    fails(404, 40404, client().delete_subject, subject)
    holds(subject not in client().get_subjects(), "not listed")
    holds(subject in client().get_subjects(deleted=True), "listed among the deleted")
    same(sorted(client().delete_subject(subject, permanent=True))[-1], 2)
    fails(404, 40401, client().delete_subject, subject)
    holds(subject not in client().get_subjects(deleted=True), "gone")
    same(client().register_schema_full_response(subject, avro(ORDER_2)).version, 1, "and begins anew")


def deletes_and_references(client):
    """What others refer to is not deleted."""
    sr = client()
    sr.register_schema("de-money", avro(record("Money", ("cents", "long"))))
    line = avro(record("Line", ("price", "test.Money")), references=[SchemaReference("test.Money", "de-money", 1)])
    line_id = sr.register_schema("de-lines", line)
    same(sr.get_referenced_by("de-money", 1), [line_id])
    fails(422, 42206, client().delete_version, "de-money", 1)
    fails(422, 42206, client().delete_subject, "de-money")
    same(sr.delete_subject("de-lines"), [1])
    same(sr.delete_subject("de-lines", permanent=True), [1])
    same(client().get_referenced_by("de-money", 1), [])
    same(sr.delete_subject("de-money"), [1])


def contexts(client):
    """A context is another registry: own ids, own levels, own modes; chosen by the base URL or by the subject's name."""
    inside, subject = client("/contexts/.py"), "cx-orders"
    registered = inside.register_schema_full_response(subject, avro(ORDER_1))
    same((registered.schema_id, registered.version), (1, 1), "a context counts its own ids")
    same(inside.get_subjects(), [":.py:cx-orders"])
    same(client().get_versions(":.py:cx-orders"), [1])
    same(client().get_contexts(), [".", ".py"])
    holds(":.py:cx-orders" in client().get_subjects(), "listed among all")
    same(client().get_subjects(subject_prefix=":.py:"), [":.py:cx-orders"])
    same(json.loads(client("/contexts/.py").get_schema(1).schema_str), json.loads(ORDER_1))
    same(client("/contexts/.py").get_schema_by_guid(registered.guid).schema_type, "AVRO")
    same(inside.set_compatibility(subject, "NONE"), {"compatibility": "NONE"})
    same(client().get_compatibility(":.py:cx-orders"), "NONE")
    inside.register_schema(subject, avro(ORDER_BROKEN))
    # The same in the default context: its own version 1, and judged at its own level.
    client().register_schema(subject, avro(ORDER_1))
    fails(409, 40901, client().register_schema, subject, avro(ORDER_BROKEN))
    same(inside.update_mode(subject, "READONLY"), "READONLY")
    fails(422, 42205, client("/contexts/.py").register_schema, subject, avro(ORDER_2))
    client().register_schema(subject, avro(ORDER_2))


# --- python-schema-registry-client --------------------------------------------------------------------------------

def other_deletes(registry):
    client, subject = OtherClient(url=registry), "other-deleted"
    for text in (ORDER_1, ORDER_2):
        client.register(subject, other_schema.AvroSchema(text))
    same(client.delete_version(subject, 1), 1)
    same(client.get_versions(subject), [2])
    same(client.get_schema(subject, 1), None)
    same(client.delete_version(subject, 1), None, "this client takes any 404 for nothing")
    same(client.delete_subject(subject), [2])
    holds(subject not in client.get_subjects(), "not listed")


def other_context(registry):
    client = OtherClient(url=registry + "/contexts/.other")
    schema = other_schema.AvroSchema(ORDER_1)
    same(client.register("orders", schema), 1)
    same(client.get_subjects(), [":.other:orders"])
    same(OtherClient(url=registry + "/contexts/.other").get_by_id(1), schema)


def main():
    registry, = sys.argv[1:]
    web = Http(registry)

    def client(path=""):
        return SchemaRegistryClient({"url": registry + path})

    capabilities(
        CONFLUENT, "Avro, JSON Schema, Protobuf",
        ("contexts", contexts, client), ("normalize Avro", normal_avro, client),
        ("normalize Protobuf", normal_protobuf, client), ("normalize JSON Schema", normal_json, client),
        ("metadata", metadata, client, web), ("rule sets", rule_sets, client), ("config", configs, client),
        ("compatibility groups", groups, client), ("default metadata and rules", defaults, client),
        ("modes", modes, client), ("import", imports, client, web), ("deletes", deletes, client),
        ("deletes and references", deletes_and_references, client))
    capabilities(OTHER, "Avro", ("deletes", other_deletes, registry), ("contexts", other_context, registry))


main()
