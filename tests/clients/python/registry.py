"""The registry's API as plain HTTP, confluent-kafka's client and python-schema-registry-client see it.

    registry.py REGISTRY

Wants an empty server: the first part checks that ids begin at 1 and have no gaps. What serializers make of it is in
serdes.py.
"""

import hashlib
import http.client
import json
import sys
import urllib.parse
import uuid
from importlib import metadata

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from schema_registry.client import SchemaRegistryClient as OtherClient
from schema_registry.client import errors as other_errors
from schema_registry.client import schema as other_schema

V1_JSON = "application/vnd.schemaregistry.v1+json"
V_JSON = "application/vnd.schemaregistry+json"
JSON = "application/json"
BODY_BYTES_MAX = 2 * 1024 * 1024
LEVELS = ("NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")


def record(name, *fields, namespace="test"):
    fields = [{"name": field, "type": kind, **({"default": default[0]} if default else {})}
              for field, kind, *default in fields]
    return json.dumps({"type": "record", "name": name, "namespace": namespace, "fields": fields})


# The same record over time: each follows the one before, except the last, whose `cents` nothing else can be read as.
ORDER_1 = record("Order", ("id", "string"), ("cents", "long"))
ORDER_2 = record("Order", ("id", "string"), ("cents", "long"), ("note", ["null", "string"], None))
ORDER_3 = record("Order", ("id", "string"), ("cents", "long"), ("note", ["null", "string"], None),
                 ("by", "string", "-"))
ORDER_BROKEN = record("Order", ("id", "string"), ("cents", "string"))

CONFLUENT = f"confluent-kafka (Python) {metadata.version('confluent-kafka')}"
OTHER = f"python-schema-registry-client {metadata.version('python-schema-registry-client')}"

checks = 0


def same(found, wanted, what=""):
    global checks
    checks += 1
    assert found == wanted, f"{what}\n  found  {found!r}\n  wanted {wanted!r}"


def holds(condition, what):
    same(bool(condition), True, what)


def capabilities(client, formats, *parts):
    """Each part is a capability, a function and its arguments; a line each, then the client's line in the matrix."""
    told = []
    for capability, part, *arguments in parts:
        before = checks
        part(*arguments)
        told.append(capability)
        print(f"  {client}: {capability}: {checks - before} checks")
    print(f"client {client} | {formats} | {', '.join(told)}")


# --- plain HTTP ---------------------------------------------------------------------------------------------------

class Http:
    """Requests as they are written here and nothing added; one connection each."""

    def __init__(self, registry):
        self.address = urllib.parse.urlparse(registry).netloc

    def send(self, method, path, body=None, **headers):
        """Status, content type, and the answer: parsed, or its bytes where it is no JSON."""
        connection = http.client.HTTPConnection(self.address, timeout=30)
        body = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        try:
            data = json.loads(data)
        except ValueError:
            pass
        return answer.status, answer.headers.get("Content-Type"), data

    def refused(self, status, code, method, path, body=None, **headers):
        """The request is refused in the API's own shape; answers the message."""
        headers = {"Content_Type": V1_JSON, **headers}
        found, kind, answer = self.send(method, path, body, **headers)
        same((found, kind), (status, V1_JSON), f"{method} {path} {str(body)[:200]}: {answer}")
        same(sorted(answer), ["error_code", "message"], f"{method} {path}")
        same(answer["error_code"], code, f"{method} {path} {str(body)[:200]}: {answer}")
        holds(len(answer["message"]) > 10, f"{method} {path}: {answer}")
        return answer["message"]

    def ok(self, method, path, body=None, **headers):
        status, _, answer = self.send(method, path, body, **{"Content_Type": V1_JSON, **headers})
        same(status, 200, f"{method} {path} {str(body)[:200]}: {answer}")
        return answer


