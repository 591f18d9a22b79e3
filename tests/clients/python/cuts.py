"""A server that dies under load, again and again. `cuts.py killed|power|unsynced BINARY FOLDER [DEATHS [SECONDS]]`.

`killed`: by SIGKILL; its clients go on with its next life. `power`: its data is on an ext4 of its own that is shut down
without a flush of its journal, and mounted again: what the disk was not told to keep is gone. `unsynced`: the same with
the syncs taken out from under the server; then records must be lost, or the power was never cut.

After each death: what was acknowledged is at its offset (before the power went, not while it did), nothing of an
idempotent producer is there twice, transactions are whole or absent, and a group's offsets are what it was told. Exits
with 3, and says why, where a file system cannot be mounted.
"""

import random
import sys
import time
from collections import defaultdict
from pathlib import Path

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from load import KEYS, Load, Told, TOPICS, WAIT, WHOLE, next_life, number
from machine import Machine
from registry import holds, same

# A server looks after its log every 15 seconds: one of so many rounds dies about then.
UPKEEP_SECONDS, UPKEEP_ROUNDS = 14, 20


class Cuts:
    def __init__(self, machine, told):
        self.machine, self.told = machine, told
        self.settings = {"bootstrap.servers": machine.bootstrap, "log_level": 0}
        # Where each partition ended when it was last read, and where the kept ones began.
        self.ends, self.starts = defaultdict(int), defaultdict(int)
        self.lost = defaultdict(int)

    def topics(self):
        admin = AdminClient(self.settings)
        known = admin.list_topics(timeout=WAIT).topics
        new = [NewTopic(name, count, config=config) for name, (count, config) in TOPICS.items() if name not in known]
        for made in (admin.create_topics(new) if new else {}).values():
            made.result()

    def read(self, topics, since):
        """(topic, partition) -> [(offset, number, key)] of what is committed, and where each ends."""
        consumer = Consumer({**self.settings, "group.id": "reader", "isolation.level": "read_committed", "check.crcs": True,
                             "auto.offset.reset": "error", "enable.auto.commit": False, "enable.partition.eof": True})
        places = [(topic, number) for topic in topics for number in range(TOPICS[topic][0])]
        found, ends, deadline = {place: [] for place in places}, {}, time.monotonic() + 4 * WAIT
        begins = []
        for place in places:
            low, high = consumer.get_watermark_offsets(TopicPartition(*place), WAIT)
            holds(low >= self.starts[place], f"{place} begins at {low}, and began at {self.starts[place]}")
            self.starts[place] = low
            # A compacted one is read whole: the latest of each key may be anywhere.
            since_there = low if place[0] == "latest" else max(low, since[place])
            begins.append(TopicPartition(*place, min(since_there, high)))
        consumer.assign(begins)
        while len(ends) < len(places):
            holds(time.monotonic() < deadline, f"the ends of {set(places) - set(ends)}")
            for message in consumer.consume(5000, 0.2):
                place = message.topic(), message.partition()
                if message.error() and message.error().code() == KafkaError._PARTITION_EOF:
                    ends[place] = message.offset()
                elif message.error():
                    # What librdkafka says of an answer whose batches are empty after compaction; it goes on behind them.
                    same((place[0], message.error().name()), ("latest", "MSG_SIZE_TOO_LARGE"), f"{place}")
                else:
                    what = message.value() if message.topic().startswith("whole") else number(message)
                    found[place].append((message.offset(), what, message.key()))
        consumer.close()
        return found, ends

    def check(self, known, acked_since, whole_log):
        """What was told until `known` (and, of records, from `acked_since`) is so."""
        next_life(self.settings)
        since = defaultdict(int) if whole_log else self.ends
        found, ends = self.read(TOPICS, since)
        for topic, acked in self.told.acked.items():
            self.records(topic, acked[0 if whole_log else acked_since[topic]:known[topic]], found, whole_log)
        self.transactions(self.told.transactions[:known["transactions"]])
        admin = AdminClient(self.settings)
        [place] = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions("plain")])["plain"].result().topic_partitions
        offsets = self.told.offsets
        told = max((offset for offset, word in offsets[:known["offsets"]] if word == "committed"), default=0)
        holds(told <= place.offset <= offsets[-1][0], f"offset {place.offset} of the group, which was told {told}")
        self.ends = defaultdict(int, ends)

    def records(self, topic, acked, found, whole_log):
        at = {(partition, offset): number for (name, partition), there in found.items() if name == topic
              for offset, number, _ in there}
        if topic == "latest":
            self.latest(acked, found["latest", 0])
            acked = [told for told in acked if told[:2] in at]
        else:
            acked = [told for told in acked if told[1] >= self.starts[topic, told[0]]]
        lost = [told for told in acked if at.get(told[:2]) != told[2]]
        self.lost[topic] = len(lost) if whole_log else self.lost[topic] + len(lost)
        holds(topic == "os" or not lost, f"{topic}: {len(lost)} of {len(acked)} acknowledged records are lost: {lost[:5]}")
        if topic not in ("plain", "os"):
            for (name, partition), there in found.items():
                pairs = zip(there, there[1:]) if name == topic else []
                wrong = [pair for pair in pairs if pair[0][1] >= pair[1][1]]
                same(wrong, [], f"{topic}/{partition}: records that are there twice, or in another order")

    def latest(self, acked, there):
        """A compacted topic has the latest record of each key that was acknowledged, or a later one."""
        latest = {int(key): number for _, number, key in there}
        for _, _, number in acked:
            holds(latest.get(number % KEYS, 0) >= number, f"latest: key {number % KEYS} has not come to {number}")

    def transactions(self, told):
        known, outcomes = {number for number, _ in self.told.transactions}, {}
        for number, outcome in told:
            outcomes[number] = outcome
        found, _ = self.read(["whole-a", "whole-b"], defaultdict(int))
        there = defaultdict(list)
        for records in found.values():
            for _, what, _ in records:
                transaction, record = map(int, what.split(b"/"))
                there[transaction].append(record)
        for number, records in there.items():
            same(sorted(records), list(range(len(WHOLE))), f"transaction {number} is whole, and there once")
            holds(number in known and outcomes.get(number) != "aborted", f"transaction {number} was aborted")
        for number, outcome in outcomes.items():
            holds(outcome != "committed" or number in there, f"transaction {number} was committed")
        admin = AdminClient(self.settings)
        [place] = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions("whole")])["whole"].result().topic_partitions
        same(place.offset, max(there), "the offset committed in transactions")


