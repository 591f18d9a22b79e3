"""What the suites that load real logs share: registering, producing with librdkafka, and reading aggregates back."""

import http.client
import io
import json
import random
import urllib.parse

import fastavro
from confluent_kafka import Producer

PAGE = 1000


class Annals:
    """The server under test: its HTTP API over a connection that is kept open."""

    def __init__(self, bootstrap, registry):
        self.bootstrap = bootstrap
        self.connection = http.client.HTTPConnection(urllib.parse.urlparse(registry).netloc)

    def call(self, method, path, body=None):
        headers = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
        body = None if body is None else json.dumps(body)
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
        except ConnectionError:
            # Loading a log takes longer than a server keeps an idle connection.
            self.connection.close()
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, f"{method} {path}: {answer.status}: {text[:500]!r}"
        return json.loads(text)

    def register(self, subject, schema):
        return self.call("POST", f"/subjects/{subject}/versions", {"schema": json.dumps(schema)})["id"]

    def population(self, name, at=None):
        """Every aggregate of a name at a point: (id, state) as the server lists them."""
        cursor, members = None, []
        while True:
            query = {"limit": PAGE, **({"at": at} if at else {}), **({"cursor": cursor} if cursor else {})}
            page = self.call("GET", f"/v1/aggregates/{name}?{urllib.parse.urlencode(query)}")
            members += page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return members


class Loader:
    """Produces Avro events and remembers where each one landed: `landed[key] = [(offset, event), …]`."""

    def __init__(self, bootstrap, topic):
        self.producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True,
                                  "linger.ms": 5, "compression.type": "lz4"})
        self.topic, self.landed, self.partition_of, self.ends, self.produced = topic, {}, {}, {}, 0
        self.parsed = {}

    def encode(self, schema_id, schema, record):
        parsed = self.parsed.setdefault(schema_id, fastavro.parse_schema(schema))
        buffer = io.BytesIO()
        buffer.write(b"\x00" + schema_id.to_bytes(4, "big"))
        fastavro.schemaless_writer(buffer, parsed, record)
        return buffer.getvalue()

    def send(self, key, value, event, headers=None, timestamp_ms=0):
        def landed(error, message):
            assert error is None, error
            self.landed.setdefault(key, []).append((message.offset(), event))
            self.partition_of[key] = message.partition()
            self.ends[message.partition()] = max(self.ends.get(message.partition(), 0), message.offset() + 1)

        while True:
            try:
                self.producer.produce(self.topic, key=key, value=value, headers=headers,
                                      timestamp=timestamp_ms, on_delivery=landed)
                break
            except BufferError:
                self.producer.poll(0.1)
        self.produced += 1
        if self.produced % 500 == 0:
            self.producer.poll(0)

    def finish(self):
        assert self.producer.flush(120) == 0, "records were never answered"
        for events in self.landed.values():
            offsets = [offset for offset, _ in events]
            assert offsets == sorted(offsets)

    def random_cuts(self, count, seed):
        """Cuts over all partitions, from before the first record to the head."""
        rng = random.Random(seed)
        for _ in range(count):
            yield {partition: rng.randrange(-1, end) for partition, end in self.ends.items()}

    def at_cut(self, cut):
        """For each aggregate that has begun at the cut: its key and its events up to the cut."""
        for key, events in self.landed.items():
            last = cut[self.partition_of[key]]
            seen = [event for offset, event in events if offset <= last]
            if seen:
                yield key, seen


def cut_text(cut):
    return ",".join(f"{partition}={last}" for partition, last in sorted(cut.items()))