def contents_and_ids(web):
    same(web.ok("GET", "/subjects"), [], "the server is not empty")
    first = web.ok("POST", "/subjects/ids-a/versions", {"schema": ORDER_1})
    same(sorted(first), ["guid", "id", "schema", "schemaType", "version"])
    same((first["id"], first["version"], first["schemaType"], first["schema"]),
         (1, 1, "AVRO", json.dumps(json.loads(ORDER_1), separators=(",", ":"))))
    same(uuid.UUID(first["guid"]), uuid.UUID(bytes=hashlib.md5(first["schema"].encode()).digest()))
    again = web.ok("POST", "/subjects/ids-a/versions", {"schema": ORDER_1})
    same(again, first, "registering again changes nothing")
    spaced = json.dumps(json.loads(ORDER_1), indent=4)
    elsewhere = web.ok("POST", "/subjects/ids-b/versions", {"schema": spaced})
    same(elsewhere, first, "the same content has the same id and guid under another subject")
    second = web.ok("POST", "/subjects/ids-a/versions", {"schema": ORDER_2})
    same((second["id"], second["version"]), (2, 2))
    holds(second["guid"] != first["guid"], "another content, another guid")
    same(web.ok("POST", "/subjects/ids-b/versions", {"schema": ORDER_3})["id"], 3, "ids have no gaps")
    web.refused(409, 40901, "POST", "/subjects/ids-a/versions", {"schema": ORDER_BROKEN})
    same(web.ok("POST", "/subjects/ids-c/versions", {"schema": "\"int\""})["id"], 4, "a refusal takes no id")

    by_id = web.ok("GET", "/schemas/ids/1")
    holds(by_id.pop("ts") > 1_500_000_000_000, "a time in milliseconds")
    same(by_id, {"schemaType": "AVRO", "schema": first["schema"], "guid": first["guid"], "deleted": False})
    named = web.ok("GET", "/schemas/ids/1?subject=ids-b&fetchMaxId=true")
    same((named["subject"], named["version"], named["maxId"]), ("ids-b", 1, 4))
    for path in (f"/schemas/guids/{first['guid']}", f"/schemas/guids/{first['guid'].replace('-', '')}"):
        same(web.ok("GET", path)["schema"], first["schema"], path)
    same(web.ok("GET", f"/schemas/guids/{first['guid']}/ids"), [{"context": ".", "id": 1}])
    for path in ("/schemas/ids/1/schema", "/subjects/ids-a/versions/1/schema"):
        same(web.ok("GET", path), json.loads(ORDER_1), path)
    same(web.ok("GET", "/schemas/ids/4/schema"), "int", "a named primitive type stays in its short form")
    same(sorted(web.ok("GET", "/schemas/types")), ["AVRO", "JSON", "PROTOBUF"])
    same(web.ok("GET", "/subjects"), ["ids-a", "ids-b", "ids-c"])
    same(web.ok("GET", "/subjects?offset=1&limit=1"), ["ids-b"])
    version = web.ok("GET", "/subjects/ids-a/versions/LATEST")
    same((version["subject"], version["version"], version["id"]), ("ids-a", 2, 2))
    same(web.ok("GET", "/subjects/ids-a/versions/-1"), version)


