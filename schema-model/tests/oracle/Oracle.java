// Avro Java behind a pipe: one JSON request a line on standard input, one JSON answer a line on standard output.
//
//   {"schemas":[A,B],"bodies":[hex,hex]} ->
//   {"schemas":[PARSED,PARSED],"compat":[RULES,RULES],"resolve":[DATA,DATA]}
//
//   PARSED  {"ok":true,"text":…,"canonical":…,"rabin":hex,"md5":hex,"sha256":hex,"strict":bool}
//           strict: whether its names pass the specification's rule; asked where there are no references
//   RULES   {"ok":true,"problems":[{"type":…,"path":…,"info":…}]}     written by A, read as B; then the other way round
//   DATA    {"ok":true,"body":hex}      the datum, written again as the reader
//
// Any number of schemas may be given; rules and data are asked for two. "references":[text,…] are known to each schema,
// and written out in its text. Whatever Avro throws is answered as
// {"ok":false,"error":text}. Run it with
//   java -cp "$ANNALS_AVRO_CLASSPATH" Oracle.java
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.TreeMap;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.SchemaParseException;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

public class Oracle {
    static final ObjectMapper JSON = new ObjectMapper();

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

    interface Question {
        void answer(ObjectNode answer) throws Exception;
    }

    static void ask(ArrayNode answers, Question question) {
        ObjectNode answer = JSON.createObjectNode();
        answer.put("ok", true);
        try {
            question.answer(answer);
        } catch (Exception | StackOverflowError e) {
            answer.removeAll();
            answer.put("ok", false);
            answer.put("error", String.valueOf(e));
        }
        answers.add(answer);
    }

    static ObjectNode answer(JsonNode request) {
        ObjectNode answer = JSON.createObjectNode();
        JsonNode texts = request.get("schemas");
        Schema[] schemas = new Schema[texts.size()];
        ArrayNode parsed = answer.putArray("schemas");
        for (int i = 0; i < schemas.length; i++) {
            int index = i;
            ask(parsed, one -> {
                Schema.Parser parser = new Schema.Parser();
                for (JsonNode reference : request.path("references")) {
                    parser.parse(reference.textValue());
                }
                schemas[index] = parser.parse(texts.get(index).textValue());
                forms(schemas[index], one);
                if (!request.has("references")) {
                    one.put("strict", isStrict(texts.get(index).textValue()));
                }
            });
        }
        if (schemas.length != 2 || schemas[0] == null || schemas[1] == null) {
            return answer;
        }
        ArrayNode compat = answer.putArray("compat");
        ArrayNode resolve = answer.putArray("resolve");
        for (int i = 0; i < 2; i++) {
            Schema writer = schemas[i], reader = schemas[1 - i];
            String body = request.get("bodies").get(i).textValue();
            ask(compat, one -> compat(reader, writer, one));
            ask(resolve, one -> one.put("body", resolve(reader, writer, body)));
        }
        return answer;
    }

    static boolean isStrict(String text) {
        try {
            new Schema.Parser(NameValidator.STRICT_VALIDATOR).parse(text);
            return true;
        } catch (SchemaParseException e) {
            return false;
        }
    }

    static void forms(Schema schema, ObjectNode answer) throws Exception {
        answer.put("text", schema.toString());
        answer.put("canonical", SchemaNormalization.toParsingForm(schema));
        answer.put("rabin", String.format("%016x", SchemaNormalization.parsingFingerprint64(schema)));
        answer.put("md5", hex(SchemaNormalization.parsingFingerprint("MD5", schema)));
        answer.put("sha256", hex(SchemaNormalization.parsingFingerprint("SHA-256", schema)));
    }

    static void compat(Schema reader, Schema writer, ObjectNode answer) {
        ArrayNode problems = answer.putArray("problems");
        SchemaCompatibility.SchemaPairCompatibility pair = SchemaCompatibility.checkReaderWriterCompatibility(reader, writer);
        for (SchemaCompatibility.Incompatibility problem : pair.getResult().getIncompatibilities()) {
            ObjectNode row = problems.addObject();
            row.put("type", problem.getType().name());
            row.put("path", problem.getLocation());
            row.put("info", problem.getMessage());
        }
    }

    static String resolve(Schema reader, Schema writer, String body) throws Exception {
        GenericData data = new GenericData();
        data.setFastReaderEnabled(false);
        GenericDatumReader<Object> datumReader = new Reader(writer, reader, data);
        byte[] bytes = HexFormat.of().parseHex(body);
        Object datum = datumReader.read(null, DecoderFactory.get().binaryDecoder(bytes, null));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new GenericDatumWriter<Object>(reader, data).write(datum, encoder);
        encoder.flush();
        return hex(out.toByteArray());
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
