import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A shop that tells what happens to its orders, in Avro: {@code Orders BOOTSTRAP REGISTRY}.
 *
 * <p>Its last line is {@code orders COUNT SUM}: what whoever reads the topic must find. The envelope (a zero byte, the
 * schema's id, Avro's binary form) is written here, as a serializer would.
 */
public final class Orders {
  private static final String TOPIC = "shop-orders";
  private static final int ORDERS = 300;
  private static final Schema SCHEMA = new Schema.Parser().parse("""
      {"type": "record", "name": "OrderEvent", "namespace": "shop", "fields": [
        {"name": "order_id", "type": "string"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["PLACED", "PAID", "CANCELLED"]}},
        {"name": "amount", "type": "long"},
        {"name": "note", "type": ["null", "string"], "default": null},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}""");

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0];
    int id = register(args[1]);
    try (Admin admin = Admin.create(Live.settings(bootstrap))) {
      admin.createTopics(List.of(new NewTopic(TOPIC, 3, (short) 1).configs(Map.of("retention.ms", "-1")))).all().get();
    }
    Serializer<GenericRecord> avro = (topic, event) -> framed(id, event);
    long sum = 0;
    try (KafkaProducer<String, GenericRecord> producer = new KafkaProducer<>(
        Live.settings(bootstrap, "linger.ms", "5", "compression.type", "zstd"), new StringSerializer(), avro)) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (int number = 0; number < ORDERS; number++) {
        long amount = 100 + number * 37 % 1000;
        sent.add(producer.send(event(number, "PLACED", amount)));
        boolean cancelled = number % 10 == 9;
        sent.add(producer.send(event(number, cancelled ? "CANCELLED" : "PAID", amount)));
        sum += cancelled ? 0 : amount;
      }
      for (Future<RecordMetadata> one : sent) {
        one.get();
      }
    }
    refused(bootstrap, id);
    System.out.println("client orders in Java | Avro | " + 2 * ORDERS + " events of kafka-clients " + Live.version());
    System.out.println("orders " + ORDERS + " " + sum);
  }

  private static int register(String registry) throws Exception {
    String schema = SCHEMA.toString().replace("\"", "\\\"");
    HttpRequest request = HttpRequest.newBuilder(URI.create(registry + "/subjects/" + TOPIC + "-value/versions"))
        .header("Content-Type", "application/vnd.schemaregistry.v1+json")
        .POST(HttpRequest.BodyPublishers.ofString("{\"schema\": \"" + schema + "\"}")).build();
    String answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
    return Integer.parseInt(answer.replaceAll(".*\"id\":\\s*(\\d+).*", "$1"));
  }

  private static ProducerRecord<String, GenericRecord> event(int number, String kind, long amount) {
    GenericRecord event = new GenericData.Record(SCHEMA);
    event.put("order_id", "order-" + number);
    event.put("kind", new GenericData.EnumSymbol(SCHEMA.getField("kind").schema(), kind));
    event.put("amount", amount);
    event.put("note", number % 3 == 0 ? "parcel " + number + " by express" : null);
    event.put("at", Instant.now().toEpochMilli());
    ProducerRecord<String, GenericRecord> record = new ProducerRecord<>(TOPIC, "order-" + number, event);
    record.headers().add("actor", "shop".getBytes(StandardCharsets.UTF_8));
    return record;
  }

  private static byte[] framed(int id, GenericRecord event) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(ByteBuffer.allocate(5).put((byte) 0).putInt(id).array());
    BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
    try {
      new GenericDatumWriter<GenericRecord>(SCHEMA).write(event, encoder);
    } catch (java.io.IOException impossible) {
      throw new IllegalStateException(impossible);
    }
    return bytes.toByteArray();
  }

  /** What is no order never gets in. */
  private static void refused(String bootstrap, int id) throws Exception {
    Serializer<String> text = (topic, value) -> ("\0\0\0\0" + (char) id + value).getBytes(StandardCharsets.ISO_8859_1);
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(Live.settings(bootstrap), new StringSerializer(), text)) {
      producer.send(new ProducerRecord<>(TOPIC, "order-0", "no order at all")).get();
      throw new AssertionError("text was taken for an order");
    } catch (ExecutionException refusal) {
      Live.check(refusal.getCause() instanceof InvalidRecordException, refusal.toString());
      Live.check(refusal.getMessage().contains(TOPIC + "-value"), refusal.toString());
    }
  }
}