def plain_http(web):
    for method in ("GET", "POST"):
        same(web.send(method, "/"), (200, V1_JSON, {}), method)
    same(web.send("HEAD", "/"), (200, V1_JSON, b""))

    for accept, kind in ((None, V1_JSON), ("*/*", V1_JSON), (V1_JSON, V1_JSON), (V_JSON, V_JSON), (JSON, JSON),
                         (f"{V1_JSON}, {V_JSON}, {JSON}", V1_JSON), (f"{JSON}, {V_JSON};q=0.2", JSON)):
        headers = {"Accept": accept} if accept else {}
        same(web.send("GET", "/schemas/types", **headers)[:2], (200, kind), f"Accept: {accept}")
    web.refused(406, 406, "GET", "/schemas/types", Accept="text/html")

    body = json.dumps({"schema": ORDER_1}).encode()
    for kind in (V1_JSON, V_JSON, JSON, JSON + "; charset=utf-8", "application/octet-stream"):
        same(web.send("POST", "/subjects/kinds/versions", body, Content_Type=kind)[0], 200, kind)
    same(web.send("POST", "/subjects/kinds/versions", body)[0], 200, "no content type")
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        web.refused(415, 415, "POST", "/subjects/kinds/versions", body, Content_Type=kind)

    for name in ("pkg/a.proto", "with space", "ünïcode", "100%", "a+b", "q?x#y"):
        path = "/subjects/" + urllib.parse.quote(name, safe="") + "/versions"
        web.ok("POST", path, {"schema": ORDER_1})
        same(web.ok("GET", path), [1], name)
        holds(name in web.ok("GET", "/subjects"), name)

    unknown = {"schema": ORDER_1, "colour": "green", "nested": {"a": [1, None]}}
    web.ok("POST", "/subjects/kinds/versions", unknown)
    web.ok("POST", "/subjects/kinds?anything=goes", unknown)
    web.ok("PUT", "/config/kinds", {"compatibility": "FULL", "colour": "green"})

    versions = "/subjects/kinds/versions"
    for text in (b'{"schema": ', b"nonsense", b'{"schema": "\\ud800"}', b'{"schema": 5}', b"[1]", b'"text"', b"\xff"):
        web.refused(400, 400, "POST", versions, text)
    for text in (None, b"", b"null"):
        web.refused(422, 422, "POST", versions, text)
    nested = {"schema": "[" * 100_000}
    web.refused(422, 42201, "POST", versions, nested)
    web.refused(400, 400, "POST", versions, b"[" * 100_000)
    fits = json.dumps({"schema": "x" * (BODY_BYTES_MAX - 14)}).encode()
    same(len(fits), BODY_BYTES_MAX)
    holds(web.send("POST", versions, fits)[0] != 413, "a body as long as the limit")
    web.refused(413, 413, "POST", versions, fits + b" ")
    web.refused(405, 405, "PATCH", "/subjects")
    web.refused(404, 404, "GET", "/no/such/path")
    web.refused(404, 404, "GET", "/schemas/ids/one")


def codes(web):
    """Every code that a client may branch on."""
    web.ok("POST", "/subjects/codes/versions", {"schema": ORDER_1})
    for path in ("/subjects/none/versions", "/subjects/none/versions/1", "/subjects/none/versions/latest"):
        holds("none" in web.refused(404, 40401, "GET", path), path)
    web.refused(404, 40401, "POST", "/subjects/none", {"schema": ORDER_1})
    web.refused(404, 40401, "DELETE", "/config/none")
    holds("9" in web.refused(404, 40402, "GET", "/subjects/codes/versions/9"), "the version is named")
    web.refused(404, 40402, "GET", "/subjects/codes/versions/9/schema")
    web.refused(404, 40402, "POST", "/compatibility/subjects/codes/versions/9", {"schema": ORDER_1})
    for path in ("/schemas/ids/99999", "/schemas/ids/99999/schema", "/schemas/ids/99999/versions", "/schemas/ids/0",
                 "/schemas/ids/-1", "/schemas/guids/00000000-0000-0000-0000-000000000000", "/schemas/ids/4294967296"):
        web.refused(404, 40403, "GET", path)
    web.refused(404, 40403, "POST", "/subjects/codes", {"schema": ORDER_2})
    web.refused(404, 40408, "GET", "/config/codes")
    web.refused(404, 40409, "GET", "/mode/codes")
    for schema in ("{", "", "{}", "\"no.such.Type\"", record("1st", ("x", "int")), record("A", ("x", "int", "text"))):
        web.refused(422, 42201, "POST", "/subjects/fresh/versions", {"schema": schema})
    web.refused(422, 42201, "POST", "/subjects/fresh/versions", {})
    web.refused(422, 42201, "POST", "/subjects/fresh/versions", {"schema": ORDER_1, "schemaType": "XML"})
    web.refused(422, 42201, "POST", "/subjects/fresh/versions", {"schema": "message M {", "schemaType": "PROTOBUF"})
    lost = [{"name": "test.Lost", "subject": "none", "version": 1}]
    message = web.refused(422, 42201, "POST", "/subjects/fresh/versions", {"schema": ORDER_1, "references": lost})
    holds("none" in message, message)
    web.refused(404, 40401, "GET", "/subjects/fresh/versions")
    for version in ("0", "-2", "first", "1.0", "2147483648", "%20"):
        web.refused(422, 42202, "GET", f"/subjects/codes/versions/{version}")
    for level in ("SIDEWAYS", "", 5):
        web.refused(422, 42203, "PUT", "/config/codes", {"compatibility": level})
    web.refused(422, 42203, "PUT", "/config", {"compatibility": "SIDEWAYS"})
    web.refused(422, 42205, "POST", "/subjects/codes/versions", {"schema": ORDER_2, "id": 77})
    same(web.ok("POST", "/compatibility/subjects/codes/versions/latest?verbose=true", {"schema": "{"})["is_compatible"],
         False, "what cannot be read is a verdict when verbose")


