"""Reading the one partition of a topic from its beginning to its end, for programs that check what is there."""

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from registry import holds, same


def everything(settings, topic, patience):
    """Its messages; whoever reads longer than `patience` seconds fails."""
    consumer = Consumer({"group.id": "reader", "enable.auto.commit": False, "enable.partition.eof": True,
                         "check.crcs": True, **settings})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    found, deadline = [], time.monotonic() + patience
    while True:
        holds(time.monotonic() < deadline, f"the end of {topic}")
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            same(message.error().code(), KafkaError._PARTITION_EOF, topic)
            consumer.close()
            return found
        found.append(message)
