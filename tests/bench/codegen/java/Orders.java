import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DatumReader;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import shop.OrderPlaced;

/**
 * The order event by Avro Java: a line "decode" or "encode" on standard input is answered by the nanoseconds one event takes,
 * of this thread's own time (what the collector takes is not in it).
 */
public class Orders {
  static final int ROUNDS = 64;
  static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  static final List<byte[]> bodies = new ArrayList<>();
  static final List<OrderPlaced> orders = new ArrayList<>();
  static final DatumReader<OrderPlaced> reader = reader();
  static final SpecificDatumWriter<OrderPlaced> writer =
      new SpecificDatumWriter<>(OrderPlaced.class);
  static final ByteArrayOutputStream out = new ByteArrayOutputStream();
  static BinaryDecoder decoder;
  static BinaryEncoder encoder;
  static Object sink;

  static DatumReader<OrderPlaced> reader() {
    SpecificData model = SpecificData.getForClass(OrderPlaced.class);
    model.setFastReaderEnabled(true);
    return new SpecificDatumReader<>(OrderPlaced.getClassSchema(), OrderPlaced.getClassSchema(), model);
  }

  static OrderPlaced decode(byte[] body) throws Exception {
    decoder = DecoderFactory.get().binaryDecoder(body, decoder);
    return reader.read(null, decoder);
  }

  static void encode(OrderPlaced order) throws Exception {
    out.reset();
    encoder = EncoderFactory.get().binaryEncoder(out, encoder);
    writer.write(order, encoder);
    encoder.flush();
  }

  static double sample(boolean decode) throws Exception {
    long start = THREADS.getCurrentThreadCpuTime();
    for (int round = 0; round < ROUNDS; round++) {
      for (int n = 0; n < bodies.size(); n++) {
        if (decode) sink = decode(bodies.get(n));
        else encode(orders.get(n));
      }
    }
    return (THREADS.getCurrentThreadCpuTime() - start) / (double) (ROUNDS * bodies.size());
  }

  public static void main(String[] args) throws Exception {
    try (DataInputStream in = new DataInputStream(new FileInputStream(args[0]))) {
      while (in.available() > 0) bodies.add(in.readNBytes(in.readInt()));
    }
    for (byte[] body : bodies) {
      OrderPlaced order = decode(body);
      orders.add(order);
      encode(order);
      if (!Arrays.equals(out.toByteArray(), body)) throw new AssertionError("Java writes other bytes");
    }
    for (int round = 0; round < 60; round++) {
      sample(true);
      sample(false);
    }
    System.out.println("ready");
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      System.out.println(sample(line.equals("decode")));
    }
  }
}
