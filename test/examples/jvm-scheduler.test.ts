import { testDemonstration } from "../support/examples.ts";

testDemonstration("jvm-scheduler", {
  resting: [
    "the Timer makes up for periods that never were, in a burst",
    "cron leaves seconds out",
    "the Timer stands still, while the executor runs",
    "cron runs a second time for seconds that are over",
    "at twice the speed, the Timer runs twice as often",
    "at half the speed, half as often",
    "and cron awakes too early, and runs again for the same second",
    "the Timer runs in bursts and stands still in between",
    "it is the executor that runs twice as often",
  ],
});
