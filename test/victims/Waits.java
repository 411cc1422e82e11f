import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;

/** A JVM victim: waits in every way it knows, a second each, all at the same time. Protocol: test/README.md. */
final class Waits {
    private static final long MS = 1_000;
    private static final long NS = 1_000_000_000;
    private static final Map<String, Wait> WAITS = new LinkedHashMap<>();

    private interface Wait {
        void begin() throws Exception;
    }

    static {
        WAITS.put("Thread.sleep", () -> Thread.sleep(MS));
        WAITS.put("Object.wait", Waits::waitForObject);
        WAITS.put("LockSupport.parkNanos", () -> LockSupport.parkNanos(NS));
        WAITS.put("LockSupport.parkUntil", () -> LockSupport.parkUntil(System.currentTimeMillis() + MS));
        WAITS.put("Condition.awaitNanos", () -> await(condition -> condition.awaitNanos(NS)));
        WAITS.put("Condition.awaitUntil", () -> await(condition ->
                condition.awaitUntil(new Date(System.currentTimeMillis() + MS))));
        WAITS.put("Semaphore.tryAcquire", () -> new Semaphore(0).tryAcquire(MS, TimeUnit.MILLISECONDS));
        WAITS.put("BlockingQueue.poll", () -> new LinkedBlockingQueue<>().poll(MS, TimeUnit.MILLISECONDS));
        WAITS.put("ScheduledExecutor", Waits::schedule);
        WAITS.put("CompletableFuture.completeOnTimeout", () ->
                new CompletableFuture<Void>().completeOnTimeout(null, MS, TimeUnit.MILLISECONDS).get());
    }

    private static void waitForObject() throws InterruptedException {
        Object object = new Object();
        synchronized (object) {
            object.wait(MS);
        }
    }

    private interface Await {
        void on(Condition condition) throws InterruptedException;
    }

    private static void await(Await await) throws InterruptedException {
        ReentrantLock lock = new ReentrantLock();
        lock.lock();
        await.on(lock.newCondition());
    }

    private static void schedule() throws Exception {
        ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor();
        Callable<Void> nothing = () -> null;
        executor.schedule(nothing, MS, TimeUnit.MILLISECONDS).get();
        executor.shutdown();
    }

    /** Seconds since boot, which the kernel has written: no function that reads a clock is asked. */
    private static double trueTime() throws IOException {
        return Double.parseDouble(Files.readString(Path.of("/proc/uptime")).split(" ")[0]);
    }

    private static void say(String answer) {
        System.out.println(answer);
    }

    private static void measure(String name, Wait wait) {
        try {
            say("{\"began\":\"" + name + "\"}");
            double began = trueTime();
            wait.begin();
            say("{\"ended\":\"" + name + "\",\"seconds\":" + (trueTime() - began) + "}");
        } catch (Exception error) {
            throw new IllegalStateException(name, error);
        }
    }

    private static void begin(String name, Wait wait) {
        Thread thread = new Thread(() -> measure(name, wait), name);
        thread.setDaemon(true);
        thread.start();
    }

    public static void main(String[] arguments) throws IOException {
        String names = WAITS.keySet().stream().map(name -> '"' + name + '"').collect(Collectors.joining(","));
        say("{\"waits\":[" + names + "]}");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.equals("wait")) {
                WAITS.forEach(Waits::begin);
            } else {
                say("{\"here\":" + ProcessHandle.current().pid() + "}");
            }
        }
        System.exit(0);
    }
}
