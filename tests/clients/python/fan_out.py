"""Orders of a topic kept in a folder, in SQLite and in a search index, by a consumer that commits by hand.

`fan_out.py read BOOTSTRAP REGISTRY GROUP PLACE [replay]` is the program as somebody would write it: each batch goes to
every sink, then its offsets are committed. After a failure no one knows which sink has what, so `replay` begins anew.
`fan_out.py drive BOOTSTRAP REGISTRY ORDERS SUM` runs three of them, each a group of its own, and kills one in the middle.
"""

import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile

from confluent_kafka import OFFSET_BEGINNING, Consumer, version
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from registry import holds, same

TOPIC = "shop-orders"
BATCH = 25


class Folder:
    """A file an order: its latest event."""

    def __init__(self, place):
        self.place = place / "orders"
        self.place.mkdir(parents=True, exist_ok=True)

    def keep(self, events):
        for _, event in events:
            (self.place / f"{event['order_id']}.json").write_text(json.dumps(event, default=str))

    def orders(self):
        found = [json.loads(path.read_text()) for path in self.place.iterdir()]
        return len(found), sum(event["amount"] for event in found if event["kind"] != "CANCELLED")


class Table:
    """A row an event, found by where it stands in the log, so that one that comes again changes nothing."""

    def __init__(self, place):
        self.base = sqlite3.connect(place / "orders.sqlite")
        self.base.execute("CREATE TABLE IF NOT EXISTS events (partition, offset, order_id, kind, amount, "
                          "PRIMARY KEY (partition, offset))")

    def keep(self, events):
        with self.base:
            self.base.executemany("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?)", [
                (*at, event["order_id"], event["kind"], event["amount"]) for at, event in events])

    def orders(self):
        return self.base.execute(
            "SELECT count(*) FILTER (WHERE kind = 'PLACED'), "
            "sum(CASE kind WHEN 'PLACED' THEN amount WHEN 'CANCELLED' THEN -amount END) FROM events").fetchone()


class Search:
    """The notes, word by word."""

    def __init__(self, place):
        self.base = sqlite3.connect(place / "search.sqlite")
        self.base.execute("CREATE VIRTUAL TABLE IF NOT EXISTS notes USING fts5(note, order_id UNINDEXED)")

    def keep(self, events):
        with self.base:
            for (partition, offset), event in events:
                if event["note"]:
                    self.base.execute("INSERT OR REPLACE INTO notes(rowid, note, order_id) VALUES (?, ?, ?)",
                                      (offset * 16 + partition, event["note"], event["order_id"]))

    def found(self, words):
        return {order for order, in self.base.execute("SELECT order_id FROM notes WHERE notes MATCH ?", [words])}


def read(bootstrap, registry, group, place, replay=None):
    """Until every partition is at its end."""
    place = pathlib.Path(place)
    if replay:
        shutil.rmtree(place)
    sinks = [sink(place) for sink in (Folder, Table, Search)]
    decode = AvroDeserializer(SchemaRegistryClient({"url": registry}))
    context = SerializationContext(TOPIC, MessageField.VALUE)
    # A killed member's partitions are free when its session is over.
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False,
                         "auto.offset.reset": "earliest", "enable.partition.eof": True, "session.timeout.ms": 6000,
                         "heartbeat.interval.ms": 500})
    ended, assigned = set(), set()

    def from_the_beginning(consumer, places):
        assigned.update(place.partition for place in places)
        if replay:
            for place in places:
                place.offset = OFFSET_BEGINNING
        consumer.assign(places)

    consumer.subscribe([TOPIC], on_assign=from_the_beginning)
    while not assigned or ended != assigned:
        messages = consumer.consume(BATCH, 1)
        ended.update(message.partition() for message in messages if message.error())
        events = [((message.partition(), message.offset()), decode(message.value(), context))
                  for message in messages if not message.error()]
        if events:
            for sink in sinks:
                sink.keep(events)
            consumer.commit(asynchronous=False)
            print(f"kept {len(events)}", flush=True)
    consumer.close()


def start(*args):
    return subprocess.Popen([sys.executable, __file__, "read", *args], stdout=subprocess.PIPE, text=True)


def drive(bootstrap, registry, orders, total):
    wanted = int(orders), int(total)
    with tempfile.TemporaryDirectory() as folder:
        places = {group: pathlib.Path(folder, group) for group in ("warehouse", "accounts", "support")}
        readers = {group: start(bootstrap, registry, group, str(place)) for group, place in places.items()}
        victim = readers["support"]
        for _ in range(3):
            holds(victim.stdout.readline().startswith("kept "), "the reader ended too soon")
        victim.kill()
        victim.wait()
        readers["support"] = start(bootstrap, registry, "support", str(places["support"]), "replay")
        for group, reader in readers.items():
            told, _ = reader.communicate(timeout=90)
            same(reader.returncode, 0, group)
            kept = sum(int(line.split()[1]) for line in told.splitlines())
            # From the beginning each of them read every event once.
            same(kept, 2 * wanted[0], group)
        for group, place in places.items():
            same(Folder(place).orders(), wanted, f"{group}: the folder")
            same(Table(place).orders(), wanted, f"{group}: SQLite")
            same(Search(place).found("express"), {f"order-{n}" for n in range(0, wanted[0], 3)}, f"{group}: the index")
            same(Search(place).found("parcel 42"), {"order-42"}, f"{group}: the index")
    print(f"client fan-out in Python | Avro, groups | confluent-kafka {version()}, three groups each with a folder, "
          "SQLite and a search index, one killed and replayed from the beginning")


what, *rest = sys.argv[1:]
{"read": read, "drive": drive}[what](*rest)
