// Avro Java's values behind a pipe: one JSON request a line on standard input, one JSON answer a line on standard output.
//
//   {"schema":text,"bodies":[hex,…],"make":N,"seed":N} -> {"bodies":[VALUE,…],"made":[VALUE,…]}
//
//   VALUE   {"ok":true,"body":hex,"value":JSON,"plain":hex,"blocks":hex}
//           body    the datum's bytes: as asked, or of a datum that Avro's own RandomData made
//           value   what Java reads: a record as [name,{field:value}], a float as the bits of a double in hex, what a
//                   conversion refuses as {"refused":text}, all else as Annals prints it
//           plain   the datum written again
//           blocks  the same with every logical type converted there and back, in blocks that tell their sizes
//
// Whatever Avro throws is answered as {"ok":false,"error":text}. Run it with
//   java -cp "$ANNALS_AVRO_CLASSPATH" Values.java
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.Conversion;
import org.apache.avro.Conversions;
import org.apache.avro.LogicalType;
import org.apache.avro.Schema;
import org.apache.avro.data.TimeConversions;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.util.RandomData;
import org.apache.avro.util.TimePeriod;

public class Values {
    static final ObjectMapper JSON = new ObjectMapper();
    static final JsonNodeFactory NODES = JSON.getNodeFactory();
    // Data that Avro makes of recursive schemas may be of any size, and nest too deep for JSON.
    static final int MADE_BYTES_MAX = 1 << 14;
    static final int DEPTH_MAX = 50;
    static final int SCALE_MAX = 10_000;
    static final EncoderFactory BLOCKS = new EncoderFactory().configureBlockSize(64);
    static final String TOO_DEEP = "too deep to show";
    static final GenericData RAW = new GenericData();
    static final GenericData DATA = new GenericData();

