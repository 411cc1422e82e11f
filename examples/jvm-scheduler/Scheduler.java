import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * Three ways in which Java programs do something again and again. Each run prints a line: who ran, the time
 * by this program's own clock, and of cron the time that the run was for. Ends at the end of stdin.
 */
public class Scheduler {
    private static final long PERIOD_MS = 200;

    public static void main(String[] args) throws Exception {
        everyPeriodByTheExecutor();
        everyPeriodByTheTimer();
        everySecondAsCronDoes();
        System.in.transferTo(System.out);
        System.exit(0);
    }

    /** Counts by System.nanoTime(), which is CLOCK_MONOTONIC. */
    private static void everyPeriodByTheExecutor() {
        Executors.newScheduledThreadPool(1)
            .scheduleAtFixedRate(() -> tell("executor", ""), 0, PERIOD_MS, TimeUnit.MILLISECONDS);
    }

    /** Compares System.currentTimeMillis(), which is CLOCK_REALTIME, with the time at which a run is due. */
    private static void everyPeriodByTheTimer() {
        TimerTask task = new TimerTask() {
            @Override
            public void run() {
                tell("Timer", "");
            }
        };
        new Timer().scheduleAtFixedRate(task, 0, PERIOD_MS);
    }

    /** Sleeps until the next full second by Instant.now(), and does what is to be done at that second. */
    private static void everySecondAsCronDoes() {
        Thread cron = new Thread(() -> {
            while (true) {
                Instant now = Instant.now();
                Instant due = now.truncatedTo(ChronoUnit.SECONDS).plusSeconds(1);
                sleep(Duration.between(now, due).toMillis() + 1);
                tell("cron", " " + due);
            }
        });
        cron.setDaemon(true);
        cron.start();
    }

    private static void sleep(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException end) {
            throw new IllegalStateException(end);
        }
    }

    private static synchronized void tell(String who, String what) {
        System.out.println(who + " " + Instant.now() + what);
    }
}
