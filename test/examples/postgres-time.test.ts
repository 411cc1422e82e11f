import { testDemonstration } from "../support/examples.ts";

testDemonstration("postgres-time", {
  resting: [
    "a new connection is an hour ahead",
    "for the new one, a row of just now is an hour old",
    "for the old one, a row of the new one's is an hour from now",
    "a third session is an hour behind, its waits not translated",
    "the log has the new one's timeout an hour ahead of others",
    "the new session takes the lease that the old one has for a minute",
    "and the old one sees it taken for more than a minute",
    "a row is older for a clock at 4 times the speed",
    "and younger at 0.3 times",
    "but lasts until a slow clock shows a second more",
    "clock_timestamp() is earlier than its transaction's now()",
    "rows are inserted in another order than their times tell",
    "a statement_timeout lasts longer by the step if the clock goes back meanwhile",
  ],
});
