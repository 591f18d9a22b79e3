import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Exit;

/**
 * Kafka's own command-line tools against an empty server, each by its main class, and what they print.
 *
 * <p>All of them run in this JVM, one after the other: what they would end the process with is caught.
 */
public final class Tools {
  private static final String TOPIC = "tools";
  private static final String GROUP = "tools-group";

  private static String bootstrap;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    topics();
    configs();
    console();
    groups();
    offsets();
    records();
    perf();
    transactions();
    cluster();
    verifiable();
    deletion();
    System.out.println("client Kafka's command-line tools " + Live.version() + " | administration | topics, configs, "
        + "console-producer, console-consumer, consumer-groups (reset-offsets, delete-offsets), groups, get-offsets, "
        + "delete-records, log-dirs, producer-perf-test, consumer-perf-test, e2e-latency, verifiable-producer, transactions, "
        + "features, metadata-quorum, cluster, broker-api-versions, leader-election");
    // Some leave threads behind, as a process may that ends anyway.
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  private static void topics() throws Exception {
    String tool = "org.apache.kafka.tools.TopicCommand";
    says(run(tool, "--create", "--topic", TOPIC, "--partitions", "3", "--config", "max.message.bytes=200000"),
        "Created topic tools.");
    run(tool, "--create", "--topic", TOPIC, "--if-not-exists");
    fails(tool, "already exists", "--create", "--topic", TOPIC);
    says(run(tool, "--list"), TOPIC);
    String described = run(tool, "--describe", "--topic", TOPIC);
    says(described, "PartitionCount: 3");
    says(described, "ReplicationFactor: 1");
    says(described, "max.message.bytes=200000");
    says(described, "Partition: 2\tLeader: ");
    run(tool, "--alter", "--topic", TOPIC, "--partitions", "4");
    says(run(tool, "--describe", "--topic", TOPIC), "PartitionCount: 4");
    Live.same("", run(tool, "--describe", "--under-replicated-partitions"), "under-replicated");
    Live.same("", run(tool, "--describe", "--unavailable-partitions"), "unavailable");
  }

  private static void configs() throws Exception {
    String tool = "kafka.admin.ConfigCommand";
    String[] ours = {"--entity-type", "topics", "--entity-name", TOPIC};
    run(tool, with(ours, "--alter", "--add-config", "max.message.bytes=300000,message.timestamp.type=CreateTime"));
    String described = run(tool, with(ours, "--describe"));
    says(described, "max.message.bytes=300000");
    says(described, "DYNAMIC_TOPIC_CONFIG:max.message.bytes=300000");
    run(tool, with(ours, "--alter", "--delete-config", "max.message.bytes"));
    Live.check(!run(tool, with(ours, "--describe")).contains("max.message.bytes=300000"), "the setting is its default again");
    String all = run(tool, with(ours, "--describe", "--all"));
    for (String setting : List.of("cleanup.policy=", "retention.ms=", "segment.bytes=", "min.insync.replicas=")) {
      says(all, setting);
    }
    fails(tool, "no.such.setting", with(ours, "--alter", "--add-config", "no.such.setting=1"));
    says(run(tool, "--entity-type", "brokers", "--entity-name", broker(), "--describe", "--all"), "log.retention");
  }

  private static void console() throws Exception {
    String lines = IntStream.range(0, 40).mapToObj(n -> "key-" + n + ":value-" + n + "\n").collect(Collectors.joining());
    typed(lines, "org.apache.kafka.tools.ConsoleProducer", "--topic", TOPIC,
        "--reader-property", "parse.key=true", "--reader-property", "key.separator=:");
    String read = run("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", TOPIC, "--group", GROUP,
        "--from-beginning", "--max-messages", "40", "--timeout-ms", "60000",
        "--formatter-property", "print.key=true", "--formatter-property", "key.separator=:");
    List<String> found = read.lines().filter(line -> line.startsWith("key-")).sorted().toList();
    Live.same(lines.lines().sorted().toList(), found, "read back");
  }

