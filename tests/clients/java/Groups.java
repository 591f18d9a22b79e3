import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ConsumerGroupState;
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
// What 3.9 and 4.x both have, deprecated or not.
@SuppressWarnings("removal")
public final class Groups {
  private static final String GROUP = "java-group";
  private static final String TOPIC = "java-topic";
  private static final int PARTITIONS = 4;
  private static final Duration A_MOMENT = Duration.ofMillis(100);

  private static String bootstrap;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    try (Admin admin = Admin.create(Live.settings(bootstrap))) {
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
      fenced(producer);
      admin.deleteConsumerGroups(List.of(GROUP)).all().get();
      Live.check(admin.listConsumerGroups().all().get().isEmpty(), "the group is gone");
    }
    System.out.println("client kafka-clients (Java) " + Live.version() + " | groups, transactions | cooperative-sticky, "
        + "read_committed, offsets in transactions, fencing, administration of groups");
  }

  /** One reads what is committed, two share, one takes over; offsets go with a transaction. */
  private static void shared(Admin admin, KafkaProducer<String, String> producer) throws Exception {
    KafkaConsumer<String, String> first = consumer();
    KafkaConsumer<String, String> second = consumer();
    int[] read = {0};
    Live.until("what is committed", () -> (read[0] += first.poll(A_MOMENT).count()) >= 20);
    Live.check(read[0] == 20, "records read: " + read[0]);
    first.commitSync();
    Live.until("two halves", () -> {
      first.poll(A_MOMENT);
      second.poll(A_MOMENT);
      return first.assignment().size() == 2 && second.assignment().size() == 2;
    });
    var described = admin.describeConsumerGroups(List.of(GROUP)).all().get().get(GROUP);
    Live.check(described.state() == ConsumerGroupState.STABLE && described.members().size() == 2, described.toString());
    TopicPartition place = first.assignment().iterator().next();
    producer.beginTransaction();
    producer.sendOffsetsToTransaction(Map.of(place, new OffsetAndMetadata(3, "moved")), first.groupMetadata());
    producer.commitTransaction();
    first.close();
    Live.until("the other has all", () -> {
      second.poll(A_MOMENT);
      return second.assignment().size() == PARTITIONS;
    });
    var offsets = admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata();
    Live.until("the offset counts", () -> offsets(admin).get(place).metadata().equals("moved"));
    Live.check(offsets.get().size() == PARTITIONS, offsets.get().toString());
    second.close();
  }

  /** Another of the same transactional id ends the one before. */
  private static void fenced(KafkaProducer<String, String> old) throws Exception {
    producer().close();
    old.beginTransaction();
    try {
      old.send(new ProducerRecord<>(TOPIC, 0, "key", "too late")).get();
      Live.check(false, "an older producer wrote");
    } catch (ExecutionException refused) {
      // 4.x is told when it writes, 3.9 already when it adds the partition.
      boolean told = refused.getCause() instanceof InvalidProducerEpochException
          || refused.getCause() instanceof ProducerFencedException;
      Live.check(told, refused.toString());
    }
    try {
      old.abortTransaction();
      Live.check(false, "an older producer went on");
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

  private static KafkaProducer<String, String> producer() {
    Properties settings = Live.settings(bootstrap);
    settings.put("transactional.id", "java");
    KafkaProducer<String, String> producer =
        new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
    producer.initTransactions();
    return producer;
  }

  private static KafkaConsumer<String, String> consumer() {
    Properties settings = Live.settings(bootstrap);
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
}
