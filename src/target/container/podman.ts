/**
 * Podman's containers, and CRI-O's: the API where it is served, who watches over each (conmon, whose arguments have id
 * and name), and the storage.
 */
import type { Host } from "../select/host.ts";
import { askSocket } from "./api.ts";
import {
  argumentsOf,
  type Census,
  daemonsOf,
  optionValues,
  ordinaryFriends,
  pathThrough,
  type Runtime,
} from "./census.ts";
import { parseAnnotations } from "./containerd.ts";
import { unixSockets } from "./docker.ts";
import { readRegular, tryNamesIn, tryReadRegular, Unreadable } from "./files.ts";
import {
  answered,
  field,
  type Inquiry,
  type Known,
  nameIn,
  parseJson,
  slashless,
  unanswered,
} from "./known.ts";

const STORAGE = "/var/lib/containers/storage";

export async function askPodman(host: Host, census: Census): Promise<Inquiry[]> {
  const served = daemonsOf(census, "podman").flatMap((daemon) =>
    unixSockets(argumentsOf(host, daemon.pid)).map((path) => pathThrough(host, daemon, path)),
  );
  const sockets = new Set([
    ...unixSockets([host.env.CONTAINER_HOST]),
    "/run/podman/podman.sock",
    ...ordinaryFriends(host).map((uid) => `/run/user/${uid}/podman/podman.sock`),
    ...served,
  ]);
  return await Promise.all([...sockets].map((socket) => askSocket(socket, "podman", host.root)));
}

/** The same without asking anybody. */
export function readPodman(host: Host, census: Census): Inquiry[] {
  const watched = watchedContainers(host, census);
  return [
    ...(watched.length > 0
      ? [
          answered(
            "conmon's arguments",
            watched.map(({ known }) => known),
          ),
        ]
      : []),
    ...storages(host, watched).map((folder) => readStorage(host, folder)),
  ];
}

interface Watched {
  readonly known: Known;
  readonly bundle: string | undefined;
}

function watchedContainers(host: Host, census: Census): Watched[] {
  return daemonsOf(census, "conmon").flatMap((conmon) => {
    const watched = watchedBy(host, conmon);
    if (watched === undefined) return [];
    const [pid] = census.childrenOf(conmon.pid);
    return [{ ...watched, known: { ...watched.known, pid } }];
  });
}

/** The container that a conmon watches over. */
export function watchedBy(host: Host, conmon: Runtime): Watched | undefined {
  const found = parseConmon(argumentsOf(host, conmon.pid));
  if (found === undefined) return undefined;
  const { id } = found;
  const bundle = found.bundle === undefined ? undefined : pathThrough(host, conmon, found.bundle);
  const config = bundle === undefined ? undefined : tryReadRegular(`${host.root}${bundle}/config.json`);
  const { name = found.name, pod } = parseAnnotations(config ?? "");
  return { known: { runtime: pod === undefined ? "podman" : "cri-o", id, name, pod }, bundle };
}

/** The arguments of a conmon that watches a container; undefined of one that watches a process which was started in it. */
export function parseConmon(
  words: readonly string[],
): { id: string; name: string | undefined; bundle: string | undefined } | undefined {
  if (words.includes("-e") || words.includes("--exec")) return undefined;
  const [id] = optionValues(words, "-c", "--cid");
  const [name] = optionValues(words, "-n", "--name");
  const [bundle] = optionValues(words, "-b", "--bundle");
  return id === undefined ? undefined : { id, name, bundle };
}

/** The folders of storages, DRIVER-containers: the usual ones, and those of what is watched. */
function storages(host: Host, watched: readonly Watched[]): string[] {
  const { HOME } = host.env;
  const roots = [
    STORAGE,
    ...(HOME === undefined || host.uid === 0 ? [] : [`${HOME}/.local/share/containers/storage`]),
  ];
  const usual = roots.flatMap((root) =>
    tryNamesIn(`${host.root}${root}`)
      .filter((name) => name.endsWith("-containers"))
      .map((name) => `${root}/${name}`),
  );
  const used = watched.flatMap(({ bundle }) => {
    const [, folder] = /^(\/.*-containers)\/[^/]+\/userdata$/s.exec(bundle ?? "") ?? [];
    return folder ?? [];
  });
  return [...new Set([...usual, ...used])];
}

function readStorage(host: Host, folder: string): Inquiry {
  const place = `${folder}/containers.json`;
  try {
    return answered(place, parseStorage(readRegular(`${host.root}${place}`)) ?? []);
  } catch (error) {
    if (error instanceof Unreadable) return unanswered(place, error.code, error.code);
    throw error;
  }
}

/** `containers.json` of containers/storage. Undefined if it is not that. */
export function parseStorage(text: string): Known[] | undefined {
  const list = parseJson(text);
  if (!Array.isArray(list)) return undefined;
  return list.flatMap((each) => {
    const id = nameIn(each, "id");
    if (id === undefined) return [];
    const names = field(each, "names");
    const name = Array.isArray(names) ? names.map(slashless).find((one) => one !== undefined) : undefined;
    return [{ runtime: "podman", id, name }];
  });
}
