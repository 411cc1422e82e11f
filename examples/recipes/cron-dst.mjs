/**
 * A job of 02:30 on the day on which there is no 02:30, and on that which has it twice: Debian's cron and BusyBox's
 * crond, whose clocks show two minutes in a second, and what systemd says of its timers on those days. Needs root, as
 * every cron does that serves several users.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { ending } from "../support/processes.mjs";
import { demonstrate } from "../support/scene.mjs";

const ZONE = "Europe/Berlin";
const RATE = 120;
/** ms that a busy machine may take for what comes within a minute; and in which nothing is waited for in vain. */
const [PATIENCE, IN_VAIN] = [80_000, 2_000];
/** Each cron sees mounts of its own: the table in its working directory, and none of the machine's jobs. */
const ALONE = `
  mount -t tmpfs none /run && mount -t tmpfs none /etc/cron.d && mount --bind /dev/null /etc/crontab
  mount -t tmpfs none /var/spool/cron && mkdir /var/spool/cron/crontabs
  install -m 600 root /var/spool/cron/crontabs/ && exec "$@"`;

const SPRING = { from: "2027-03-28T00:45:00Z", last: /hourly 03:4\d \+0200/ };
const AUTUMN = { from: "2027-10-31T00:20:00Z", last: /hourly 02:4\d \+0100/ };

const CRON = ["cron", "-f"];
const CROND = ["busybox", "crond", "-f"];

const title = "A job of 02:30 when summer time begins, and ends";
const programs = { cron: "cron", busybox: "busybox-static", "systemd-analyze": "systemd" };
const mounts = "each cron is to find this table only, and none of the machine's jobs";

await demonstrate({ title, programs, mounts }, async (scene) => {
  const lives = [
    live(scene, CRON, SPRING),
    live(scene, CROND, SPRING),
    live(scene, CRON, AUTUMN),
    live(scene, CROND, AUTUMN),
  ];
  const [cron, crond, cronTwice, crondTwice] = await Promise.all(lives);
  const claim = (words, { runs, isOver }, ...expected) => {
    const daily = runs.filter((run) => run.startsWith("daily"));
    const isSo =
      daily.length === expected.length &&
      expected.every((time, index) => daily[index].startsWith(`daily ${time}`));
    scene.claim(words, isOver && isSo, runs.join(", "));
  };
  claim("no 02:30: Debian's cron runs it at 03:00", cron, "03:0");
  claim("no 02:30: BusyBox's crond does not run it", crond);
  claim("02:30 twice: Debian's cron runs it once", cronTwice, "02:3");
  claim("02:30 twice: BusyBox's crond runs it twice", crondTwice, "02:3", "02:3");

  const none = await nextOf(scene, SPRING, "02:30");
  scene.claim(
    "no 02:30: a timer of systemd waits for the next day",
    none[0].startsWith("Mon 2027-03-29"),
    none[0],
  );
  const hourly = await nextOf(scene, AUTUMN, "*:40");
  const isLeftOut = /02:40:00 CEST.*03:40:00 CET/.test(hourly.join());
  scene.claim("02:40 twice: a timer of each hour leaves out the second", isLeftOut, hourly.join(", "));
});

/** When a timer will run, by a systemd on such a day. */
async function nextOf(scene, { from }, time) {
  const argv = ["systemd-analyze", "calendar", "--iterations=2", `*-*-* ${time}`];
  const { stdout } = await scene.run(scene.under(["--at", from], argv), { env: { TZ: ZONE, LC_ALL: "C" } });
  return [...stdout.matchAll(/(?:Next elapse|Iter. #2): (.*)/g)].map(([, moment]) => moment);
}

/** What a cron runs on such a day. */
async function live(scene, argv, { from, last }) {
  const folder = await scene.subfolder(`${argv[0]}-${from.slice(0, 10)}`);
  const log = `${folder}/log`;
  const note = (what) => `echo ${what} $(TZ=${ZONE} date +\\%R\\ \\%z) >> ${log}`;
  writeFileSync(`${folder}/root`, `30 2 * * * ${note("daily")}\n40 * * * * ${note("hourly")}\n`);
  writeFileSync(log, "");
  const ahead = Math.round((Date.parse(from) - scene.now()) / 1000);
  const verbs = ["--offset", `${ahead}s`, "--rate", RATE, "--clock", "CLOCK_REALTIME,CLOCK_MONOTONIC"];
  const command = ["unshare", "--mount", "sh", "-ec", ALONE, "sh", ...scene.under(verbs, argv)];
  const { exited } = await scene.start(argv[0], command, { cwd: folder, env: { TZ: ZONE } });
  const tooEarly = exited.then((end) => {
    throw new Error(`${argv[0]} has ended: ${ending(end)}`);
  });
  const read = () => readFileSync(log, "utf8");
  const lastRun = scene.within(scene.isSkewed ? PATIENCE : IN_VAIN, () => last.test(read()));
  const isOver = await Promise.race([lastRun, tooEarly]);
  return { runs: read().trim().split("\n"), isOver };
}