  private static void groups() throws Exception {
    String tool = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    says(run(tool, "--list"), GROUP);
    says(run(tool, "--list", "--state"), "Empty");
    Live.same(40L, sum(run(tool, "--describe", "--group", GROUP), "CURRENT-OFFSET"), "committed");
    says(run(tool, "--describe", "--group", GROUP, "--state"), "Empty");
    run(tool, "--describe", "--group", GROUP, "--members");
    String[] reset = {"--reset-offsets", "--group", GROUP, "--topic", TOPIC};
    Live.same(0L, sum(run(tool, with(reset, "--to-earliest", "--dry-run")), "NEW-OFFSET"), "a dry run");
    Live.same(0L, sum(run(tool, "--describe", "--group", GROUP), "LAG"), "lag after a dry run");
    run(tool, with(reset, "--to-earliest", "--execute"));
    Live.same(40L, sum(run(tool, "--describe", "--group", GROUP), "LAG"), "lag from the beginning");
    run(tool, with(reset, "--to-datetime", "2020-01-01T00:00:00.000", "--execute"));
    Live.same(40L, sum(run(tool, "--describe", "--group", GROUP), "LAG"), "lag from 2020");
    run(tool, with(reset, "--to-latest", "--execute"));
    Live.same(0L, sum(run(tool, "--describe", "--group", GROUP), "LAG"), "lag at the end");
    run(tool, with(reset, "--shift-by", "-1", "--execute"));
    Live.check(sum(run(tool, "--describe", "--group", GROUP), "LAG") > 0, "lag one back");
    run(tool, "--delete-offsets", "--group", GROUP, "--topic", TOPIC);
    run(tool, "--delete", "--group", GROUP);
    Live.check(!run(tool, "--list").contains(GROUP), "the group is gone");
    run("org.apache.kafka.tools.GroupsCommand", "--list");
  }

  private static void offsets() throws Exception {
    String tool = "org.apache.kafka.tools.GetOffsetShell";
    Live.same(40L, ends(run(tool, "--topic", TOPIC)), "the ends");
    Live.same(0L, ends(run(tool, "--topic", TOPIC, "--time", "earliest")), "the beginnings");
    run(tool, "--topic", TOPIC, "--time", "max-timestamp");
    Live.same(0L, ends(run(tool, "--topic-partitions", TOPIC + ":0-2", "--time", "0")), "since 1970");
  }

  private static void records() throws Exception {
    Path file = Files.createTempFile("records", ".json");
    Files.writeString(file, "{\"version\":1,\"partitions\":[{\"topic\":\"" + TOPIC + "\",\"partition\":0,\"offset\":-1}]}");
    says(run("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", file.toString()), "low_watermark: ");
    Files.delete(file);
    String shell = "org.apache.kafka.tools.GetOffsetShell";
    String[] first = {"--topic-partitions", TOPIC + ":0", "--time"};
    Live.same(run(shell, with(first, "latest")), run(shell, with(first, "earliest")), "nothing is left of the partition");
    says(run("org.apache.kafka.tools.LogDirsCommand", "--describe", "--topic-list", TOPIC), "\"partition\":\"tools-3\"");
  }

  private static void perf() throws Exception {
    says(run("org.apache.kafka.tools.ProducerPerformance", "--topic", TOPIC, "--num-records", "20000", "--record-size", "100",
        "--throughput", "-1", "--command-property", "acks=all"), "20000 records sent");
    run("org.apache.kafka.tools.ConsumerPerformance", "--topic", TOPIC, "--num-records", "20000", "--timeout", "60000");
    run("org.apache.kafka.tools.ProducerPerformance", "--topic", TOPIC, "--num-records", "1000", "--record-size", "100",
        "--throughput", "-1", "--transactional-id", "perf", "--transaction-duration-ms", "50");
    says(run("org.apache.kafka.tools.EndToEndLatency", "--topic", "latency", "--num-records", "200",
        "--producer-acks", "all", "--record-size", "100"), "Percentiles");
  }

