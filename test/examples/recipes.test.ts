/** Each recipe of examples/recipes: what it shows, and that nothing of it is seen without a skew. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXAMPLES, testDemonstration } from "../support/examples.ts";

/** What rests on a wrong clock. */
const RECIPES: Readonly<Record<string, readonly string[]>> = {
  certificate: [
    "on day 91 curl refuses it",
    "on day -1 curl refuses it",
    "on day 91 wget refuses it",
    "on day -1 wget refuses it",
    "on day 91 Python refuses it",
    "on day -1 Python refuses it",
    "on day 91 s_client names the error, and ends with 0",
    "and warns on day 77",
    "one that was renewed 60 days ahead is refused today",
  ],
  "cache-ttl": [
    "Redis loses it by CLOCK_REALTIME",
    "nginx loses it by CLOCK_REALTIME",
    "memcached loses it by CLOCK_MONOTONIC",
    "started a day ahead, it has nothing that is to end in a minute",
    "a day behind for five seconds, at its start, it keeps what has ended",
  ],
  jwt: [
    "15 min ahead, a leeway of 1 min: PyJWT",
    "15 min ahead, a leeway of 1 min: Crypt::JWT",
    "30 s behind, a token with iat: PyJWT",
    "30 s behind, a token with nbf: PyJWT",
    "30 s behind, a token with nbf: Crypt::JWT",
    "issued by who is 15 min behind: PyJWT",
    "issued by who is 15 min behind: Crypt::JWT",
  ],
  "cron-dst": [
    "no 02:30: Debian's cron runs it at 03:00",
    "no 02:30: BusyBox's crond does not run it",
    "02:30 twice: Debian's cron runs it once",
    "02:30 twice: BusyBox's crond runs it twice",
    "no 02:30: a timer of systemd waits for the next day",
    "02:40 twice: a timer of each hour leaves out the second",
  ],
  "leap-second": [
    "inserted: a row is earlier than the row before it",
    "so is a line of the log",
    "the sleep lasts a second longer than the log says",
    "and the sleep lasts a second longer all the same",
    "left out: no row is of 23:59:59",
    "the log says a second more than the sleep lasts",
  ],
  kerberos: [
    "without that (kdc_timesync = 0) it gets no ticket",
    "a server ten minutes ahead refuses it",
    "a server ten minutes behind refuses it",
    "by a ticket of a key server ten minutes ahead it is refused",
    "and by one of a key server ten minutes behind",
  ],
  "old-files": [
    "two days ahead and back in turns, it rotates each time",
    "and what was written today has been deleted",
    "nine days ahead, find takes for old what was written just now",
    "a day behind, make says that something is wrong with the time",
  ],
};

for (const [name, resting] of Object.entries(RECIPES)) {
  testDemonstration(`recipes/${name}.mjs`, { resting });
}

describe("examples/recipes/README.md", () => {
  const folder = join(EXAMPLES, "recipes");
  const recipes = readdirSync(folder).filter(
    (name) =>
      name.endsWith(".mjs") && readFileSync(join(folder, name), "utf8").includes("await demonstrate("),
  );

  it("names every recipe", () => {
    expect(recipes.sort()).toEqual(
      Object.keys(RECIPES)
        .map((name) => `${name}.mjs`)
        .sort(),
    );
    const page = readFileSync(join(folder, "README.md"), "utf8");
    expect(recipes.filter((name) => !page.includes(`node examples/recipes/${name}`))).toEqual([]);
  });
});
