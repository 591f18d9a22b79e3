import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;

/** What the Java programs share: the broker's address, checks, waiting, and processes that can be killed. */
final class Live {
  static final Duration WAIT = Duration.ofSeconds(90);

  private Live() {}

  /** Settings of any client, in pairs behind the first. */
  static Properties settings(String bootstrap, String... more) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    for (int at = 0; at < more.length; at += 2) {
      settings.put(more[at], more[at + 1]);
    }
    return settings;
  }

  /** Of the client library on the class path. */
  static String version() throws IOException {
    Properties version = new Properties();
    version.load(Live.class.getResourceAsStream("/kafka/kafka-version.properties"));
    return version.getProperty("version");
  }

  interface Condition {
    boolean holds() throws Exception;
  }

  static void until(String what, Condition condition) throws Exception {
    long end = System.nanoTime() + WAIT.toNanos();
    while (!condition.holds()) {
      check(System.nanoTime() < end, what + " within " + WAIT.toSeconds() + " s");
    }
  }

  static void same(Object wanted, Object found, String what) {
    check(wanted.equals(found), what + ": wanted " + wanted + ", found " + found);
  }

  static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  /** A small JVM of its own with this one's class path. */
  static Process start(String mainClass, String... args) throws IOException {
    List<String> command = new ArrayList<>(List.of("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", System.getProperty("java.class.path"), mainClass));
    command.addAll(List.of(args));
    Process process = new ProcessBuilder(command).inheritIO().start();
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    return process;
  }

  /** SIGKILL. */
  static void kill(Process process) throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  static void delete(Path folder) throws IOException {
    try (Stream<Path> inside = Files.walk(folder)) {
      for (Path each : inside.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }
}
