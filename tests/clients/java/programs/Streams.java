import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * A Kafka Streams application that sums orders by customer, exactly once, and that is killed while it does.
 *
 * <p>{@code drive BOOTSTRAP} on an empty server sends the orders, runs the application in a process of its own, kills that
 * with SIGKILL (once with its state kept, once with its state lost, so that the changelog must bring it back), and looks
 * at what came out: one total for each order and customer, each the sum of the orders up to it. {@code run BOOTSTRAP STATE}
 * is the application.
 */
public final class Streams {
  private static final String ORDERS = "streams-orders";
  private static final String TOTALS = "streams-totals";
  private static final String APPLICATION = "order-totals";
  private static final int PARTITIONS = 3;
  private static final int CUSTOMERS = 7;
  private static final int PART = 600;

  private static String bootstrap;

  public static void main(String[] args) throws Exception {
    bootstrap = args[1];
    if (args[0].equals("run")) {
      application(args[2]);
    } else {
      drive();
    }
  }

  private static void application(String state) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.<String, String>stream(ORDERS)
        .map((order, text) -> KeyValue.pair(text.split(":")[0], Long.valueOf(text.split(":")[1])))
        .groupByKey(Grouped.with("by-customer", Serdes.String(), Serdes.Long()))
        .aggregate(() -> 0L, (customer, amount, total) -> total + amount,
            Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>
                as("totals").withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
        .toStream()
        .to(TOTALS, Produced.with(Serdes.String(), Serdes.Long()));
    Properties settings = Live.settings(bootstrap);
    settings.put("application.id", APPLICATION);
    settings.put("state.dir", state);
    settings.put("processing.guarantee", "exactly_once_v2");
    settings.put("default.key.serde", Serdes.StringSerde.class.getName());
    settings.put("default.value.serde", Serdes.StringSerde.class.getName());
    settings.put("commit.interval.ms", "50");
    // Every order shows in the output, and the topic between the halves is cut while it runs.
    settings.put("statestore.cache.max.bytes", "0");
    settings.put("repartition.purge.interval.ms", "200");
    settings.put("auto.offset.reset", "earliest");
    settings.put("main.consumer.session.timeout.ms", "6000");
    settings.put("main.consumer.heartbeat.interval.ms", "500");
    settings.put("producer.transaction.timeout.ms", "6000");
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    streams.start();
  }

  private static void drive() throws Exception {
    Path place = Files.createTempDirectory("streams");
    Process application = null;
    try (Admin admin = Admin.create(Live.settings(bootstrap)); Output output = new Output()) {
      admin.createTopics(List.of(new NewTopic(ORDERS, PARTITIONS, (short) 1), new NewTopic(TOTALS, PARTITIONS, (short) 1)))
          .all().get();
      output.open();
      Orders orders = new Orders();
      orders.send(PART);
      application = run(place.resolve("kept"));
      output.until(PART / 3, application);
      orders.send(PART);
      output.until(PART, application);
      Live.kill(application);
      application = run(place.resolve("kept"));
      output.until(PART * 5 / 3, application);
      orders.send(PART);
      output.until(PART * 2, application);
      Live.kill(application);
      application = run(place.resolve("new"));
      output.until(PART * 3, application);
      Live.same(orders.totals, output.last, "the totals");
      output.isExact(orders);
      internalTopics(admin);
    } finally {
      if (application != null) {
        Live.kill(application);
      }
      Live.delete(place);
    }
    System.out.println("client Kafka Streams " + Live.version() + " | groups, transactions | a KTable aggregate "
        + "with exactly_once_v2, repartition and changelog topics, killed with SIGKILL with its state kept and lost: "
        + 3 * PART + " orders, each counted once");
  }

  /** The changelog is a compacted topic with every customer's total, the topic between the halves was cut. */
  private static void internalTopics(Admin admin) throws Exception {
    String changelog = APPLICATION + "-totals-changelog";
    String between = APPLICATION + "-by-customer-repartition";
    Live.check(admin.listTopics().names().get().containsAll(List.of(changelog, between)), "the internal topics");
    Live.same("compact", setting(admin, changelog, "cleanup.policy"), changelog);
    Live.same("delete", setting(admin, between, "cleanup.policy"), between);
    Live.same("-1", setting(admin, between, "retention.ms"), between);
    Live.until("the repartition topic was cut", () -> {
      long cut = 0;
      for (int partition = 0; partition < PARTITIONS; partition++) {
        TopicPartition at = new TopicPartition(between, partition);
        cut += admin.listOffsets(Map.of(at, OffsetSpec.earliest())).partitionResult(at).get().offset();
      }
      return cut > 0;
    });
  }

  private static String setting(Admin admin, String topic, String name) throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    return admin.describeConfigs(List.of(resource)).all().get().get(resource).get(name).value();
  }

  /** What was sent. */
  private static final class Orders {
    final Map<String, Long> totals = new TreeMap<>();
    final Map<String, List<Long>> sums = new HashMap<>();
    private int sent;

    void send(int count) throws Exception {
      try (KafkaProducer<String, String> producer =
          new KafkaProducer<>(Live.settings(bootstrap), new StringSerializer(), new StringSerializer())) {
        for (int end = sent + count; sent < end; sent++) {
          String customer = "customer-" + sent % CUSTOMERS;
          long amount = 1 + sent * 31 % 97;
          // One partition a customer, so that each customer's orders have one order.
          producer.send(new ProducerRecord<>(ORDERS, sent % CUSTOMERS % PARTITIONS, "order-" + sent, customer + ":" + amount));
          totals.merge(customer, amount, Long::sum);
          sums.computeIfAbsent(customer, unused -> new ArrayList<>()).add(totals.get(customer));
        }
      }
    }
  }

  /** What came out and is committed. */
  private static final class Output implements AutoCloseable {
    final Map<String, Long> last = new TreeMap<>();
    private final Map<String, List<Long>> all = new HashMap<>();
    private final KafkaConsumer<String, Long> consumer;
    private int count;

    Output() {
      Properties settings = Live.settings(bootstrap);
      settings.put("isolation.level", "read_committed");
      consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new LongDeserializer());
    }

    void open() {
      List<TopicPartition> places = new ArrayList<>();
      for (int partition = 0; partition < PARTITIONS; partition++) {
        places.add(new TopicPartition(TOTALS, partition));
      }
      consumer.assign(places);
      consumer.seekToBeginning(places);
    }

    void until(int wanted, Process application) throws Exception {
      Live.until(wanted + " totals", () -> {
        Live.check(application.isAlive(), "the application ended");
        for (ConsumerRecord<String, Long> record : consumer.poll(Duration.ofMillis(100))) {
          count++;
          last.put(record.key(), record.value());
          all.computeIfAbsent(record.key(), unused -> new ArrayList<>()).add(record.value());
        }
        return count >= wanted;
      });
    }

    void isExact(Orders orders) {
      Live.same(3 * PART, count, "totals");
      for (Map.Entry<String, List<Long>> customer : orders.sums.entrySet()) {
        Live.same(customer.getValue(), all.get(customer.getKey()), customer.getKey());
      }
    }

    @Override
    public void close() {
      consumer.close();
    }
  }

  private static Process run(Path state) throws Exception {
    return Live.start(Streams.class.getName(), "run", bootstrap, state.toString());
  }
}
