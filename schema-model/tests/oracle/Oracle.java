// Avro Java behind a pipe: one JSON request a line on standard input, one JSON answer a line on standard output.
//
//   {"op":"parse","schema":S}                 -> {"ok":true,"text":…,"canonical":…,"rabin":hex,"md5":hex,"sha256":hex}
//   {"op":"compat","reader":S,"writer":S}     -> {"ok":true,"problems":[{"type":…,"path":…,"info":…}]}
//   {"op":"resolve","reader":S,"writer":S,"body":hex} -> {"ok":true,"body":hex}   the datum, written again as the reader
//
// Whatever Avro throws is answered as {"ok":false,"error":text}. Run it with
//   java -cp "$ANNALS_AVRO_CLASSPATH" Oracle.java
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

public class Oracle {
    static final ObjectMapper JSON = new ObjectMapper();
    static final Map<String, Schema> PARSED = new HashMap<>();

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        String line;
        while ((line = in.readLine()) != null) {
            ObjectNode answer = JSON.createObjectNode();
            try {
                answer.put("ok", true);
                answer(JSON.readTree(line), answer);
            } catch (Exception | StackOverflowError e) {
                answer = JSON.createObjectNode();
                answer.put("ok", false);
                answer.put("error", String.valueOf(e));
            }
            out.println(answer);
        }
        out.flush();
    }

    static Schema schema(JsonNode request, String key) {
        return PARSED.computeIfAbsent(request.get(key).textValue(), text -> new Schema.Parser().parse(text));
    }

    static void answer(JsonNode request, ObjectNode answer) throws Exception {
        switch (request.get("op").textValue()) {
        case "parse": {
            Schema schema = schema(request, "schema");
            answer.put("text", schema.toString());
            answer.put("canonical", SchemaNormalization.toParsingForm(schema));
            answer.put("rabin", String.format("%016x", SchemaNormalization.parsingFingerprint64(schema)));
            answer.put("md5", hex(SchemaNormalization.parsingFingerprint("MD5", schema)));
            answer.put("sha256", hex(SchemaNormalization.parsingFingerprint("SHA-256", schema)));
            return;
        }
        case "compat": {
            ArrayNode problems = answer.putArray("problems");
            SchemaCompatibility.SchemaPairCompatibility pair = SchemaCompatibility
                    .checkReaderWriterCompatibility(schema(request, "reader"), schema(request, "writer"));
            for (SchemaCompatibility.Incompatibility problem : pair.getResult().getIncompatibilities()) {
                ObjectNode row = problems.addObject();
                row.put("type", problem.getType().name());
                row.put("path", problem.getLocation());
                row.put("info", problem.getMessage());
            }
            return;
        }
        case "resolve": {
            Schema reader = schema(request, "reader");
            GenericData data = new GenericData();
            data.setFastReaderEnabled(false);
            GenericDatumReader<Object> datumReader = new Reader(schema(request, "writer"), reader, data);
            byte[] body = HexFormat.of().parseHex(request.get("body").textValue());
            Object datum = datumReader.read(null, DecoderFactory.get().binaryDecoder(body, null));
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
            new GenericDatumWriter<Object>(reader, data).write(datum, encoder);
            encoder.flush();
            answer.put("body", hex(bytes.toByteArray()));
            return;
        }
        default:
            throw new IllegalArgumentException("no such op");
        }
    }

    static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    // Maps keep the order of their keys, so that what is written again can be compared byte for byte.
    static class Reader extends GenericDatumReader<Object> {
        Reader(Schema writer, Schema reader, GenericData data) {
            super(writer, reader, data);
        }

        @Override
        protected Object newMap(Object old, int size) {
            return new TreeMap<Object, Object>();
        }
    }
}