def cut(machine, rounds, seconds, outlives):
    """So many deaths, or as many as there are begun in so many seconds."""
    started = time.monotonic()
    told, chance = Told(), random.Random()
    cuts = Cuts(machine, told)
    holds(machine.start(), "the server starts")
    slowest = 0
    for round in range(1, rounds + 1):
        began = time.monotonic()
        cuts.topics()
        before = told.now()
        load = Load(machine.bootstrap, told)
        load.runs(5)
        pause = chance.random() * 0.4
        if round % UPKEEP_ROUNDS == 3:
            pause = UPKEEP_SECONDS - (time.monotonic() - began) + chance.random() * 4
        time.sleep(max(pause, 0))
        known = told.now()
        machine.die()
        print(f"death {round}", file=sys.stderr, flush=True)
        load.stop()
        if not outlives:
            load.drop()
            told.doubt(known)
        died = time.monotonic()
        holds(machine.start(), f"round {round}: the server starts again")
        slowest = max(slowest, time.monotonic() - died)
        if outlives:
            same(load.delivered(), 0, "records that were not delivered in the end")
            known = told.now()
        last = round == rounds or time.monotonic() - started > seconds
        cuts.check(known, before, last)
        if last:
            break
    counts = {topic: len(acked) for topic, acked in told.acked.items()}
    committed = sum(outcome == "committed" for _, outcome in told.transactions)
    print(f"{round} deaths: {sum(counts.values())} records acknowledged ({counts}), {committed} transactions and "
          f"{len(told.offsets) // 2} offsets committed; lost: {dict(cuts.lost)}; begins of what is not kept: "
          f"{cuts.starts['kept', 0]}; slowest start {slowest:.1f} s")


def lose(machine):
    """How many records a server without syncs loses of those it acknowledged."""
    told = Told()
    cuts = Cuts(machine, told)
    holds(machine.start(), "the server starts")
    cuts.topics()
    load = Load(machine.bootstrap, told, topics=["plain", "once"], transactions=False)
    load.runs(50)
    acked = {(topic, *record) for topic in ("plain", "once") for record in list(told.acked[topic])}
    machine.die()
    load.stop()
    load.drop()
    found = set()
    if machine.start() and {"plain", "once"} <= set(AdminClient(cuts.settings).list_topics(timeout=WAIT).topics):
        for place, records in cuts.read(["plain", "once"], defaultdict(int))[0].items():
            found |= {(*place, offset, number) for offset, number, _ in records}
    return len(acked), len(acked - found)


def main(how, binary, folder, rounds="1", seconds="inf"):
    machine = Machine(binary, Path(folder), None if how == "killed" else "ext4", unsynced=how == "unsynced")
    try:
        if how == "unsynced":
            acked, lost = lose(machine)
            print(f"without syncs: {lost} of {acked} acknowledged records are lost")
            holds(lost > 0, "a server without syncs loses records")
        else:
            cut(machine, int(rounds), float(seconds), how == "killed")
    finally:
        machine.end()


main(*sys.argv[1:])
