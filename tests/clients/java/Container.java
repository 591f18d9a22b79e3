// Avro's own reader and writer of container files.
//
//   java -cp … Container.java read FILE             a datum a line, as JSON
//   java -cp … Container.java write FROM CODEC TO   the same data in another file
import java.io.File;
import org.apache.avro.file.CodecFactory;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;

public class Container {
    public static void main(String[] args) throws Exception {
        try (DataFileReader<Object> file = new DataFileReader<>(new File(args[1]), new GenericDatumReader<>())) {
            if (args[0].equals("read")) {
                for (Object datum : file) {
                    System.out.println(datum);
                }
                return;
            }
            try (DataFileWriter<Object> to = new DataFileWriter<>(new GenericDatumWriter<>())) {
                to.setCodec(CodecFactory.fromString(args[2]));
                to.create(file.getSchema(), new File(args[3]));
                for (Object datum : file) {
                    to.append(datum);
                }
            }
        }
    }
}
