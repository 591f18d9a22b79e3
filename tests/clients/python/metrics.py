"""`/metrics` as Prometheus reads it. `metrics.py BOOTSTRAP URL`.

A producer writes, a group reads a part, a record is refused: the text parses, every family has its kind and help, and the
figures are those of what was done.
"""

import sys
import urllib.request

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from prometheus_client.parser import text_string_to_metric_families

from registry import holds, same

WAIT = 30
TOPIC, GROUP = "metered", "meter"


def scrape(url):
    with urllib.request.urlopen(f"{url}/metrics", timeout=WAIT) as answer:
        same(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        families = list(text_string_to_metric_families(answer.read().decode()))
    for family in families:
        holds(family.documentation and family.type in ("counter", "gauge", "histogram"), family.name)
    same(len({family.name for family in families}), len(families))
    return {(sample.name, frozenset(sample.labels.items())): sample.value
            for family in families for sample in family.samples}


def value(figures, name, **labels):
    return figures.get((name, frozenset(labels.items())), 0)


def main(bootstrap, url):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for made in admin.create_topics([NewTopic(TOPIC, 2, config={"max.message.bytes": "4096"})]).values():
        made.result(WAIT)
    before = scrape(url)
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 100_000,
                         "batch.num.messages": 10})
    errors, refused = [], []
    for number in range(100):
        producer.produce(TOPIC, value=b"x" * 100, partition=number % 2,
                         on_delivery=lambda error, _: errors.append(error))
    same(producer.flush(WAIT), 0)
    same(errors, [None] * 100)
    producer.produce(TOPIC, value=b"x" * 8192, partition=0, on_delivery=lambda error, _: refused.append(error))
    same(producer.flush(WAIT), 0)
    holds(refused and refused[0] is not None, refused)

    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": GROUP, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False})
    consumer.subscribe([TOPIC])
    read = 0
    while read < 100:
        message = consumer.poll(WAIT)
        holds(message is not None and message.error() is None, message)
        read += 1
    consumer.commit(offsets=[TopicPartition(TOPIC, 0, 50), TopicPartition(TOPIC, 1, 20)], asynchronous=False)
    during = scrape(url)
    consumer.close()
    after = scrape(url)

    def moved(name, **labels):
        return value(during, name, **labels) - value(before, name, **labels)

    for partition in ("0", "1"):
        same(value(during, "kafka_topic_partition_current_offset", topic=TOPIC, partition=partition), 50)
        same(value(during, "kafka_topic_partition_oldest_offset", topic=TOPIC, partition=partition), 0)
    lag = {partition: value(during, "kafka_consumergroup_lag", consumergroup=GROUP, topic=TOPIC, partition=partition)
           for partition in ("0", "1")}
    same(lag, {"0": 0, "1": 30})
    same(value(during, "kafka_consumergroup_lag_sum", consumergroup=GROUP, topic=TOPIC), 30)
    same(value(during, "kafka_consumergroup_current_offset_sum", consumergroup=GROUP, topic=TOPIC), 70)
    same(value(during, "kafka_consumergroup_members", consumergroup=GROUP), 1)
    same(value(after, "kafka_consumergroup_members", consumergroup=GROUP), 0)
    same(value(during, "kafka_consumergroup_state", consumergroup=GROUP, state="Stable"), 1)
    same(value(after, "kafka_consumergroup_state", consumergroup=GROUP, state="Empty"), 1)

    same(moved("kafka_server_brokertopicmetrics_messagesin_total", topic=TOPIC), 100)
    bytes_in = moved("kafka_server_brokertopicmetrics_bytesin_total", topic=TOPIC)
    holds(100 * 100 < bytes_in < 100 * 400, bytes_in)
    same(moved("kafka_server_brokertopicmetrics_bytesout_total", topic=TOPIC) >= bytes_in, True)
    same(value(during, "kafka_log_log_size", topic=TOPIC), bytes_in)
    holds(moved("annals_records_refused_total", topic=TOPIC, reason="MESSAGE_TOO_LARGE") >= 1, "no refusal")
    holds(moved("kafka_network_requestmetrics_errors_total", request="Produce", error="MESSAGE_TOO_LARGE") >= 1, "no error")
    for api in ("Produce", "Fetch", "JoinGroup", "OffsetCommit"):
        requests = moved("kafka_network_requestmetrics_requests_total", request=api)
        holds(requests >= 1, (api, requests))
        same(moved("kafka_network_requestmetrics_totaltime_seconds_count", request=api), requests)
        same(moved("kafka_network_requestmetrics_totaltime_seconds_bucket", request=api, le="+Inf"), requests)
    holds(value(during, "annals_log_sync_seconds_count") > value(before, "annals_log_sync_seconds_count"), "no sync")
    holds(value(during, "kafka_server_socketservermetrics_connection_count") >= 2, "no connection")
    same(moved("annals_http_requests_total", method="GET", route="/metrics", status="200"), 1)
    holds(value(during, "process_resident_memory_bytes") > 1_000_000, "no memory")
    holds(value(during, "process_cpu_seconds_total") > 0, "no time")
    holds(value(during, "process_open_fds") > 5, "no descriptors")
    print(f"{len(during)} samples; the figures are those of what was done")


if __name__ == "__main__":
    main(*sys.argv[1:])
