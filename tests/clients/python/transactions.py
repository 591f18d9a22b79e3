"""Transactions as librdkafka, kafka-python and aiokafka do them. `transactions.py BOOTSTRAP REGISTRY`.

What is committed is read, what is aborted never is by those who read committed records; offsets are committed with the
records they led to; an older life of a producer is fenced; a transaction that takes too long is aborted.
"""

import asyncio
import sys
import time

import aiokafka
import kafka
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from registry import holds, same

WAIT = 30


class Transactions:
    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.admin = AdminClient({"bootstrap.servers": bootstrap})

    def topic(self, name, partitions=2):
        self.admin.create_topics([NewTopic(name, partitions)])[name].result()
        return name

    def producer(self, name, **settings):
        producer = Producer({"bootstrap.servers": self.bootstrap, "transactional.id": name,
                             **{key.replace("_", "."): value for key, value in settings.items()}})
        producer.init_transactions(WAIT)
        return producer

    def consumer(self, group, isolation="read_committed"):
        return Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False, "isolation.level": isolation})

    def read(self, topic, isolation="read_committed", partitions=2):
        """All values there are for this isolation, by partition and then by offset."""
        places = [TopicPartition(topic, number, 0) for number in range(partitions)]
        # The end of everything, decided or not: a marker may come a little after its commit was answered.
        anybody = self.consumer(f"anybody-{topic}", "read_uncommitted")
        ends = {place.partition: anybody.get_watermark_offsets(place, WAIT)[1] for place in places}
        anybody.close()
        consumer = self.consumer(f"reader-{topic}", isolation)
        consumer.assign(places)
        values, deadline = [], time.monotonic() + WAIT
        while any(max(position.offset, 0) < ends[position.partition] for position in consumer.position(places)):
            holds(time.monotonic() < deadline, f"the end of {topic}")
            message = consumer.poll(0.1)
            if message is not None and not message.error():
                values.append((message.partition(), message.value().decode()))
        consumer.close()
        return [value for _, value in sorted(values, key=lambda found: found[0])]


def write(producer, topic, *values):
    for number, value in enumerate(values):
        producer.produce(topic, value.encode(), partition=number % 2)
    same(producer.flush(WAIT), 0, topic)


def what_is_aborted_is_not_read(transactions):
    topic = transactions.topic("outcomes")
    one, two = transactions.producer("one"), transactions.producer("two")
    one.begin_transaction()
    two.begin_transaction()
    write(one, topic, "one-a", "one-b")
    write(two, topic, "two-a", "two-b")
    # Nothing is decided: nobody who reads committed records sees anything, and everybody else all of it.
    consumer = transactions.consumer("undecided")
    consumer.assign([TopicPartition(topic, 0, 0)])
    same(consumer.poll(1), None, "undecided")
    one.commit_transaction(WAIT)
    two.abort_transaction(WAIT)
    consumer.close()
    one.begin_transaction()
    write(one, topic, "one-c", "one-d")
    one.abort_transaction(WAIT)
    two.begin_transaction()
    write(two, topic, "two-c", "two-d")
    two.commit_transaction(WAIT)
    same(transactions.read(topic), ["one-a", "two-c", "one-b", "two-d"], topic)
    everything = transactions.read(topic, "read_uncommitted")
    same(sorted(everything), sorted(f"{who}-{what}" for who in ("one", "two") for what in "abcd"), topic)


def offsets_go_with_the_records_they_led_to(transactions):
    """Consume, transform, produce: after an abort the same input is there again, after a commit it is not."""
    source, sink = transactions.topic("source", 1), transactions.topic("sink", 1)
    feeder = Producer({"bootstrap.servers": transactions.bootstrap})
    for value in range(6):
        feeder.produce(source, str(value).encode())
    same(feeder.flush(WAIT), 0, source)
    producer = transactions.producer("transformer")

    def some(count, commits):
        consumer = transactions.consumer("transformer")
        consumer.subscribe([source])
        producer.begin_transaction()
        values, deadline = [], time.monotonic() + WAIT
        while len(values) < count:
            holds(time.monotonic() < deadline, f"{count} values of {source}")
            message = consumer.poll(0.2)
            if message is not None:
                holds(not message.error(), message.error())
                values.append(message.value().decode())
                producer.produce(sink, b"of " + message.value())
        position = consumer.position(consumer.assignment())
        producer.send_offsets_to_transaction(position, consumer.consumer_group_metadata(), WAIT)
        producer.commit_transaction(WAIT) if commits else producer.abort_transaction(WAIT)
        consumer.close()
        return values

    same(some(3, commits=False), ["0", "1", "2"], "aborted")
    same(some(3, commits=True), ["0", "1", "2"], "committed")
    same(some(3, commits=True), ["3", "4", "5"], "the rest")
    same(transactions.read(sink, partitions=1), [f"of {value}" for value in range(6)], sink)


def an_older_life_is_fenced(transactions):
    topic = transactions.topic("fenced")
    old = transactions.producer("same")
    old.begin_transaction()
    write(old, topic, "old-a", "old-b")
    new = transactions.producer("same")
    new.begin_transaction()
    write(new, topic, "new-a", "new-b")
    new.commit_transaction(WAIT)
    try:
        old.commit_transaction(WAIT)
        holds(False, "a fenced producer committed")
    except KafkaException as error:
        holds(error.args[0].fatal(), error)
    same(transactions.read(topic), ["new-a", "new-b"], topic)


def who_takes_too_long_is_aborted(transactions):
    topic = transactions.topic("late")
    late = transactions.producer("late", transaction_timeout_ms=1000)
    late.begin_transaction()
    write(late, topic, "late-a", "late-b")
    quick = transactions.producer("quick")
    quick.begin_transaction()
    write(quick, topic, "quick-a", "quick-b")
    quick.commit_transaction(WAIT)
    # Readers get past it once its time is over.
    same(transactions.read(topic), ["quick-a", "quick-b"], topic)
    try:
        late.commit_transaction(WAIT)
        holds(False, "a transaction whose time was over was committed")
    except KafkaException:
        pass


def kafka_python(transactions):
    topic = transactions.topic("kafka-python-transactions")
    producer = kafka.KafkaProducer(bootstrap_servers=transactions.bootstrap, transactional_id="kafka-python")
    producer.init_transactions()
    for value, end in [(b"committed", producer.commit_transaction), (b"aborted", producer.abort_transaction)]:
        producer.begin_transaction()
        producer.send(topic, value, partition=0).get(WAIT)
        end()
    producer.close()
    same(transactions.read(topic), ["committed"], topic)


async def aio_kafka(transactions):
    topic = transactions.topic("aio-transactions")
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=transactions.bootstrap, transactional_id="aio")
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait(topic, b"committed", partition=0)
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, b"aborted", partition=0)
            raise ValueError
    except ValueError:
        pass
    await producer.stop()
    same(transactions.read(topic), ["committed"], topic)


def main(bootstrap):
    transactions = Transactions(bootstrap)
    what_is_aborted_is_not_read(transactions)
    offsets_go_with_the_records_they_led_to(transactions)
    an_older_life_is_fenced(transactions)
    who_takes_too_long_is_aborted(transactions)
    kafka_python(transactions)
    asyncio.run(aio_kafka(transactions))
    print("client librdkafka (confluent-kafka 2.16.0), kafka-python 3.0.12, aiokafka 0.14.0 | transactions | "
          "outcomes, offsets in transactions, fencing, time-outs")


main(sys.argv[1])
