"""Consumer groups as Python's three clients see them: librdkafka, kafka-python, aiokafka. `groups.py BOOTSTRAP REGISTRY`.

A group shares partitions, hands them over when a member leaves or dies, commits offsets and goes on from them; static
members come back to what they had; groups are described, their offsets moved, and deleted.
"""

import asyncio
import sys
import time

import aiokafka
import kafka
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from registry import holds, same

PARTITIONS = 4
WAIT = 30


class Groups:
    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.admin = AdminClient({"bootstrap.servers": bootstrap})
        self.producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})

    def topic(self, name, values):
        """A topic with so many values, one after the other over its partitions."""
        self.admin.create_topics([NewTopic(name, PARTITIONS)])[name].result()
        self.produce(name, range(values))

    def produce(self, name, values):
        for value in values:
            self.producer.produce(name, str(value).encode(), partition=value % PARTITIONS)
        same(self.producer.flush(WAIT), 0, name)

    def member(self, group, topic, **settings):
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                             "enable.auto.commit": False, "session.timeout.ms": 6000, "heartbeat.interval.ms": 200,
                             **{name.replace("_", "."): value for name, value in settings.items()}})
        consumer.subscribe([topic])
        return consumer

    def new_member(self, group, topic, **settings):
        """A member of the new protocol (KIP-848), where the coordinator assigns."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                             "enable.auto.commit": False, "group.protocol": "consumer",
                             **{name.replace("_", "."): value for name, value in settings.items()}})
        consumer.subscribe([topic])
        return consumer

    def offsets(self, group, topic):
        found = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result()
        return {place.partition: place.offset for place in found.topic_partitions if place.topic == topic}

    def state(self, group):
        described = self.admin.describe_consumer_groups([group])[group].result()
        return described.state.name, described.members


def until(what, holds_now, members=()):
    """Waits until it holds, while the members go on."""
    deadline = time.monotonic() + WAIT
    while not holds_now():
        holds(time.monotonic() < deadline, f"{what} within {WAIT} s")
        for member in members:
            message = member.poll(0.05)
            holds(message is None or not message.error(), message and message.error())


def read(members, count, commit=True):
    """So many values by all members together, committed by who read them."""
    values, deadline = [], time.monotonic() + WAIT
    while len(values) < count:
        holds(time.monotonic() < deadline, f"{count} values, not {len(values)}")
        for member in members:
            message = member.poll(0.05)
            if message is None:
                continue
            holds(not message.error(), message.error())
            values.append(int(message.value()))
            if commit:
                member.commit(message, asynchronous=False)
    return sorted(values)


def partitions(member):
    return sorted(place.partition for place in member.assignment())


def shares(groups, assignor):
    """Two members share, one takes over, and what was committed is not read again."""
    topic = f"shared-{assignor}"
    groups.topic(topic, 40)
    first = groups.member(topic, topic, partition_assignment_strategy=assignor)
    began = time.monotonic()
    until("an assignment", lambda: len(partitions(first)) == PARTITIONS, [first])
    print(f"groups: {assignor}: first assignment after {1000 * (time.monotonic() - began):.0f} ms")
    same(read([first], 40), list(range(40)), topic)
    second = groups.member(topic, topic, partition_assignment_strategy=assignor)
    both = [first, second]
    until("both have half", lambda: [len(partitions(one)) for one in both] == [2, 2], both)
    same(sorted(partitions(first) + partitions(second)), list(range(PARTITIONS)), topic)
    groups.produce(topic, range(40, 60))
    same(read(both, 20), list(range(40, 60)), topic)
    state, members = groups.state(topic)
    same((state, len(members)), ("STABLE", 2), topic)
    first.close()
    until("the other has all", lambda: len(partitions(second)) == PARTITIONS, [second])
    groups.produce(topic, range(60, 80))
    same(read([second], 20), list(range(60, 80)), topic)
    second.close()
    same(groups.offsets(topic, topic), {n: 20 for n in range(PARTITIONS)}, topic)


def static_members_come_back(groups):
    """A member with an instance id that is away for less than its session finds what it had; the other notices nothing."""
    topic = "static"
    groups.topic(topic, 8)
    moved = []

    def static(name):
        member = groups.member(topic, topic, group_instance_id=name)
        member.subscribe([topic], on_assign=lambda _, places: moved.append((name, len(places))))
        return member

    first, second = static("one"), static("two")
    both = [first, second]
    until("both have half", lambda: [len(partitions(one)) for one in both] == [2, 2], both)
    had = partitions(second)
    before = len([name for name, _ in moved if name == "one"])
    # A static member does not leave when it is closed.
    second.close()
    second = static("two")
    until("it has what it had", lambda: partitions(second) == had, [first, second])
    same(len([name for name, _ in moved if name == "one"]), before, "the other was assigned anew")
    first.close()
    second.close()


def dies(groups):
    """Who is not heard of loses what it has when its session is over."""
    topic = "dies"
    groups.topic(topic, 8)
    dead = groups.member(topic, topic)
    until("an assignment", lambda: len(partitions(dead)) == PARTITIONS, [dead])
    heir = groups.member(topic, topic, session_timeout_ms=6000)
    # Neither polls nor says good-bye: its client library goes on until its poll interval is over, so it is cut off here.
    both = [dead, heir]
    until("both have half", lambda: [len(partitions(one)) for one in both] == [2, 2], both)
    dead.unsubscribe()
    until("the heir has all", lambda: len(partitions(heir)) == PARTITIONS, [heir])
    heir.close()
    dead.close()


def administration(groups):
    """Offsets are moved back and forgotten, groups listed and deleted, and not while somebody is in them."""
    topic = "administered"
    groups.topic(topic, 20)
    member = groups.member(topic, topic)
    same(read([member], 20), list(range(20)), topic)
    try:
        groups.admin.delete_consumer_groups([topic])[topic].result()
        holds(False, "a group with a member was deleted")
    except KafkaException as error:
        same(error.args[0].name(), "NON_EMPTY_GROUP", topic)
    member.close()
    back = [TopicPartition(topic, partition, 2) for partition in range(PARTITIONS)]
    groups.admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(topic, back)])[topic].result()
    same(groups.offsets(topic, topic), {n: 2 for n in range(PARTITIONS)}, topic)
    member = groups.member(topic, topic)
    same(read([member], 12), list(range(8, 20)), topic)
    member.close()
    listed = groups.admin.list_consumer_groups().result()
    holds(topic in [group.group_id for group in listed.valid], "listed")
    groups.admin.delete_consumer_groups([topic])[topic].result()
    listed = groups.admin.list_consumer_groups().result()
    holds(topic not in [group.group_id for group in listed.valid], "deleted")


def new_protocol(groups):
    """Two members share and one takes over; topics are found by a regular expression, also later; a static member comes
    back to what it had; a group goes from the classic protocol to the new one and back."""
    for assignor in ["uniform", "range"]:
        topic = f"new-{assignor}"
        groups.topic(topic, 40)
        began = time.monotonic()
        first = groups.new_member(topic, topic, group_remote_assignor=assignor)
        until("an assignment", lambda: len(partitions(first)) == PARTITIONS, [first])
        print(f"groups: {assignor} of the new protocol: first assignment after {1000 * (time.monotonic() - began):.0f} ms")
        same(read([first], 40), list(range(40)), topic)
        second = groups.new_member(topic, topic, group_remote_assignor=assignor)
        both = [first, second]
        began = time.monotonic()
        until("both have half", lambda: [len(partitions(one)) for one in both] == [2, 2], both)
        print(f"groups: {assignor} of the new protocol: shared after {1000 * (time.monotonic() - began):.0f} ms")
        same(sorted(partitions(first) + partitions(second)), list(range(PARTITIONS)), topic)
        groups.produce(topic, range(40, 60))
        same(read(both, 20), list(range(40, 60)), topic)
        first.close()
        until("the other has all", lambda: len(partitions(second)) == PARTITIONS, [second])
        groups.produce(topic, range(60, 80))
        same(read([second], 20), list(range(60, 80)), topic)
        second.close()
        same(groups.offsets(topic, topic), {n: 20 for n in range(PARTITIONS)}, topic)
    groups.topic("found-1", 8)
    member = groups.new_member("found", "^found-.*")
    same(read([member], 8), list(range(8)), "found")
    groups.topic("found-2", 8)
    same(read([member], 8), list(range(8)), "found later")
    member.close()
    groups.topic("new-static", 8)
    first, second = [groups.new_member("new-static", "new-static", group_instance_id=name) for name in ["one", "two"]]
    until("both have half", lambda: [len(partitions(one)) for one in [first, second]] == [2, 2], [first, second])
    had = partitions(second)
    second.close()
    second = groups.new_member("new-static", "new-static", group_instance_id="two")
    until("it has what it had", lambda: partitions(second) == had, [first, second])
    first.close()
    second.close()
    groups.topic("moves", 0)
    for round, kind in enumerate([groups.member, groups.new_member, groups.member, groups.new_member]):
        member = kind("moves", "moves")
        groups.produce("moves", range(4 * round, 4 * round + 4))
        same(read([member], 4), list(range(4 * round, 4 * round + 4)), f"moves {round}")
        member.close()


def kafka_python(groups):
    topic = "kafka-python"
    groups.topic(topic, 12)
    settings = {"bootstrap_servers": groups.bootstrap, "group_id": topic, "auto_offset_reset": "earliest",
                "enable_auto_commit": False, "consumer_timeout_ms": WAIT * 1000}
    consumer = kafka.KafkaConsumer(topic, **settings)
    values = sorted(int(next(consumer).value) for _ in range(12))
    same(values, list(range(12)), topic)
    consumer.commit()
    consumer.close()
    groups.produce(topic, range(12, 16))
    consumer = kafka.KafkaConsumer(topic, **settings)
    same(sorted(int(next(consumer).value) for _ in range(4)), list(range(12, 16)), topic)
    consumer.close()


async def aio_kafka(groups):
    topic = "aiokafka"
    groups.topic(topic, 12)

    async def some(count):
        consumer = aiokafka.AIOKafkaConsumer(topic, bootstrap_servers=groups.bootstrap, group_id=topic,
                                             auto_offset_reset="earliest", enable_auto_commit=False)
        await consumer.start()
        try:
            values = [int((await asyncio.wait_for(consumer.getone(), WAIT)).value) for _ in range(count)]
            await consumer.commit()
        finally:
            await consumer.stop()
        return sorted(values)

    same(await some(12), list(range(12)), topic)
    groups.produce(topic, range(12, 16))
    same(await some(4), list(range(12, 16)), topic)


def main(bootstrap):
    groups = Groups(bootstrap)
    for assignor in ["range", "roundrobin", "cooperative-sticky"]:
        shares(groups, assignor)
    static_members_come_back(groups)
    dies(groups)
    administration(groups)
    new_protocol(groups)
    kafka_python(groups)
    asyncio.run(aio_kafka(groups))
    print("client librdkafka (confluent-kafka 2.16.0), kafka-python 3.0.12, aiokafka 0.14.0 | groups | "
          "range, roundrobin, cooperative-sticky, static members, take-over, offsets moved and deleted; "
          "the new protocol (librdkafka): uniform, range, regular expressions, static members, to and from classic")


main(sys.argv[1])
