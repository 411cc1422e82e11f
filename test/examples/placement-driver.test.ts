/** Ten minutes behind for a second of each three: a placement driver's monitor, and a bank in Postgres. */
import { testDemonstration } from "../support/examples.ts";

testDemonstration("placement-driver", {
  resting: [
    'The monitor says "system time jump backward" once in each window, at its beginning, and never else.',
    "The monitor's readings fit one schedule, 1 s of each 3 s.",
    "Windows come when the command has long ended, and nobody traces the monitor in them.",
    "The bank's now() goes back once in each window, and never else.",
    "The bank's readings fit one schedule, 1 s of each 3 s.",
    "A statement of the last five minutes lacks transfers that were just made.",
  ],
});
