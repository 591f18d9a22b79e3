import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ClassicGroupState;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * The Java client in a group (CooperativeStickyAssignor) and in transactions, with its admin beside it.
 *
 * <p>Argument: BOOTSTRAP of an empty server. Stops at the first surprise.
 */
public final class Groups {
  private static final String GROUP = "java-group";
  private static final String TOPIC = "java-topic";
  private static final int PARTITIONS = 4;
  private static final Duration A_MOMENT = Duration.ofMillis(100);

  private static String bootstrap;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    try (Admin admin = Admin.create(settings())) {
      admin.createTopics(List.of(new NewTopic(TOPIC, PARTITIONS, (short) 1))).all().get();
      KafkaProducer<String, String> producer = producer();
      for (int transaction = 0; transaction < 4; transaction++) {
        producer.beginTransaction();
        for (int record = 0; record < 10; record++) {
          producer.send(new ProducerRecord<>(TOPIC, record % PARTITIONS, "key", transaction + "/" + record));
        }
        if (transaction % 2 == 0) {
          producer.commitTransaction();
        } else {
          producer.abortTransaction();
        }
      }
      shared(admin, producer);
      renewed(admin, producer);
      fenced(producer);
      admin.deleteConsumerGroups(List.of(GROUP)).all().get();
      check(admin.listGroups().all().get().isEmpty(), "the group is gone");
    }
    System.out.println("client kafka-clients (Java) 4.3.0 | groups, transactions | cooperative-sticky, the new protocol, read_committed, "
        + "offsets in transactions, fencing, administration of groups");
  }

  /** One reads what is committed, two share, one takes over; offsets go with a transaction. */
  private static void shared(Admin admin, KafkaProducer<String, String> producer) throws Exception {
    KafkaConsumer<String, String> first = consumer();
    KafkaConsumer<String, String> second = consumer();
    int[] read = {0};
    until("what is committed", () -> (read[0] += first.poll(A_MOMENT).count()) >= 20);
    check(read[0] == 20, "records read: " + read[0]);
    first.commitSync();
    until("two halves", () -> {
      first.poll(A_MOMENT);
      second.poll(A_MOMENT);
      return first.assignment().size() == 2 && second.assignment().size() == 2;
    });
    var described = admin.describeClassicGroups(List.of(GROUP)).all().get().get(GROUP);
    check(described.state() == ClassicGroupState.STABLE && described.members().size() == 2, described.toString());
    TopicPartition place = first.assignment().iterator().next();
    producer.beginTransaction();
    producer.sendOffsetsToTransaction(Map.of(place, new OffsetAndMetadata(3, "moved")), first.groupMetadata());
    producer.commitTransaction();
    first.close();
    until("the other has all", () -> {
      second.poll(A_MOMENT);
      return second.assignment().size() == PARTITIONS;
    });
    var offsets = admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata();
    until("the offset counts", () -> offsets(admin).get(place).metadata().equals("moved"));
    check(offsets.get().size() == PARTITIONS, offsets.get().toString());
    second.close();
  }

  /** The same group by the new protocol, which goes on from its offsets; then with topics found by a pattern. */
  private static void renewed(Admin admin, KafkaProducer<String, String> producer) throws Exception {
    KafkaConsumer<String, String> first = newConsumer();
    first.subscribe(List.of(TOPIC));
    KafkaConsumer<String, String> second = newConsumer();
    second.subscribe(new SubscriptionPattern("java-t.*"));
    until("two halves", () -> {
      first.poll(A_MOMENT);
      second.poll(A_MOMENT);
      return first.assignment().size() == 2 && second.assignment().size() == 2;
    });
    var described = admin.describeConsumerGroups(List.of(GROUP)).all().get().get(GROUP);
    check(described.type() == GroupType.CONSUMER && described.members().size() == 2, described.toString());
    check(described.groupState() == GroupState.STABLE, described.toString());
    TopicPartition place = first.assignment().iterator().next();
    producer.beginTransaction();
    producer.sendOffsetsToTransaction(Map.of(place, new OffsetAndMetadata(4, "again")), first.groupMetadata());
    producer.commitTransaction();
    until("the offset counts", () -> offsets(admin).get(place).metadata().equals("again"));
    first.commitSync(Map.of(place, new OffsetAndMetadata(5, "by its member")));
    check(offsets(admin).get(place).offset() == 5, "the member's commit");
    admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(PARTITIONS + 2))).all().get();
    until("the new partitions", () -> {
      first.poll(A_MOMENT);
      second.poll(A_MOMENT);
      return first.assignment().size() == 3 && second.assignment().size() == 3;
    });
    first.close();
    until("the other has all", () -> {
      second.poll(A_MOMENT);
      return second.assignment().size() == PARTITIONS + 2;
    });
    second.close();
  }

  /** Another of the same transactional id ends the one before. */
  private static void fenced(KafkaProducer<String, String> old) throws Exception {
    producer().close();
    old.beginTransaction();
    try {
      old.send(new ProducerRecord<>(TOPIC, 0, "key", "too late")).get();
      check(false, "an older producer wrote");
    } catch (ExecutionException refused) {
      check(refused.getCause() instanceof InvalidProducerEpochException, refused.toString());
    }
    try {
      old.abortTransaction();
      check(false, "an older producer went on");
    } catch (ProducerFencedException fenced) {
      old.close();
    }
  }

  private static Map<TopicPartition, OffsetAndMetadata> offsets(Admin admin) {
    try {
      return admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get();
    } catch (InterruptedException | ExecutionException error) {
      throw new IllegalStateException(error);
    }
  }

  private static Properties settings() {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    return settings;
  }

  private static KafkaProducer<String, String> producer() {
    Properties settings = settings();
    settings.put("transactional.id", "java");
    KafkaProducer<String, String> producer =
        new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
    producer.initTransactions();
    return producer;
  }

  private static KafkaConsumer<String, String> consumer() {
    Properties settings = settings();
    settings.put("group.id", GROUP);
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", "false");
    settings.put("isolation.level", "read_committed");
    settings.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
    KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    consumer.subscribe(List.of(TOPIC));
    return consumer;
  }

  private static KafkaConsumer<String, String> newConsumer() {
    Properties settings = settings();
    settings.put("group.id", GROUP);
    settings.put("group.protocol", "consumer");
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", "false");
    return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
  }

  private static void until(String what, BooleanSupplier holds) {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!holds.getAsBoolean()) {
      check(System.nanoTime() < end, what);
    }
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }
}
