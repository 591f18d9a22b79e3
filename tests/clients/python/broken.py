"""A disk that fails its server. `broken.py sync|full BINARY FOLDER`.

`sync`: one sync of the log fails, and every one after it would succeed. From then on nothing is acknowledged,
by no topic; what was acknowledged is read on. The next start takes writes again, and what it shows outlives a power cut,
also what stood before the sync that failed. `full`: a file system without room refuses records and goes on by itself when
there is room, also over a restart; whoever deletes records gives it some.
"""

import shutil
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from confluent_kafka import KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from machine import Machine
from reading import everything
from registry import holds, same

WAIT = 30
STORAGE = KafkaError.KAFKA_STORAGE_ERROR
# Which sync of the log's committer fails.
FAILING = [9, 14, 23]
FULL_BYTES = 16 << 20


class Client:
    def __init__(self, machine):
        self.settings = {"bootstrap.servers": machine.bootstrap, "log_level": 0}
        self.machine = machine
        self.acked = {}

    def create(self, *topics):
        admin = AdminClient(self.settings)
        settings = {"segment.bytes": "1048576"}
        for made in admin.create_topics([NewTopic(topic, 1, config=settings) for topic in topics]).values():
            made.result()

    def produce(self, topic, value):
        """The code of the error, None if there is none. Nothing is tried again by the client itself."""
        outcome = []
        producer = Producer({**self.settings, "acks": "all", "retries": 0, "message.timeout.ms": WAIT * 1000})
        producer.produce(topic, value, on_delivery=lambda error, message: outcome.append((error, message)))
        producer.flush(WAIT)
        [(error, message)] = outcome
        if error is None:
            self.acked[topic, message.offset()] = value
        return error and error.code()

    def there(self, topic):
        """(topic, offset) -> value."""
        found = everything(self.settings, topic, WAIT)
        return {(topic, message.offset()): message.value() for message in found}

    def reads(self, topic):
        """What was acknowledged is there."""
        found = self.there(topic)
        lost = [place for place, value in self.acked.items() if place[0] == topic and found.get(place) != value]
        same(lost, [], f"acknowledged records of {topic} that cannot be read")
        return found

    def ready(self):
        try:
            with urllib.request.urlopen(self.machine.http + "/readyz") as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


def sync(machine, failing):
    # With -D it is the server that we started, and strace that follows it.
    strace = ["strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
              f"inject=fdatasync:error=EIO:when={failing}"]
    holds(machine.start(strace), "the server starts")
    client = Client(machine)
    topic, other = f"t{failing}", f"other{failing}"
    client.create(topic, other)
    same(client.ready(), 200, "readiness")
    count = 0
    while (code := client.produce(topic, b"%d" % count)) is None:
        count += 1
        holds(count < 100, "a sync fails")
    same(code, STORAGE, "the first record whose sync failed")
    for again in range(5):
        same(client.produce(topic, b"again %d" % again), STORAGE, "a record after it")
        same(client.produce(other, b"again"), STORAGE, "a record of another topic")
    same(client.ready(), 503, "readiness")
    same(len(client.reads(topic)), count, "what is shown is what was acknowledged")
    machine.kill()
    holds(machine.start(), "the server starts again")
    shown = client.reads(topic)
    same(client.produce(topic, b"after"), None, "a record of the next life")
    machine.die()
    holds(machine.start(), "the server starts after the power cut")
    found = client.reads(topic)
    same({place: found.get(place) for place in shown}, shown, "what was shown before the cut")
    print(f"sync {failing} of the committer failed: {count} records acknowledged before, {len(shown)} shown by the next start")
    machine.kill()


def fill(client, record):
    """How many records it takes until there is no room, not for a small one either."""
    count = 0
    for value in (record, record[:9000], record[:100]):
        while (code := client.produce("t", value)) is None:
            count += 1
            holds(count < 1000, "the disk is full")
        same(code, STORAGE, "the first record that does not fit")
    return count


def goes_on(client, record):
    deadline = time.monotonic() + WAIT
    while client.produce("t", record) is not None:
        holds(time.monotonic() < deadline, "there is room again")
    while client.ready() != 200:
        holds(time.monotonic() < deadline, "it is ready again")


def full(machine):
    holds(machine.start(), "the server starts")
    client = Client(machine)
    client.create("t", "other")
    for _ in range(10):
        same(client.produce("other", b"." * 200_000), None, "a record of another topic")
    same(client.produce("t", b"first"), None, "a record")
    filler = machine.data / "filler"
    filler.write_bytes(b"." * (FULL_BYTES // 4))
    record = b"." * 200_000
    count = fill(client, record)
    for _ in range(5):
        same(client.produce("t", record), STORAGE, "a record without room")
    client.reads("t")
    same(client.ready(), 503, "readiness")
    machine.kill()
    holds(machine.start(), "the server starts on a full disk")
    client.reads("t")
    same(client.produce("t", record), STORAGE, "a record without room after a restart")
    keep = max(offset for topic, offset in client.acked if topic == "t") - 3
    admin = AdminClient(client.settings)
    [deleted] = admin.delete_records([TopicPartition("t", 0, keep)]).values()
    same(deleted.result().low_watermark, keep, "the first record that is kept")
    client.acked = {place: value for place, value in client.acked.items() if place[0] == "t" and place[1] >= keep}
    goes_on(client, record)
    again = fill(client, record)
    [deleted] = admin.delete_topics(["other"]).values()
    deleted.result()
    goes_on(client, record)
    fill(client, record)
    filler.unlink()
    goes_on(client, record)
    same(len(client.reads("t")), len(client.acked), "what is shown is what was acknowledged")
    print(f"full after {count} records; reads went on, and writes when there was room: {again} more once some were deleted")


def main(how, binary, folder):
    if how == "sync" and shutil.which("strace") is None:
        print("there is no strace here")
        sys.exit(3)
    machine = Machine(binary, Path(folder), "ext4" if how == "sync" else FULL_BYTES)
    try:
        if how == "full":
            full(machine)
        else:
            for failing in FAILING:
                sync(machine, failing)
    finally:
        machine.end()


main(*sys.argv[1:])
