import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Instant;

/** A JVM victim: answers each line on stdin with its wall clock and its monotonic clock, in ns. */
final class Clocks {
    private static final long SECOND = 1_000_000_000L;

    public static void main(String[] arguments) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        System.out.printf("{\"pid\":%d}%n", ProcessHandle.current().pid());
        while (lines.readLine() != null) {
            Instant now = Instant.now();
            long wall = now.getEpochSecond() * SECOND + now.getNano();
            System.out.printf("{\"wall\":\"%d\",\"monotonic\":\"%d\"}%n", wall, System.nanoTime());
        }
    }
}
