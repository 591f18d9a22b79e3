import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.config.ConfigResource;

/**
 * Kafka Connect carries the lines of a file through a topic into another file, while its workers are killed.
 *
 * <p>Argument: BOOTSTRAP of an empty server. First a standalone worker, which keeps its place in a file; then a
 * distributed one, which keeps its connectors, places and states in three compacted topics, and whose successor goes on
 * from them. Every line arrives, none that was not written, and one more than once only around a kill.
 */
public final class Connect {
  private static final int PART = 200;

  private static String bootstrap;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    Path place = Files.createTempDirectory("connect");
    try {
      standalone(Files.createDirectory(place.resolve("standalone")));
      distributed(Files.createDirectory(place.resolve("distributed")));
    } finally {
      Live.delete(place);
    }
    System.out.println("client Kafka Connect " + Live.version() + " | standalone, distributed | FileStream source and sink, "
        + "offset, config and status topics, a worker killed and another going on");
  }

  private static void standalone(Path place) throws Exception {
    Lines lines = new Lines(place);
    Path worker = properties(place, "worker",
        worker(place) + "offset.storage.file.filename=" + place.resolve("offsets") + "\n");
    Path source = properties(place, "source", source("lines", lines, "connect-standalone"));
    Path sink = properties(place, "sink", sink("copy", lines, "connect-standalone"));
    for (int life = 0; life < 2; life++) {
      lines.write();
      Process process = Live.start("org.apache.kafka.connect.cli.ConnectStandalone",
          worker.toString(), source.toString(), sink.toString());
      lines.arrive(process);
      lines.write();
      lines.arrive(process);
      Live.kill(process);
    }
    lines.areWhatWasWritten();
  }

  private static void distributed(Path place) throws Exception {
    Lines lines = new Lines(place);
    for (int life = 0; life < 2; life++) {
      Rest rest = new Rest();
      StringBuilder settings = new StringBuilder(worker(place)).append("group.id=connect-cluster\n");
      for (String topic : List.of("offset", "config", "status")) {
        settings.append(topic + ".storage.topic=connect-" + topic + "\n" + topic + ".storage.replication.factor=1\n");
      }
      // The dead worker is given up quickly, and what it had is handed on at once.
      settings.append("offset.storage.partitions=3\nstatus.storage.partitions=2\nsession.timeout.ms=6000\n"
          + "heartbeat.interval.ms=500\nscheduled.rebalance.max.delay.ms=0\nlisteners=" + rest.address + "\n");
      Path worker = properties(place, "worker-" + life, settings.toString());
      lines.write();
      Process process = Live.start("org.apache.kafka.connect.cli.ConnectDistributed", worker.toString());
      if (life == 0) {
        rest.create("lines", source("lines", lines, "connect-distributed"), process);
        rest.create("copy", sink("copy", lines, "connect-distributed"), process);
      }
      lines.arrive(process);
      rest.runs("lines", process);
      rest.runs("copy", process);
      lines.write();
      lines.arrive(process);
      Live.kill(process);
    }
    lines.areWhatWasWritten();
    try (Admin admin = Admin.create(Live.settings(bootstrap))) {
      for (String topic : List.of("connect-offset", "connect-config", "connect-status")) {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        var policy = admin.describeConfigs(List.of(resource)).all().get().get(resource).get("cleanup.policy");
        Live.same("compact", policy.value(), topic);
      }
    }
  }

  /** What is written into one file and arrives in another. */
  private static final class Lines {
    final Path from;
    final Path to;
    private int written;

    Lines(Path place) {
      from = place.resolve("lines.txt");
      to = place.resolve("copy.txt");
    }

    void write() throws IOException {
      List<String> more = IntStream.range(written, written + PART).mapToObj(n -> "line " + n).toList();
      Files.write(from, more, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      written += PART;
    }

    void arrive(Process worker) throws Exception {
      Live.until(written + " lines", () -> {
        Live.check(worker.isAlive(), "the worker ended");
        try {
          return new HashSet<>(Files.readAllLines(to)).size() >= written;
        } catch (NoSuchFileException notYet) {
          return false;
        }
      });
    }

    void areWhatWasWritten() throws IOException {
      Set<String> wanted = new HashSet<>(Files.readAllLines(from));
      List<String> found = Files.readAllLines(to);
      Live.same(wanted, new HashSet<>(found), "the lines that arrived");
      // A kill may have come before the places of what it had carried were kept: once for the source and the sink each.
      Live.check(found.size() <= 4 * wanted.size(), found.size() + " lines for " + wanted.size());
    }
  }

  /** A worker's own API. */
  private static final class Rest {
    final String address;
    private final HttpClient http = HttpClient.newHttpClient();

    Rest() throws IOException {
      try (ServerSocket free = new ServerSocket(0)) {
        address = "http://127.0.0.1:" + free.getLocalPort();
      }
    }

    void create(String name, String settings, Process worker) throws Exception {
      String config = settings.lines().map(line -> line.split("=", 2))
          .map(pair -> "\"" + pair[0] + "\":\"" + pair[1] + "\"").collect(Collectors.joining(",", "{", "}"));
      answers(HttpRequest.newBuilder(URI.create(address + "/connectors/" + name + "/config"))
          .header("Content-Type", "application/json").PUT(HttpRequest.BodyPublishers.ofString(config)), worker, "");
    }

    void runs(String name, Process worker) throws Exception {
      answers(HttpRequest.newBuilder(URI.create(address + "/connectors/" + name + "/status")), worker,
          "\"tasks\":[{\"id\":0,\"state\":\"RUNNING\"");
    }

    /** A worker that has just begun, or that is handing over, says so until it can answer. */
    private void answers(HttpRequest.Builder request, Process worker, String wanted) throws Exception {
      String[] last = {""};
      Live.until(wanted + " of " + address, () -> {
        Live.check(worker.isAlive(), "the worker ended: " + last[0]);
        try {
          HttpResponse<String> answer = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
          last[0] = answer.body();
          return answer.statusCode() / 100 == 2 && answer.body().contains(wanted);
        } catch (java.net.ConnectException notYet) {
          return false;
        }
      });
    }
  }

  private static String worker(Path place) {
    String converter = "org.apache.kafka.connect.storage.StringConverter";
    return "bootstrap.servers=" + bootstrap + "\nkey.converter=" + converter + "\nvalue.converter=" + converter
        + "\noffset.flush.interval.ms=200\nplugin.discovery=service_load\nconsumer.auto.offset.reset=earliest\n"
        + "consumer.session.timeout.ms=6000\nconsumer.heartbeat.interval.ms=500\n"
        + "plugin.path=" + place + "\n";
  }

  private static String source(String name, Lines lines, String topic) {
    return "name=" + name + "\nconnector.class=org.apache.kafka.connect.file.FileStreamSourceConnector\ntasks.max=1\nfile="
        + lines.from + "\ntopic=" + topic + "\n";
  }

  private static String sink(String name, Lines lines, String topic) {
    return "name=" + name + "\nconnector.class=org.apache.kafka.connect.file.FileStreamSinkConnector\ntasks.max=1\nfile="
        + lines.to + "\ntopics=" + topic + "\n";
  }

  private static Path properties(Path place, String name, String settings) throws IOException {
    return Files.writeString(place.resolve(name + ".properties"), settings);
  }
}
