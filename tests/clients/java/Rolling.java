import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A group of Java consumers that is moved from the classic protocol to the new one and back, an instance at a time, while it
 * works: no partition is two instances' at a time, and every record is read once.
 *
 * <p>Argument: BOOTSTRAP of an empty server. Stops at the first surprise. For clients from 4.0 on.
 */
public final class Rolling {
  private static final int PARTITIONS = 4;
  private static final Duration A_MOMENT = Duration.ofMillis(50);

  private static String bootstrap;
  private static String topic;
  private static String assignor;
  private static final List<KafkaConsumer<String, String>> instances = new ArrayList<>();
  private static final Set<String> read = new HashSet<>();
  private static int sent;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    try (Admin admin = Admin.create(Live.settings(bootstrap))) {
      for (String name : List.of("RangeAssignor", "CooperativeStickyAssignor")) {
        assignor = "org.apache.kafka.clients.consumer." + name;
        topic = "rolling-" + name;
        admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
        roll(admin);
      }
    }
    System.out.println("client kafka-clients (Java) " + Live.version() + ", a group rolled from the classic protocol to "
        + "group.protocol=consumer and back | groups | eager and cooperative, every record once");
  }

  private static void roll(Admin admin) throws Exception {
    instances.add(consumer("classic"));
    instances.add(consumer("classic"));
    works(admin, GroupType.CLASSIC);
    for (String protocol : List.of("consumer", "classic")) {
      for (int at = 0; at < 2; at++) {
        instances.get(at).close();
        instances.set(at, consumer(protocol));
        boolean isOne = at == 1 && protocol.equals("classic");
        works(admin, isOne ? GroupType.CLASSIC : GroupType.CONSUMER);
      }
    }
    instances.forEach(KafkaConsumer::close);
    instances.clear();
  }

  /** The group has shared the topic out, is what it should be, and reads what is sent. */
  private static void works(Admin admin, GroupType type) throws Exception {
    Live.until("two halves", () -> {
      poll();
      return instances.stream().allMatch(instance -> instance.assignment().size() == PARTITIONS / 2);
    });
    Live.until("a group that is " + type, () -> {
      poll();
      return admin.listGroups().all().get().stream()
          .anyMatch(group -> group.groupId().equals(topic) && group.type().equals(java.util.Optional.of(type)));
    });
    int before = sent;
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(Live.settings(bootstrap), new StringSerializer(), new StringSerializer())) {
      for (; sent < before + 40; sent++) {
        producer.send(new ProducerRecord<>(topic, sent % PARTITIONS, null, "record " + sent)).get();
      }
    }
    Live.until("all that was sent", () -> {
      poll();
      return read.size() == sent;
    });
  }

  private static void poll() {
    for (KafkaConsumer<String, String> instance : instances) {
      ConsumerRecords<String, String> records = instance.poll(A_MOMENT);
      for (ConsumerRecord<String, String> record : records) {
        Live.check(read.add(record.value()), record.value() + " is read twice");
      }
      if (!records.isEmpty()) {
        instance.commitSync();
      }
    }
    // Looked at once more behind the other: a partition may have moved between two looks.
    Set<TopicPartition> twice = new HashSet<>(instances.get(0).assignment());
    twice.retainAll(instances.get(1).assignment());
    twice.retainAll(instances.get(0).assignment());
    Live.check(twice.isEmpty(), twice + " belong to two instances");
  }

  private static KafkaConsumer<String, String> consumer(String protocol) {
    Properties settings = Live.settings(bootstrap, "group.id", topic, "group.protocol", protocol,
        "auto.offset.reset", "earliest", "enable.auto.commit", "false");
    if (protocol.equals("classic")) {
      settings.putAll(Map.of("heartbeat.interval.ms", "300", "partition.assignment.strategy", assignor));
    }
    KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    consumer.subscribe(List.of(topic));
    return consumer;
  }
}
