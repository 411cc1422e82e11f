/** Where Docker tells which containers there are: its daemon's sockets, or else its state below the data root. */
import type { Host } from "../select/host.ts";
import { askSocket } from "./api.ts";
import { argumentsOf, type Census, daemonsOf, optionValues, ordinaryFriends, pathThrough } from "./census.ts";
import { namesIn, tryReadRegular, Unreadable } from "./files.ts";
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

const SOCKET = "/run/docker.sock";
const DATA_ROOT = "/var/lib/docker";

export async function askDocker(host: Host, census: Census): Promise<Inquiry[]> {
  const daemons = daemonsOf(census, "dockerd").map((daemon) => ({
    daemon,
    words: argumentsOf(host, daemon.pid),
  }));
  const sockets = new Set([
    ...unixSockets([host.env.DOCKER_HOST]),
    SOCKET,
    ...ordinaryFriends(host).map((uid) => `/run/user/${uid}/docker.sock`),
    ...daemons.flatMap(({ daemon, words }) =>
      [`unix://${SOCKET}`, ...optionValues(words, "-H", "--host")]
        .flatMap((url) => unixSockets([url]))
        .map((path) => pathThrough(host, daemon, path)),
    ),
  ]);
  const answers = await Promise.all([...sockets].map((socket) => askSocket(socket, "docker", host.root)));
  const heard = answers.filter(({ outcome }) => outcome === "answered");
  if (heard.length > 0 && heard.length >= daemons.length) return answers;
  const roots = daemons.flatMap(({ daemon, words }) =>
    [DATA_ROOT, ...optionValues(words, "--data-root", "-g", "--graph")].map((root) =>
      pathThrough(host, daemon, root),
    ),
  );
  return [...answers, ...[...new Set([DATA_ROOT, ...roots])].map((root) => readDataRoot(host, root))];
}

export function unixSockets(urls: readonly (string | undefined)[]): string[] {
  return urls.flatMap((url) => (url?.startsWith("unix:///") ? [url.slice("unix://".length)] : []));
}

function readDataRoot(host: Host, root: string): Inquiry {
  const place = `${root}/containers`;
  try {
    const folders = namesIn(`${host.root}${place}`);
    const known = folders.flatMap((id) => {
      const text = tryReadRegular(`${host.root}${place}/${id}/config.v2.json`);
      return (text === undefined ? undefined : parseConfig(text)) ?? [];
    });
    return answered(place, known);
  } catch (error) {
    if (error instanceof Unreadable) return unanswered(place, error.code, error.code);
    throw error;
  }
}

/** `config.v2.json`, which Docker keeps of each container. Undefined if it is not that. */
export function parseConfig(text: string): Known | undefined {
  const config = parseJson(text);
  const id = nameIn(config, "ID");
  if (id === undefined) return undefined;
  const labels = field(field(config, "Config"), "Labels");
  const name = nameIn(labels, "io.kubernetes.container.name") ?? slashless(field(config, "Name"));
  return { runtime: "docker", id, name, pod: podIn(labels) };
}

/** What Docker keeps of one container at its usual place, read without asking anybody. */
export function dockerKnows(host: Host, id: string): Known | undefined {
  const text = tryReadRegular(`${host.root}${DATA_ROOT}/containers/${id}/config.v2.json`);
  return text === undefined ? undefined : parseConfig(text);
}
