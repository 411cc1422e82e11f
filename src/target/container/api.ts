/** The containers that a daemon with Docker's API on a unix socket knows: Docker's, or Podman's. */
import { errorCode } from "../process.ts";
import {
  answered,
  field,
  type Inquiry,
  type Known,
  nameIn,
  parseJson,
  podIn,
  slashless,
  unanswered,
} from "./known.ts";

/** Ten thousand containers take as much. */
const MOST_BYTES = 32 << 20;
const PATIENCE_MS = 1000;

/** Never rejects: what went wrong is the answer. */
export async function askSocket(path: string, runtime: string, root: string): Promise<Inquiry> {
  try {
    const text = await get(`${root}${path}`, "/containers/json?all=true");
    const known = parseContainers(text, runtime);
    return known === undefined
      ? unanswered(path, undefined, "an answer that is not its API's")
      : answered(path, known);
  } catch (error) {
    return unanswered(path, errorCode(error), inWords(error));
  }
}

function inWords(error: unknown): string {
  if (errorCode(error) === "ECONNREFUSED") return "nobody listens";
  return error instanceof Error ? error.message : String(error);
}

/** @throws Error with what to say, or with an errno as its code */
async function get(socketPath: string, path: string): Promise<string> {
  const { request } = await import("node:http");
  return await new Promise((resolve, reject) => {
    const fail = (words: string) => () => {
      asked.destroy();
      reject(new Error(words));
    };
    const timer = setTimeout(fail(`no answer within ${PATIENCE_MS / 1000} s`), PATIENCE_MS);
    const asked = request({ socketPath, path, headers: { host: "localhost" }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MOST_BYTES) fail("an answer without end")();
        else chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode !== 200) fail(`status ${response.statusCode}`)();
        else resolve(Buffer.concat(chunks).toString());
      });
    });
    asked.on("error", reject);
    asked.on("close", () => clearTimeout(timer));
    asked.end();
  });
}

/** `GET /containers/json`: an array of objects with Id, Names ("/web"), Labels. Undefined if it is not that. */
export function parseContainers(text: string, runtime: string): Known[] | undefined {
  const list = parseJson(text);
  if (!Array.isArray(list)) return undefined;
  return list.flatMap((each) => {
    const id = nameIn(each, "Id");
    if (id === undefined) return [];
    const labels = field(each, "Labels");
    const names = field(each, "Names");
    // A container has further names where others are linked to it: "/other/alias".
    const own = Array.isArray(names) ? names.map(slashless).find((name) => name !== undefined) : undefined;
    const name = nameIn(labels, "io.kubernetes.container.name") ?? own;
    return [{ runtime, id, name, pod: podIn(labels) }];
  });
}
