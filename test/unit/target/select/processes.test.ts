/** Selectors that need nothing but processes: pids, trees, users, names; and the order of a listing. */
import { expect, test } from "vitest";
import { Machine, SELF } from "./machine.ts";

test("pids that were named are listed whatever they are", async () => {
  await using machine = new Machine();
  machine.add({ pid: 12, state: "Z" });
  machine.add({ pid: 13, kernel: true });
  const selection = await machine.select(...[12, 13, 14].map((pid) => ({ kind: "pid" as const, pid })));
  expect(selection.list()).toEqual([12, 13, 14]);
  expect(selection).toMatchObject({
    words: "pid 12, pid 13 and pid 14",
    flags: ["--pid", "12", "--pid", "13", "--pid", "14"],
    lasts: false,
  });
});

const FAMILY = [
  { pid: 50, ppid: 1 },
  { pid: 40, ppid: 50 },
  { pid: 60, ppid: 50 },
  { pid: 30, ppid: 40 },
  { pid: 70, ppid: 1 },
];

test.each(["the kernel's lists of children", "everybody's parent"])("a tree, by %s", async (by) => {
  await using machine = new Machine();
  for (const made of FAMILY) machine.add(made);
  if (by !== "everybody's parent")
    machine.children({ 1: [50, 70], 50: [40, 60], 40: [30], 60: [], 30: [], 70: [] });
  const selection = await machine.select({ kind: "tree", pid: 50 });
  const listed = selection.list();
  expect(new Set(listed)).toEqual(new Set([50, 40, 60, 30]));
  expect(listed.indexOf(50)).toBe(0);
  expect(listed.indexOf(40)).toBeLessThan(listed.indexOf(30));
  expect(selection).toMatchObject({
    words: "pid 50 and its descendants",
    flags: ["--pid", "50", "--tree"],
    lasts: false,
  });
});

test("a tree keeps who was seen in it, and their children, when their parents end", async () => {
  await using machine = new Machine();
  for (const made of FAMILY) machine.add(made);
  const selection = await machine.select({ kind: "tree", pid: 50 });
  expect(selection.list()).toHaveLength(4);
  machine.end(50);
  machine.end(40);
  machine.add({ pid: 30, ppid: 1 });
  machine.add({ pid: 60, ppid: 1 });
  machine.add({ pid: 35, ppid: 30 });
  expect(selection.list().sort()).toEqual([30, 35, 60]);
  // The number is used again, by somebody who has nothing to do with it.
  machine.add({ pid: 60, ppid: 1, start: 12_345 });
  expect(selection.list().sort()).toEqual([30, 35]);
  machine.end(30);
  machine.end(35);
  // What became of it is to be told of the one that was named.
  expect(selection.list()).toEqual([50]);
});

test("a tree of nobody", async () => {
  await using machine = new Machine();
  await expect(machine.select({ kind: "tree", pid: 8_999_999 })).rejects.toMatchObject({
    code: "E_NO_TARGET",
  });
});

test("no zombies, no kernel threads, not ourselves", async () => {
  await using machine = new Machine();
  machine.add({ pid: 20, command: "x", uid: 5 });
  machine.add({ pid: 21, command: "x", uid: 5, state: "Z" });
  machine.add({ pid: 22, command: "x", uid: 5, kernel: true });
  // Its main thread has ended, others run on.
  machine.add({ pid: 23, command: "x", uid: 5, state: "Z", threads: 3 });
  machine.add({ pid: SELF, command: "x", uid: 5 });
  expect((await machine.select({ kind: "user", user: "5" })).list()).toEqual([20, 23]);
  expect((await machine.select({ kind: "comm", comm: "x" })).list()).toEqual([20, 23]);
});

test("a user by name and by number", async () => {
  await using machine = new Machine();
  machine.file(
    "/etc/passwd",
    "root:x:0:0::/:/bin/sh\npostgres:x:105:110::/:/bin/sh\n12:x:77:77::/:/bin/sh\n",
  );
  machine.add({ pid: 20, uid: 105 });
  machine.add({ pid: 21, uid: 12 });
  machine.add({ pid: 22, uid: 77 });
  const byName = await machine.select({ kind: "user", user: "postgres" });
  expect(byName).toMatchObject({
    words: "user postgres (uid 105)",
    flags: ["--user", "postgres"],
    lasts: true,
  });
  expect(byName.list()).toEqual([20]);
  const byNumber = await machine.select({ kind: "user", user: "105" });
  expect(byNumber.words).toBe("user 105");
  expect(byNumber.list()).toEqual([20]);
  // A name of digits is a name.
  expect((await machine.select({ kind: "user", user: "12" })).list()).toEqual([22]);
  await expect(machine.select({ kind: "user", user: "postgers" })).rejects.toMatchObject({
    code: "E_NO_TARGET",
    hint: "did you mean postgres?",
  });
});

test("a name, of which the kernel keeps 15 bytes", async () => {
  await using machine = new Machine();
  machine.add({ pid: 20, command: "a-very-long-nam" });
  machine.add({ pid: 21, command: "a) S 1 (b" });
  expect((await machine.select({ kind: "comm", comm: "a-very-long-name-indeed" })).list()).toEqual([20]);
  expect((await machine.select({ kind: "comm", comm: "a) S 1 (b" })).list()).toEqual([21]);
  expect((await machine.select({ kind: "comm", comm: "nobody" })).list()).toEqual([]);
});

test("several selectors mean everybody whom any of them means, each once", async () => {
  await using machine = new Machine();
  for (const made of FAMILY) machine.add({ ...made, command: made.pid === 70 ? "other" : "program" });
  const selection = await machine.select(
    { kind: "pid", pid: 40 },
    { kind: "tree", pid: 50 },
    { kind: "comm", comm: "other" },
  );
  expect(selection.list().sort()).toEqual([30, 40, 50, 60, 70]);
  expect(selection).toMatchObject({
    words: "pid 40, pid 50 and its descendants and processes called other",
    flags: ["--pid", "40", "--pid", "50", "--comm", "other", "--tree"],
    lasts: true,
  });
  expect(selection.selected.map(({ kind }) => kind)).toEqual(["pid", "tree", "comm"]);
});

test("an order for parents that cannot be: somebody is his own grandparent", async () => {
  await using machine = new Machine();
  machine.add({ pid: 20, ppid: 22, command: "loop" });
  machine.add({ pid: 21, ppid: 20, command: "loop" });
  machine.add({ pid: 22, ppid: 21, command: "loop" });
  expect((await machine.select({ kind: "comm", comm: "loop" })).list().sort()).toEqual([20, 21, 22]);
});
