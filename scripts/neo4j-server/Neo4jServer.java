import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import org.neo4j.cli.AdminTool;
import org.neo4j.cli.ExecutionContext;
import org.neo4j.dbms.api.DatabaseManagementService;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;
import org.neo4j.io.fs.DefaultFileSystemAbstraction;

/**
 * Runs a Neo4j server in the foreground until it is asked to end: Neo4jServer HOME.
 *
 * <p>The password of the user "neo4j" comes as the first line of standard input, so that it is in no
 * process list, no environment and no log. It is set only where there is no database yet.
 */
class Neo4jServer {
    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(arguments[0]);
        Path conf = home.resolve("conf");
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String password = input.readLine();
        if (!Files.exists(home.resolve("data/databases/system"))) {
            setInitialPassword(home, conf, password);
        }
        DatabaseManagementService server =
                new DatabaseManagementServiceBuilder(home)
                        .loadPropertiesFromFile(conf.resolve("neo4j.conf"))
                        .build();
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown));
        Thread.currentThread().join();
    }

    private static void setInitialPassword(Path home, Path conf, String password) {
        var said = new ByteArrayOutputStream();
        int code;
        try (var out = new PrintStream(said, true, StandardCharsets.UTF_8)) {
            var context =
                    new ExecutionContext(home, conf, out, out, new DefaultFileSystemAbstraction());
            // "--" and no @-files: a password may begin with any character.
            code =
                    AdminTool.getCommandLine(context)
                            .setExpandAtFiles(false)
                            .execute("dbms", "set-initial-password", "--", password);
        }
        if (code != 0) {
            String reason = said.toString(StandardCharsets.UTF_8).replace(password, "***");
            throw new IllegalStateException("the initial password was not taken: " + reason);
        }
    }
}
