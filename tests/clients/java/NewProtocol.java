import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * The Java client in a group of the new protocol, which goes on from the offsets of a classic one; topics found by a
 * pattern, and a topic that grows.
 *
 * <p>Argument: BOOTSTRAP of an empty server. Stops at the first surprise. For clients from 4.0 on.
 */
public final class NewProtocol {
  private static final String GROUP = "java-renewed";
  private static final String TOPIC = "java-topic";
  private static final int PARTITIONS = 4;
  private static final Duration A_MOMENT = Duration.ofMillis(100);

  private static String bootstrap;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    try (Admin admin = Admin.create(Live.settings(bootstrap))) {
      admin.createTopics(List.of(new NewTopic(TOPIC, PARTITIONS, (short) 1))).all().get();
      try (KafkaConsumer<String, String> classic = consumer("classic")) {
        classic.subscribe(List.of(TOPIC));
        Live.until("all of it", () -> {
          classic.poll(A_MOMENT);
          return classic.assignment().size() == PARTITIONS;
        });
        classic.commitSync(Map.of(new TopicPartition(TOPIC, 0), new OffsetAndMetadata(0, "classic")));
      }
      Live.same("classic", offsets(admin).get(new TopicPartition(TOPIC, 0)).metadata(), "an offset of before");
      renewed(admin);
      admin.deleteConsumerGroups(List.of(GROUP)).all().get();
    }
    System.out.println("client kafka-clients (Java) " + Live.version() + ", group.protocol=consumer | groups, transactions | "
        + "after a classic group, subscription by pattern, offsets in transactions, a topic that grows");
  }

  private static void renewed(Admin admin) throws Exception {
    KafkaConsumer<String, String> first = consumer("consumer");
    first.subscribe(List.of(TOPIC));
    KafkaConsumer<String, String> second = consumer("consumer");
    second.subscribe(new SubscriptionPattern("java-t.*"));
    Live.until("two halves", () -> {
      first.poll(A_MOMENT);
      second.poll(A_MOMENT);
      return first.assignment().size() == 2 && second.assignment().size() == 2;
    });
    var described = admin.describeConsumerGroups(List.of(GROUP)).all().get().get(GROUP);
    Live.check(described.type() == GroupType.CONSUMER && described.members().size() == 2, described.toString());
    Live.check(described.groupState() == GroupState.STABLE, described.toString());
    TopicPartition place = first.assignment().iterator().next();
    KafkaProducer<String, String> producer = new KafkaProducer<>(
        Live.settings(bootstrap, "transactional.id", "java"), new StringSerializer(), new StringSerializer());
    producer.initTransactions();
    producer.beginTransaction();
    producer.sendOffsetsToTransaction(Map.of(place, new OffsetAndMetadata(4, "again")), first.groupMetadata());
    producer.commitTransaction();
    producer.close();
    Live.until("the offset counts", () -> "again".equals(metadata(admin, place)));
    first.commitSync(Map.of(place, new OffsetAndMetadata(5, "by its member")));
    Live.check(offsets(admin).get(place).offset() == 5, "the member's commit");
    admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(PARTITIONS + 2))).all().get();
    Live.until("the new partitions", () -> {
      first.poll(A_MOMENT);
      second.poll(A_MOMENT);
      return first.assignment().size() == 3 && second.assignment().size() == 3;
    });
    first.close();
    Live.until("the other has all", () -> {
      second.poll(A_MOMENT);
      return second.assignment().size() == PARTITIONS + 2;
    });
    second.close();
  }

  private static Map<TopicPartition, OffsetAndMetadata> offsets(Admin admin) throws InterruptedException, ExecutionException {
    return admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get();
  }

  private static String metadata(Admin admin, TopicPartition place) throws InterruptedException, ExecutionException {
    OffsetAndMetadata found = offsets(admin).get(place);
    return found == null ? null : found.metadata();
  }

  private static KafkaConsumer<String, String> consumer(String protocol) {
    Properties settings = Live.settings(bootstrap, "group.id", GROUP, "group.protocol", protocol,
        "auto.offset.reset", "earliest", "enable.auto.commit", "false");
    return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
  }
}
