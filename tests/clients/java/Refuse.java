import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;

import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The Java client against the guard: default settings (acks=all, idempotence on), one producer throughout.
 *
 * <p>Arguments: BOOTSTRAP SCHEMA_ID. The topic java-payments has a registered subject whose schema is
 * {order_id: string, amount: long}.
 */
public final class Refuse {
  private static final String TOPIC = "java-payments";

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0];
    int schemaId = Integer.parseInt(args[1]);
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    try (Admin admin = Admin.create(settings)) {
      Uuid id = admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1))).topicId(TOPIC).get();
      Live.check(admin.describeTopics(List.of(TOPIC)).allTopicNames().get().containsKey(TOPIC), "describe");
      TopicCollection byId = TopicCollection.ofTopicIds(List.of(id));
      Live.check(admin.describeTopics(byId).allTopicIds().get().get(id).name().equals(TOPIC), "describe by id");
    }
    settings.put("linger.ms", "200");
    settings.put("key.serializer", ByteArraySerializer.class.getName());
    settings.put("value.serializer", ByteArraySerializer.class.getName());
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
      Live.check(send(producer, good(schemaId, 1)).get(0) instanceof RecordMetadata, "the first record");
      List<Object> mixed = send(producer, good(schemaId, 2), bad(schemaId), good(schemaId, 3));
      for (Object result : mixed) {
        Live.check(result instanceof Exception, "a batch with a bad record was accepted: " + mixed);
      }
      Live.check(mixed.get(1).toString().contains("java-payments-value v1"), "no sentence: " + mixed.get(1));
      Object alone = send(producer, bad(schemaId)).get(0);
      Live.check(alone instanceof InvalidRecordException, "expected InvalidRecordException, got " + alone);
      for (int amount = 4; amount < 14; amount++) {
        Object result = send(producer, good(schemaId, amount)).get(0);
        Live.check(result instanceof RecordMetadata, "the producer did not go on: " + result);
        if (amount % 3 == 0) {
          Live.check(send(producer, bad(schemaId)).get(0) instanceof InvalidRecordException, "a refusal");
        }
      }
    }
    settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
    settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
    List<Integer> amounts = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
      TopicPartition partition = new TopicPartition(TOPIC, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      Live.check(end == 11, "11 records were acknowledged, the log ends at " + end);
      while (amounts.size() < end) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(5))) {
          Live.check(record.offset() == amounts.size(), "offset " + record.offset());
          byte[] value = record.value();
          amounts.add((value[value.length - 1] & 0xff) / 2);
        }
      }
    }
    Live.check(amounts.equals(List.of(1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)), "read back " + amounts);
    System.out.println("kafka-clients " + Live.version() + ": refused records named, the idempotent producer went on");
  }

  /** Each value's metadata, or the exception it failed with. */
  private static List<Object> send(KafkaProducer<byte[], byte[]> producer, byte[]... values)
      throws InterruptedException {
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (byte[] value : values) {
      sent.add(producer.send(new ProducerRecord<>(TOPIC, "k".getBytes(), value)));
    }
    List<Object> results = new ArrayList<>();
    for (Future<RecordMetadata> future : sent) {
      try {
        results.add(future.get());
      } catch (ExecutionException e) {
        results.add(e.getCause());
      }
    }
    return results;
  }

  /** Envelope, the string "o" and a small amount, which zig-zag doubles. */
  private static byte[] good(int schemaId, int amount) {
    return ByteBuffer.allocate(8).put((byte) 0).putInt(schemaId).put((byte) 2).put((byte) 'o').put((byte) (amount * 2))
        .array();
  }

  /** The string is said to be longer than the payload. */
  private static byte[] bad(int schemaId) {
    return ByteBuffer.allocate(7).put((byte) 0).putInt(schemaId).put((byte) 100).put((byte) 'o').array();
  }
}
