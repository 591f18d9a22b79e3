import java.io.File;
import org.apache.avro.Schema;
import org.apache.avro.compiler.specific.SpecificCompiler;
import org.apache.avro.generic.GenericData.StringType;

/** Java's own types of a schema: SCHEMA FOLDER. Texts are strings and decimals are numbers, as in ours. */
public class Types {
  public static void main(String[] args) throws Exception {
    SpecificCompiler compiler = new SpecificCompiler(new Schema.Parser().parse(new File(args[0])));
    compiler.setStringType(StringType.String);
    compiler.setEnableDecimalLogicalType(true);
    compiler.compileToDestination(null, new File(args[1]));
  }
}