# --- confluent-kafka ----------------------------------------------------------------------------------------------

def fails(status, code, call, *arguments, **named):
    """The client raises the registry's refusal; answers the message."""
    try:
        answer = call(*arguments, **named)
    except SchemaRegistryError as error:
        same((error.http_status_code, error.error_code), (status, code), error)
        return error.error_message
    raise AssertionError(f"{call.__name__}{arguments} answered {answer}")


def confluent_client(registry):
    def client():
        return SchemaRegistryClient({"url": registry})

    sr, subject = client(), "cc/orders-value"
    first, second, broken = (Schema(text, "AVRO") for text in (ORDER_1, ORDER_2, ORDER_BROKEN))
    registered = sr.register_schema_full_response(subject, first)
    holds(registered.guid and registered.version == 1, registered)
    same(client().get_schema(registered.schema_id).schema_str, json.dumps(json.loads(ORDER_1), separators=(",", ":")))
    same(client().get_schema_by_guid(registered.guid).schema_type, "AVRO")
    found = client().lookup_schema(subject, first)
    same((found.subject, found.version, found.schema_id, found.guid),
         (subject, 1, registered.schema_id, registered.guid))
    fails(404, 40403, client().lookup_schema, subject, second)
    same(sr.register_schema(subject, second), client().lookup_schema(subject, second).schema_id)
    same(sr.get_versions(subject), [1, 2])
    same([client().get_version(subject, version).version for version in (1, 2, "latest")], [1, 2, 2])
    latest = client().get_latest_version(subject)
    same((latest.version, json.loads(latest.schema.schema_str)), (2, json.loads(ORDER_2)))
    holds(subject in sr.get_subjects(), "the subject is listed")
    same(sr.get_subjects(subject_prefix="cc/"), [subject])
    holds(subject in sr.get_subjects_by_schema_id(latest.schema_id), "the id names its subjects")
    uses = [(used.subject, used.version) for used in sr.get_schema_versions(latest.schema_id)]
    holds((subject, 2) in uses, uses)
    same(sorted(sr.get_schema_types()), ["AVRO", "JSON", "PROTOBUF"])
    same((sr.get_global_mode(), sr.get_contexts()), ("READWRITE", ["."]))

    same(sr.get_compatibility(), "BACKWARD")
    holds(sr.test_compatibility(subject, second) and sr.test_compatibility_all_versions(subject, first), "compatible")
    for verbose in (False, True):
        same(sr.test_compatibility(subject, broken, verbose=verbose), False)
        same(sr.test_compatibility_all_versions(subject, broken, verbose=verbose), False)
    holds(sr.test_compatibility("cc-none", first), "nothing to be incompatible with")
    message = fails(409, 40901, sr.register_schema, subject, broken)
    for part in (subject, "TYPE_MISMATCH", "/fields/1/type", "STRING", "LONG", "oldSchemaVersion: 2", "BACKWARD"):
        holds(part in message, f"{part} is missing: {message}")
    fails(404, 40408, sr.get_compatibility, subject)
    for level in LEVELS:
        same(sr.set_compatibility(subject, level), {"compatibility": level})
        same(sr.get_compatibility(subject), level)
    removal = Schema(record("Order", ("id", "string")), "AVRO")
    same(sr.test_compatibility(subject, removal), False, "a removed field without default breaks old readers")
    sr.set_compatibility(subject, "BACKWARD")
    holds(sr.test_compatibility(subject, removal), "but not new ones")
    same(sr.get_config(subject).compatibility_level.value, "BACKWARD")
    sr.delete_config(subject)
    fails(404, 40408, sr.get_compatibility, subject)
    same(sr.set_compatibility(level="full"), {"compatibility": "FULL"})
    same(sr.get_compatibility(), "FULL")
    sr.set_compatibility(level="BACKWARD")

    fails(404, 40401, sr.get_versions, "cc-none")
    fails(404, 40401, sr.lookup_schema, "cc-none", first)
    fails(404, 40402, sr.get_version, subject, 9)
    fails(404, 40403, sr.get_schema, 99_999)
    fails(422, 42201, sr.register_schema, subject, Schema("{", "AVRO"))
    fails(422, 42202, sr.get_version, subject, "first")
    fails(422, 42203, sr.set_compatibility, subject, "SIDEWAYS")
    fails(404, 40409, sr.get_mode, subject)


