import { expect } from "vitest";
import { testDemonstration } from "../support/examples.ts";

testDemonstration("certificate", {
  resting: [
    "it says that the certificate has expired",
    "a connection from before is used all the same",
    "its clock goes beyond 03:14:07, where 32 bits end",
    "curl says so, too",
    "openssl says so, too",
    "it says that the certificate is not yet valid",
    "the server offers what has expired by its own clock",
    "and finds that its client's certificate has expired",
    "it accepts up to the last second of the certificate, and then refuses",
    "half an hour after the end, a client that resumes a session accepts",
    "while one that does not refuses",
    "a client whose clock goes forth and back refuses and accepts in turns",
  ],
  further: ({ stdout }) => {
    if (stdout.includes("no 32-bit program can be built")) return;
    expect(stdout).toMatch(/a time_t of 32 bits: .*time\(\) = -1: Value too large/);
    expect(stdout).toMatch(/a time_t of 64 bits: .*time\(\) = 2147483648/);
  },
});