    static {
        List<Conversion<?>> conversions = List.of(
            new Conversions.DecimalConversion(), new Conversions.BigDecimalConversion(), new Conversions.UUIDConversion(),
            new Conversions.DurationConversion(), new TimeConversions.DateConversion(),
            new TimeConversions.TimeMillisConversion(), new TimeConversions.TimeMicrosConversion(),
            new TimeConversions.TimestampMillisConversion(), new TimeConversions.TimestampMicrosConversion(),
            new TimeConversions.TimestampNanosConversion(), new TimeConversions.LocalTimestampMillisConversion(),
            new TimeConversions.LocalTimestampMicrosConversion(), new TimeConversions.LocalTimestampNanosConversion());
        conversions.forEach(DATA::addLogicalTypeConversion);
    }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
        FileOutputStream stdout = new FileOutputStream(FileDescriptor.out);
        BufferedWriter out = new BufferedWriter(new OutputStreamWriter(stdout, StandardCharsets.UTF_8), 1 << 16);
        String line;
        while ((line = in.readLine()) != null) {
            out.write(answer(JSON.readTree(line)).toString());
            out.write('\n');
            if (!in.ready()) {
                out.flush();
            }
        }
        out.flush();
    }

    static ObjectNode answer(JsonNode request) {
        ObjectNode answer = JSON.createObjectNode();
        Schema schema = new Schema.Parser().parse(request.get("schema").textValue());
        ArrayNode read = answer.putArray("bodies");
        for (JsonNode body : request.get("bodies")) {
            value(schema, HexFormat.of().parseHex(body.textValue()), read.addObject());
        }
        ArrayNode made = answer.putArray("made");
        for (int i = 0; i < request.path("make").asInt(); i++) {
            try {
                RandomData random = new RandomData(RAW, schema, 1, request.get("seed").asLong() + i, true);
                byte[] body = write(schema, random.iterator().next(), EncoderFactory.get());
                if (body.length <= MADE_BYTES_MAX) {
                    ObjectNode one = JSON.createObjectNode();
                    value(schema, body, one);
                    if (!one.path("error").asText().contains(TOO_DEEP)) {
                        made.add(one);
                    }
                }
            } catch (Exception | StackOverflowError e) {
                // Of some schemas it makes nothing.
            }
        }
        return answer;
    }

    static void value(Schema schema, byte[] body, ObjectNode answer) {
        answer.put("body", HexFormat.of().formatHex(body));
        try {
            BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(body, null);
            Object datum = new Reader(schema).read(null, decoder);
            if (!decoder.isEnd()) {
                throw new IOException("bytes are left over");
            }
            Shown shown = show(schema, datum, 0);
            answer.put("ok", true);
            answer.set("value", shown.json);
            answer.put("plain", HexFormat.of().formatHex(write(schema, datum, EncoderFactory.get())));
            answer.put("blocks", HexFormat.of().formatHex(write(schema, shown.again, BLOCKS)));
        } catch (Exception | StackOverflowError e) {
            answer.put("ok", false);
            answer.put("error", String.valueOf(e));
        }
    }

    static byte[] write(Schema schema, Object datum, EncoderFactory factory) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        BinaryEncoder encoder = factory == BLOCKS ? factory.blockingBinaryEncoder(out, null) : factory.directBinaryEncoder(out, null);
        new GenericDatumWriter<Object>(schema, RAW).write(datum, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    // A datum as JSON, and as it is again after its logical types were converted there and back.
    record Shown(JsonNode json, Object again) {}

    static Shown show(Schema schema, Object datum, int depth) {
        if (depth > DEPTH_MAX) {
            throw new IllegalArgumentException(TOO_DEEP);
        }
        LogicalType logical = schema.getLogicalType();
        Conversion<?> conversion = logical == null ? null : DATA.getConversionFor(logical);
        if (conversion != null) {
            return convert(schema, datum, logical, conversion);
        }
        switch (schema.getType()) {
            case UNION:
                return show(schema.getTypes().get(RAW.resolveUnion(schema, datum)), datum, depth);
            case RECORD: {
                GenericData.Record again = new GenericData.Record(schema);
                ArrayNode record = JSON.createArrayNode().add(schema.getFullName());
                ObjectNode fields = record.addObject();
                for (Schema.Field field : schema.getFields()) {
                    Shown shown = show(field.schema(), ((IndexedRecord) datum).get(field.pos()), depth + 1);
                    fields.set(field.name(), shown.json);
                    again.put(field.pos(), shown.again);
                }
                return new Shown(record, again);
            }
            case ARRAY: {
                ArrayNode items = JSON.createArrayNode();
                List<Object> again = new ArrayList<>();
                for (Object item : (Iterable<?>) datum) {
                    Shown shown = show(schema.getElementType(), item, depth + 1);
                    items.add(shown.json);
                    again.add(shown.again);
                }
                return new Shown(items, again);
            }
            case MAP: {
                ObjectNode entries = JSON.createObjectNode();
                Map<Object, Object> again = new TreeMap<>();
                for (Map.Entry<?, ?> entry : ((Map<?, ?>) datum).entrySet()) {
                    Shown shown = show(schema.getValueType(), entry.getValue(), depth + 1);
                    entries.set(entry.getKey().toString(), shown.json);
                    again.put(entry.getKey(), shown.again);
                }
                return new Shown(entries, again);
            }
            default:
                return new Shown(plain(schema, datum), datum);
        }
    }

    static JsonNode plain(Schema schema, Object datum) {
        switch (schema.getType()) {
            case NULL: return NODES.nullNode();
            case BOOLEAN: return NODES.booleanNode((Boolean) datum);
            case INT: return NODES.numberNode((Integer) datum);
            case LONG: return NODES.numberNode((Long) datum);
            case FLOAT: return bits((Float) datum);
            case DOUBLE: return bits((Double) datum);
            case BYTES: return base64(bytes(((ByteBuffer) datum)));
            case FIXED: return base64(((GenericFixed) datum).bytes());
            default: return NODES.textNode(datum.toString());
        }
    }

    static JsonNode bits(double number) {
        return NODES.textNode(Double.isNaN(number) ? "NaN" : String.format("%016x", Double.doubleToRawLongBits(number)));
    }

    static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    static JsonNode base64(byte[] bytes) {
        return NODES.textNode(Base64.getEncoder().encodeToString(bytes));
    }

    static Shown convert(Schema schema, Object datum, LogicalType logical, Conversion<?> conversion) {
        try {
            Object value = Conversions.convertToLogicalType(datum, schema, logical, conversion);
            Object again = datum;
            try {
                again = Conversions.convertToRawType(value, schema, logical, conversion);
            } catch (Exception e) {
                // Java reads decimals with more digits than it writes.
            }
            return new Shown(NODES.textNode(text(logical, value)), again);
        } catch (Exception e) {
            return new Shown(JSON.createObjectNode().put("refused", String.valueOf(e)), datum);
        }
    }

    static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss.SSSSSS");
    static final Map<String, DateTimeFormatter> INSTANTS = Map.of("millis", instants(3), "micros", instants(6), "nanos", instants(9));

    static DateTimeFormatter instants(int digits) {
        return new DateTimeFormatterBuilder().appendInstant(digits).toFormatter();
    }

    static String text(LogicalType logical, Object value) {
        String unit = logical.getName().substring(logical.getName().lastIndexOf('-') + 1);
        if (value instanceof BigDecimal decimal) {
            if (Math.abs((long) decimal.scale()) > SCALE_MAX) {
                throw new ArithmeticException("too long to show");
            }
            return decimal.toPlainString();
        } else if (value instanceof LocalDate date) {
            return DateTimeFormatter.ISO_LOCAL_DATE.format(date);
        } else if (value instanceof LocalTime time) {
            return TIME.format(time);
        } else if (value instanceof Instant instant) {
            return INSTANTS.get(unit).format(instant);
        } else if (value instanceof LocalDateTime local) {
            String text = INSTANTS.get(unit).format(local.toInstant(ZoneOffset.UTC));
            return text.substring(0, text.length() - 1);
        } else if (value instanceof TimePeriod period) {
            return String.format("P%dM%dDT%d.%03dS", period.getMonths(), period.getDays(), period.getMillis() / 1000, period.getMillis() % 1000);
        }
        return value.toString();
    }

    // Maps keep the order of their keys, so that what is written again can be compared byte for byte.
    static class Reader extends GenericDatumReader<Object> {
        Reader(Schema schema) {
            super(schema, schema, RAW);
            RAW.setFastReaderEnabled(false);
        }

        @Override
        protected Object newMap(Object old, int size) {
            return new TreeMap<Object, Object>();
        }
    }
}