  private static void transactions() throws Exception {
    String tool = "org.apache.kafka.tools.TransactionsCommand";
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(
        Live.settings(bootstrap, "transactional.id", "left-open"), new StringSerializer(), new StringSerializer())) {
      producer.initTransactions();
      producer.beginTransaction();
      long offset = producer.send(new ProducerRecord<>(TOPIC, 0, "k", "v")).get().offset();
      says(run(tool, "list"), "left-open");
      says(run(tool, "describe", "--transactional-id", "left-open"), "Ongoing");
      says(run(tool, "describe-producers", "--topic", TOPIC, "--partition", "0"), "CurrentTransactionStartOffset");
      run(tool, "find-hanging", "--broker-id", broker());
      run(tool, "forceTerminateTransaction", "--transactionalId", "left-open");
      Live.until("the transaction is over", () -> !run(tool, "describe", "--transactional-id", "left-open").contains("Ongoing"));
    }
  }

  private static String broker() throws Exception {
    String line = run("org.apache.kafka.tools.BrokerApiVersionsCommand").lines().findFirst().orElseThrow();
    return line.replaceAll(".*id: (\\d+) .*", "$1");
  }

  private static void cluster() throws Exception {
    says(run("org.apache.kafka.tools.BrokerApiVersionsCommand"), "Produce(0): ");
    says(run("org.apache.kafka.tools.FeatureCommand", "describe"), "Feature: transaction.version");
    String quorum = "org.apache.kafka.tools.MetadataQuorumCommand";
    says(run(quorum, "describe", "--status"), "LeaderId:");
    says(run(quorum, "describe", "--replication"), "Leader");
    says(typed("", "org.apache.kafka.tools.ClusterTool", "cluster-id"), "Cluster ID: ");
    typed("", "org.apache.kafka.tools.ClusterTool", "list-endpoints");
    run("org.apache.kafka.tools.LeaderElectionCommand", "--election-type", "preferred", "--all-topic-partitions");
  }

  private static void verifiable() throws Exception {
    String shell = "org.apache.kafka.tools.GetOffsetShell";
    long before = ends(run(shell, "--topic", TOPIC));
    run("org.apache.kafka.tools.VerifiableProducer", "--topic", TOPIC, "--max-messages", "500", "--acks", "-1");
    // It sends on until its process ends.
    Live.until("500 more records", () -> ends(run(shell, "--topic", TOPIC)) == before + 500);
  }

  private static void deletion() throws Exception {
    String tool = "org.apache.kafka.tools.TopicCommand";
    run(tool, "--delete", "--topic", TOPIC);
    Live.check(!run(tool, "--list").lines().toList().contains(TOPIC), "the topic is gone");
    fails(tool, "does not exist", "--delete", "--topic", TOPIC);
  }

  // --- how a tool is run ---------------------------------------------------------------------------------------------

  private static String run(String tool, String... args) throws Exception {
    return typed("", tool, args);
  }

  private static String typed(String input, String tool, String... args) throws Exception {
    StringBuilder said = new StringBuilder();
    int status = call(input, said, tool, args);
    Live.check(status == 0, tool + " " + List.of(args) + " ended with " + status + ": " + said);
    return said.toString().strip();
  }

  private static void fails(String tool, String why, String... args) throws Exception {
    StringBuilder said = new StringBuilder();
    Live.check(call("", said, tool, args) != 0, tool + " " + List.of(args) + " was not refused: " + said);
    says(said.toString(), why);
  }

  /** What it ends with; what it says goes to `said`. */
  private static int call(String input, StringBuilder said, String tool, String... args) throws Exception {
    InputStream in = System.in;
    PrintStream out = System.out;
    PrintStream error = System.err;
    ByteArrayOutputStream caught = new ByteArrayOutputStream();
    List<Runnable> hooks = new ArrayList<>();
    CompletableFuture<Integer> ended = new CompletableFuture<>();
    Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
    Exit.setExitProcedure((status, message) -> {
      if (message != null) {
        System.out.println(message);
      }
      ended.complete(status);
      // Whoever ends the process does not come back.
      while (true) {
        LockSupport.park();
      }
    });
    System.setIn(new ByteArrayInputStream(input.getBytes()));
    System.setOut(new PrintStream(caught, true));
    System.setErr(System.out);
    Method main = Class.forName(tool).getMethod("main", String[].class);
    Thread thread = new Thread(() -> {
      try {
        main.invoke(null, (Object) addressed(tool, args));
        ended.complete(0);
      } catch (ReflectiveOperationException thrown) {
        thrown.getCause().printStackTrace();
        ended.complete(1);
      }
    });
    thread.setDaemon(true);
    thread.start();
    try {
      return ended.get(Live.WAIT.toSeconds(), TimeUnit.SECONDS);
    } catch (TimeoutException unused) {
      throw new AssertionError(tool + " " + List.of(args) + " does not end: " + caught);
    } finally {
      hooks.forEach(Runnable::run);
      System.setIn(in);
      System.setOut(out);
      System.setErr(error);
      said.append(caught);
    }
  }

  /** Where the server is, behind or before the words of a tool. */
  private static String[] addressed(String tool, String... args) {
    String[] address = {"--bootstrap-server", bootstrap};
    boolean behind = tool.endsWith("ClusterTool");
    return behind ? with(args, address) : with(address, args);
  }

  private static String[] with(String[] args, String... more) {
    return Stream.of(args, more).flatMap(Arrays::stream).toArray(String[]::new);
  }

  private static void says(String said, String wanted) {
    Live.check(said.contains(wanted), "`" + wanted + "` is not in: " + said);
  }

  /** The sum of a column of a table whose head names it. */
  private static long sum(String table, String column) {
    List<String> lines = table.lines().filter(line -> !line.isBlank()).toList();
    int head = 0;
    while (!lines.get(head).contains(column)) {
      head++;
    }
    int at = List.of(lines.get(head).strip().split("\\s+")).indexOf(column);
    return lines.stream().skip(head + 1).map(line -> line.strip().split("\\s+")[at])
        .filter(cell -> !cell.equals("-")).mapToLong(Long::parseLong).sum();
  }

  /** The sum of `topic:partition:offset` lines. */
  private static long ends(String lines) {
    return lines.lines().filter(line -> line.startsWith(TOPIC + ":")).mapToLong(line -> Long.parseLong(line.split(":")[2])).sum();
  }
}
