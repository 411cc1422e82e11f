/** clock.c in JavaScript, for a machine without C headers: prints the time for each line that it reads. */
import { createInterface } from "node:readline";
import koffi from "koffi";

const PR_SET_PTRACER = 0x59616d61;
const PR_SET_PTRACER_ANY = -1;

// Where Yama lets only ancestors trace a process, this one permits everybody.
koffi.load(null).func("int prctl(int, long, long, long, long)")(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);

for await (const _ of createInterface({ input: process.stdin })) {
  console.log((Date.now() / 1000).toFixed(3));
}
