/** How containers and pods are called in reports. Names are as they were found: printing escapes them. */
import type { Selected } from "../select.ts";
import type { Container } from "./book.ts";
import type { Pod } from "./known.ts";

type Called = Pick<Container, "id" | "runtime" | "names" | "pod">;

/** An id as runtimes print it. */
export function shortId(id: string): string {
  return /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id;
}

/** "web (docker 3f2a91c07d1e)", "app of pod shop/cart (containerd 91c07d1e3f2a)", "box (lxc)", "3f2a91c07d1e". */
export function containerWords({ id, runtime, names, pod }: Called): string {
  const short = shortId(id);
  const name = names[0] ?? short;
  const known = [runtime, name === short ? undefined : short].filter((word) => word !== undefined);
  const ofPod = pod?.name === undefined ? "" : ` of ${podWords(pod)}`;
  return `${name}${ofPod}${known.length > 0 ? ` (${known.join(" ")})` : ""}`;
}

/** "pod shop/cart", "pod 0b8f…" by its uid. */
export function podWords({ namespace, name, uid }: Pod): string {
  if (name === undefined) return `pod ${uid}`;
  return `pod ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

export function selectedContainer(container: Called): Selected {
  const { id, runtime, names, pod } = container;
  return {
    kind: "container",
    words: `container ${containerWords(container)}`,
    id,
    ...(runtime !== undefined && { runtime }),
    ...(names[0] !== undefined && { name: names[0] }),
    ...(pod !== undefined && { pod }),
  };
}
