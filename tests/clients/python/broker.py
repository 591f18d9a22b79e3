"""The broker as librdkafka sees it: values go in and must be acknowledged, or refused; values are read back."""

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.serialization import MessageField, SerializationContext

from registry import holds, same


class Broker:
    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.admin = AdminClient({"bootstrap.servers": bootstrap})

    def create(self, topic):
        self.admin.create_topics([NewTopic(topic, 1)])[topic].result()
        return SerializationContext(topic, MessageField.VALUE)

    def produce(self, topic, *values, key=None):
        """Every value must be acknowledged."""
        failed = []
        producer = Producer({"bootstrap.servers": self.bootstrap, "acks": "all", "enable.idempotence": True})
        for value in values:
            producer.produce(topic, value, key, on_delivery=lambda error, _: error and failed.append(error.str()))
        same((producer.flush(30), failed), (0, []), topic)

    def refuses(self, topic, value, key=None):
        outcome = []
        producer = Producer({"bootstrap.servers": self.bootstrap, "acks": "all"})
        producer.produce(topic, value, key, on_delivery=lambda error, _: outcome.append(error and error.code()))
        producer.flush(30)
        same(outcome, [KafkaError.INVALID_RECORD], topic)

    def consume(self, topic, count):
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "unused", "enable.auto.commit": False,
                             "auto.offset.reset": "earliest"})
        consumer.assign([TopicPartition(topic, 0, 0)])
        values = []
        while len(values) < count:
            message = consumer.poll(30)
            holds(message is not None and not message.error(), f"{topic}: {message and message.error()}")
            values.append(message.value())
        consumer.close()
        return values

    def assigned_without_an_offset(self, topic):
        """Where to begin is asked of the group's coordinator: a group that has committed nothing begins as it likes."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "assigned", "enable.auto.commit": False,
                             "auto.offset.reset": "earliest"})
        consumer.assign([TopicPartition(topic, 0)])
        message = consumer.poll(30)
        same(message and (message.error(), message.offset()), (None, 0), topic)
        consumer.close()
