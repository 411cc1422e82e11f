/** The service of somebody who has a job in CI: tells the time. */
import { createServer } from "node:http";

createServer((_, answer) => answer.end(String(Date.now()))).listen(8080);
