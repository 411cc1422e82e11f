/** Where a skew seems to do nothing. */
import { connect } from "node:net";
import { join } from "node:path";
import { near, seconds } from "./trial.mjs";

/** Asks memcached, on its socket. */
function memcached(path, question) {
  return new Promise((resolve, reject) => {
    let said = "";
    const socket = connect(path, () => socket.end(`${question}\r\nquit\r\n`));
    socket.setEncoding("utf8");
    socket.on("data", (text) => {
      said += text;
    });
    socket.on("end", () => resolve(said.trim()));
    socket.on("error", reject);
  });
}

const TTL = 1000;
/** memcached looks at its clock once a second; ms. */
const TICK = 1200;

const monotonicOnly = {
  name: "monotonic-only",
  needs: { memcached: "memcached" },
  expected: "memcached's TTLs do not mind CLOCK_REALTIME; they do mind CLOCK_MONOTONIC",
  async look(trial) {
    const path = join(trial.folder, "socket");
    const server = await trial.start(["memcached", "-u", "root", "-s", path], {
      shown: "memcached -s socket",
    });
    const answers = () => memcached(path, "version").catch(() => undefined); // it may not listen yet
    if (!(await trial.within(30_000, answers))) throw new Error("memcached does not answer");
    await memcached(path, `set key 0 ${TTL} 5\r\nvalue`);
    const isThere = async () => (await memcached(path, "get key")).includes("value");
    trial.note(`set key, to expire in ${TTL} s`);
    await trial.timeskew(`inject --pid ${server.pid} --offset 1h --clock CLOCK_REALTIME`);
    await trial.sleep(TICK);
    const before = await isThere();
    trial.note(`get key: ${before ? "value" : "gone"}`);
    await trial.timeskew(`inject --pid ${server.pid} --offset 1h --clock CLOCK_MONOTONIC`);
    const after = !(await trial.within(4 * TICK, async () => !(await isThere())));
    trial.note(`get key: ${after ? "value" : "gone"}`);
    return {
      seen: `1 h ahead on CLOCK_REALTIME: ${before ? "there" : "gone"}; on CLOCK_MONOTONIC: ${after ? "there" : "gone"}`,
      holds: before && !after,
    };
  },
};

const HOUR = 3600;

const SHELL = `while read -r truth; do
  printf -v now '%(%s)T' -1; echo "bash itself: $((now - truth)) s"
  (printf -v now '%(%s)T' -1; echo "a forked child: $((now - truth)) s")
  echo "date, a program: $(($(date +%s) - truth)) s"
  echo
done`;

const startedLater = {
  name: "started-later",
  needs: { bash: "bash" },
  expected: "a forked child has the skew; a program has the true time, unless it is followed",
  async look(trial) {
    const shell = await trial.start(["bash", "-c", SHELL], { shown: "bash clocks" });
    const ask = async () => {
      const answer = await shell.ask(`${Math.floor(trial.now() / 1000)}`);
      return ["bash itself", "a forked child", "date, a program"].map((label) => answer.number(label));
    };
    await trial.timeskew(`inject --pid ${shell.pid} --offset 1h`);
    const [self, child, program] = await ask();
    const follower = await trial.stay(`inject --pid ${shell.pid} --offset 1h --follow`, /Ctrl-C/);
    const [, , followed] = await ask();
    await follower.stop();
    return {
      seen: `bash ${seconds(self)}, its child ${seconds(child)}, date ${seconds(program)}; followed ${seconds(followed)}`,
      holds: [self, child, followed].every((each) => near(each, HOUR, 30)) && near(program, 0, 30),
    };
  },
};

const otherSide = {
  name: "other-side",
  needs: { openssl: "openssl" },
  expected: "a server's certificate is judged by the client's clock",
  async look(trial) {
    const request = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 30";
    await trial.run(`${request} -keyout key.pem -out cert.pem`.split(" "), { shown: false, show: false });
    const server = await trial.start(
      "openssl s_server -accept 127.0.0.1:0 -cert cert.pem -key key.pem -www".split(" "),
    );
    const listening = await server.actor.line(/^ACCEPT .*:\d+$/, "its port");
    const port = /\d+$/.exec(listening.text)[0];
    const client = `openssl s_client -connect 127.0.0.1:${port} -CAfile cert.pem`.split(" ");
    const verdict = async (argv, shown) => {
      const answer = await trial.run(argv, { shown, show: /^Verification( error)?:/, input: "Q\n" });
      return answer.grep(/^Verification( error)?:/)[0] ?? "no verdict";
    };
    await trial.timeskew(`inject --pid ${server.pid} --at 2038-01-19T03:14:00Z`);
    const shown = "openssl s_client …";
    const right = await verdict(client, shown);
    const wrong = await verdict(
      trial.underTimeskew("--at 2038-01-19T03:14:00Z", client),
      `timeskew run --at 2038-01-19T03:14:00Z -- ${shown}`,
    );
    return {
      seen: `server in 2038: "${right}"; client in 2038: "${wrong}"`,
      holds: /OK/.test(right) && /expired/.test(wrong),
    };
  },
};

export const SURPRISES = [monotonicOnly, startedLater, otherSide];
