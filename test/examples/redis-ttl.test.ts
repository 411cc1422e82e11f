import { testDemonstration } from "../support/examples.ts";

testDemonstration("redis-ttl", {
  resting: [
    "worker-2 gets the lock that is worker-1's for a minute",
    "a BLPOP that is to wait for a minute gives up",
    "back at the true time, worker-2's lock has more than a minute left",
    "the session is there after its time",
    "it has more time left than it was given",
    "a BLPOP waits beyond its time",
    "a token of 6 s ends long before",
    "on the replica the flag is there, is gone, is there again",
    "while it is gone the replica's DBSIZE counts it",
    "the flag is gone for good, and from the replica, too",
    "the primary's clock goes back",
  ],
});
