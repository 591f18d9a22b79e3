"""Load for a server that is about to die, and what it was told of it.

Its streams: records to each topic, transactions with a group's offset, commits of a group of its own. What
they were told (acknowledged records, decided transactions, committed offsets) only grows, so that whoever cuts the power
can say where it stood then.
"""

import atexit
import subprocess
import sys
import threading
import time
from collections import defaultdict

from confluent_kafka import Consumer, Producer, TopicPartition

# Patience with a machine that has other things to do, too; nothing is said of how long anything takes.
WAIT = 120
# A value is its number and so many bytes more: a segment, a mebibyte at least, is full now and then.
PADDING = {"kept": b"." * 3000, "latest": b"." * 3000}
KEYS = 40
# A topic: partitions, settings.
TOPICS = {
    "plain": (3, {}),
    "once": (2, {}),
    "os": (1, {"annals.durability": "os"}),
    "kept": (1, {"retention.bytes": "2000000", "segment.bytes": "1048576"}),
    "latest": (1, {"cleanup.policy": "compact", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.01"}),
    "whole-a": (2, {}),
    "whole-b": (1, {}),
}
RECORDS = [name for name in TOPICS if not name.startswith("whole")]
WHOLE = [("whole-a", 0), ("whole-b", 0), ("whole-a", 1)] * 2
# Records a stream has under way at once.
UNDER_WAY = 200
# Between ten records and the next ten.
PAUSE = 0.005


def value(topic, number):
    return b"%d/" % number + PADDING.get(topic, b"." * 200)


def number(message):
    """The number of a value that is whole."""
    read = int(message.value().split(b"/")[0])
    if message.value() != value(message.topic(), read):
        raise AssertionError(f"{message.topic()}: {read} is not what was sent")
    return read


class Told:
    """What clients know, over all lives of the server."""

    def __init__(self):
        self.sent = defaultdict(int)
        # Of a topic: (partition, offset, number) of each record that was acknowledged.
        self.acked = {topic: [] for topic in RECORDS}
        # (number, "began" | "committed" | "aborted")
        self.transactions = []
        # (offset, "tried" | "committed") of the plain group.
        self.offsets = []

    def now(self):
        """How much of each is known now: what counts when the power goes now."""
        acked = {topic: len(acked) for topic, acked in self.acked.items()}
        return {**acked, "transactions": len(self.transactions), "offsets": len(self.offsets)}

    def doubt(self, known):
        """What was told after that was told while the power went: it need not be so."""
        for topic, acked in self.acked.items():
            del acked[known[topic]:]
        self.transactions[known["transactions"]:] = [(told, "began") for told, _ in self.transactions[known["transactions"]:]]
        self.offsets[known["offsets"]:] = [(told, "tried") for told, _ in self.offsets[known["offsets"]:]]


class Load:
    """All streams, or some of them."""

    def __init__(self, bootstrap, told, topics=RECORDS, transactions=True):
        self.told, self.stopping, self.children = told, threading.Event(), []
        self.settings = {"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.ms": 20,
                         "reconnect.backoff.max.ms": 200, "linger.ms": 1}
        self.producers = {topic: Producer({**self.settings, "acks": "all", "message.timeout.ms": WAIT * 1000,
                                           "enable.idempotence": topic != "plain"}) for topic in topics}
        streams = [(self.records, (topic,)) for topic in topics]
        if transactions:
            streams += [(self.child, ("transactions",)), (self.child, ("offsets",))]
        self.threads = [threading.Thread(target=stream, args=args, daemon=True) for stream, args in streams]
        for thread in self.threads:
            thread.start()

    def records(self, topic):
        producer, acked, partitions = self.producers[topic], self.told.acked[topic], TOPICS[topic][0]

        def heard(sent):
            def delivered(error, message):
                if error is None:
                    acked.append((message.partition(), message.offset(), sent))
            return delivered

        while not self.stopping.is_set():
            if len(producer) >= UNDER_WAY:
                producer.poll(0.01)
                continue
            sent = self.told.sent[topic] = self.told.sent[topic] + 1
            producer.produce(topic, value(topic, sent), b"%d" % (sent % KEYS), sent % partitions, heard(sent))
            # No stream takes the others' time.
            producer.poll(0)
            if sent % 10 == 0:
                time.sleep(PAUSE)

    def child(self, what):
        """A stream in a process of its own, which ends with this load whatever its client waits for."""
        told = self.told.transactions if what == "transactions" else self.told.offsets
        last = max((number for number, _ in told), default=0)
        child = subprocess.Popen([sys.executable, __file__, self.settings["bootstrap.servers"], what, str(last)],
                                 stdout=subprocess.PIPE, text=True)
        self.children.append(child)
        # Whoever waits for our output waits for its, too.
        atexit.register(child.kill)
        for line in child.stdout:
            number, word = line.split()
            told.append((int(number), word))

    def runs(self, least):
        """Waits until each stream has been told so much more than `before`."""
        before, deadline = self.told.now(), time.monotonic() + WAIT
        counted = {*self.producers, *(["transactions", "offsets"] if len(self.threads) > len(self.producers) else [])}
        while any(known - before[what] < least for what, known in self.told.now().items() if what in counted):
            if time.monotonic() > deadline:
                raise AssertionError(f"the load does not run: {before} and {self.told.now()}")
            time.sleep(0.01)

    def stop(self):
        """Nothing more is begun."""
        self.stopping.set()
        for child in self.children:
            child.kill()
            child.wait()
        for thread in self.threads:
            thread.join(WAIT)

    def delivered(self):
        """Sees everything that was sent delivered, by the server's next life if need be; how much was not."""
        return sum(producer.flush(WAIT) for producer in self.producers.values())

    def drop(self):
        """Nothing under way is sent again."""
        for producer in self.producers.values():
            producer.purge()
            producer.flush(WAIT)


def next_life(settings):
    """The transactional producer after its restart: what its life before left open is decided."""
    producer = Producer({**settings, "transactional.id": "whole", "transaction.timeout.ms": WAIT * 1000,
                         "message.timeout.ms": WAIT * 1000})
    producer.init_transactions(WAIT)
    return producer


def transactions(settings, begun):
    """Two of three are committed."""
    producer = next_life(settings)
    group = Consumer({**settings, "group.id": "whole"}).consumer_group_metadata()
    while True:
        begun += 1
        print(begun, "began", flush=True)
        producer.begin_transaction()
        for record, (topic, partition) in enumerate(WHOLE):
            producer.produce(topic, b"%d/%d" % (begun, record), partition=partition)
        producer.send_offsets_to_transaction([TopicPartition("whole-a", 0, begun)], group, WAIT)
        if begun % 3:
            producer.commit_transaction(WAIT)
            print(begun, "committed", flush=True)
        else:
            producer.abort_transaction(WAIT)
            print(begun, "aborted", flush=True)


def offsets(settings, tried):
    consumer = Consumer({**settings, "group.id": "plain", "enable.auto.commit": False})
    while True:
        tried += 1
        print(tried, "tried", flush=True)
        consumer.commit(offsets=[TopicPartition("plain", 0, tried)], asynchronous=False)
        print(tried, "committed", flush=True)


if __name__ == "__main__":
    bootstrap, what, last = sys.argv[1:]
    {"transactions": transactions, "offsets": offsets}[what]({"bootstrap.servers": bootstrap, "log_level": 0}, int(last))