# --- python-schema-registry-client --------------------------------------------------------------------------------

def other_client(registry):
    client, subject = OtherClient(url=registry), "other-value"
    first, second, broken = (other_schema.AvroSchema(text) for text in (ORDER_1, ORDER_2, ORDER_BROKEN))
    same(client.check_version(subject, first), None)
    schema_id = client.register(subject, first)
    found = OtherClient(url=registry).check_version(subject, first)
    same((found.subject, found.schema_id, found.version), (subject, schema_id, 1))
    same(OtherClient(url=registry).get_by_id(schema_id), first)
    same(client.get_by_id(99_999), None)
    holds(client.test_compatibility(subject, second), "compatible")
    same(client.test_compatibility(subject, broken), False)
    verdict = client.test_compatibility(subject, broken, verbose=True)
    same((verdict["is_compatible"], "TYPE_MISMATCH" in verdict["messages"][0]), (False, True), verdict)
    try:
        client.register(subject, broken)
        raise AssertionError("an incompatible schema was registered")
    except other_errors.ClientError as error:
        same((error.http_code, error.server_traceback["error_code"]), (409, 40901), error.server_traceback)
    second_id = client.register(subject, second)
    same(client.get_versions(subject), [1, 2])
    latest = OtherClient(url=registry).get_schema(subject)
    same((latest.version, latest.schema_id, latest.schema), (2, second_id, second))
    same(client.get_schema(subject, version=9), None)
    uses = [(used.subject, used.version) for used in client.get_schema_subject_versions(schema_id)]
    holds((subject, 1) in uses, uses)
    holds(subject in client.get_subjects(), "listed")
    same(client.get_compatibility(), "BACKWARD")
    for level in LEVELS:
        holds(client.update_compatibility(level, subject), level)
        same(client.get_compatibility(subject), level)
    holds(client.update_compatibility("FORWARD") and client.get_compatibility() == "FORWARD", "for all subjects")
    client.update_compatibility("BACKWARD")


def main():
    registry, = sys.argv[1:]
    web = Http(registry)
    capabilities("plain HTTP", "Avro", ("ids and contents", contents_and_ids, web),
                 ("media types, names, limits", plain_http, web), ("error codes", codes, web))
    capabilities(CONFLUENT, "Avro", ("register, look up, evolve", confluent_client, registry))
    capabilities(OTHER, "Avro", ("register, look up, evolve", other_client, registry))


if __name__ == "__main__":
    main()
