/** `npm run demo` */
import { testDemonstration } from "../support/examples.ts";

testDemonstration(".", { resting: ["Then it was 600 s behind."] });
