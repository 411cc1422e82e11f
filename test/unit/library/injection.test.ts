/** What an injection does to whom, when some cannot be skewed, or not be recovered. */
import { expect, test } from "vitest";
import { TimeskewError } from "../../../src/errors.ts";
import { type InjectionSettings, injectBy } from "../../../src/library/inject.ts";
import { recoverBy } from "../../../src/library/recover.ts";
import { statusBy } from "../../../src/library/status.ts";
import { fails, Machine } from "./machine.ts";

function inject(machine: Machine, pid: number | number[], more: InjectionSettings = {}) {
  return injectBy(machine.engine, { pid, offset: "1s", ...more });
}

async function failure(of: Promise<unknown>): Promise<TimeskewError> {
  const error: unknown = await of.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(TimeskewError);
  return error as TimeskewError;
}

test("all or nothing: the others are given their time back", async () => {
  const machine = new Machine(1, 2, 3);
  machine.set(2, { fails: { inject: fails("E_TRACED", { pid: 2 }) } });
  const error = await failure(inject(machine, [1, 2, 3]));
  expect(error).toMatchObject({ code: "E_SOME_FAILED", targetState: "restored" });
  expect(error.failures).toMatchObject([{ code: "E_TRACED", pid: 2 }]);
  expect(error.message).toBe(
    "1 of 3 targets failed: pid 2; the others were given their time back\n  no: E_TRACED",
  );
  expect(machine.skewed).toEqual([]);
});

test("all or nothing: who cannot be given it back either is named, and told to be skewed", async () => {
  const machine = new Machine(1, 2, 3);
  machine.set(1, { fails: { recover: fails("E_BACKWARD_MONOTONIC", { pid: 1 }) } });
  machine.set(2, { fails: { inject: fails("E_TRACED", { pid: 2 }) } });
  const error = await failure(inject(machine, [1, 2, 3]));
  expect(error.failures).toMatchObject([
    { code: "E_TRACED", pid: 2, targetState: "untouched" },
    { code: "E_BACKWARD_MONOTONIC", pid: 1, targetState: "skewed" },
  ]);
  expect(error.targetState).toBe("skewed");
  expect(machine.skewed).toEqual([1]);
});

test("keep: the reasons are there, and only who was skewed is recovered", async () => {
  const machine = new Machine(1, 2);
  machine.set(2, { fails: { inject: fails("E_TRACED", { pid: 2 }) } });
  const skew = await inject(machine, [1, 2], { partial: "keep" });
  expect(skew.failures).toMatchObject([{ code: "E_TRACED", pid: 2 }]);
  expect(skew.targets).toMatchObject([{ pid: 1, skew: { id: skew.id } }]);
  machine.asked.length = 0;
  await skew[Symbol.asyncDispose]();
  expect(machine.asked).toEqual(["recover 1"]);
});

test("keep: if nobody can be skewed, it rejects", async () => {
  const machine = new Machine(1, 2);
  for (const pid of [1, 2]) machine.set(pid, { fails: { inject: fails("E_TRACED", { pid }) } });
  const error = await failure(inject(machine, [1, 2], { partial: "keep" }));
  expect(error).toMatchObject({ code: "E_TRACED", failures: [{ pid: 1 }, { pid: 2 }] });
});

test("who is skewed, but not as asked, is restored", async () => {
  const machine = new Machine(1);
  machine.set(1, {
    fails: {
      inject: () => {
        machine.of(1).skew = "1".padStart(16, "0");
        fails("E_CHANGED", { pid: 1, targetState: "skewed" })();
      },
    },
  });
  const error = await failure(inject(machine, 1));
  expect(error).toMatchObject({ code: "E_FAILED", pid: 1, targetState: "restored" });
  expect(machine.skewed).toEqual([]);
});

test("a defect on the way is told, and nobody is left skewed", async () => {
  const machine = new Machine(1, 2);
  machine.set(2, {
    fails: {
      inject: () => {
        throw new RangeError("a defect");
      },
    },
  });
  const error = await failure(inject(machine, [1, 2]));
  expect(error.failures).toMatchObject([{ code: "E_CHANGED", pid: 2, targetState: "partial" }]);
  expect(error.failures[0]!.cause).toBeInstanceOf(RangeError);
  expect(machine.skewed).toEqual([]);
});

test("the end: others' skews, ended processes and other programs are left alone", async () => {
  const machine = new Machine(1, 2, 3, 4, 5);
  const skew = await inject(machine, [1, 2, 3, 4, 5]);
  machine.set(1, { skew: "another's" });
  machine.processes.delete(2);
  machine.set(3, { skew: undefined, fails: { status: fails("E_NO_VDSO", { pid: 3 }) } });
  machine.set(4, { skew: undefined });
  expect(await skew.recover()).toMatchObject([{ pid: 5 }]);
  expect(machine.of(1).skew).toBe("another's");
});

test("the end: who ends in that moment is no failure", async () => {
  const machine = new Machine(1, 2);
  const skew = await inject(machine, [1, 2]);
  machine.set(1, { fails: { recover: fails("E_GONE", { pid: 1 }) } });
  expect(await skew.recover()).toMatchObject([{ pid: 2 }]);
});

test("the end: what a dead run has left half-way is cleaned up", async () => {
  const machine = new Machine(1);
  const skew = await inject(machine, 1);
  machine.set(1, { skew: undefined, state: "partial" });
  machine.asked.length = 0;
  await skew.recover();
  expect(machine.asked).toEqual(["recover 1"]);
});

test.each(["E_PERMISSION", "E_TRACED", "E_STOP_TIMEOUT", "E_FOREIGN_PATCH"] as const)(
  "the end: %s rejects, the process is told to be skewed, and the others are recovered",
  async (code) => {
    const machine = new Machine(1, 2);
    const skew = await inject(machine, [1, 2]);
    machine.set(1, { fails: { recover: fails(code, { pid: 1 }) } });
    const error = await failure(skew[Symbol.asyncDispose]());
    expect(error).toMatchObject({ code: "E_SOME_FAILED", targetState: "skewed" });
    expect(error.failures).toMatchObject([{ code, pid: 1, targetState: "skewed" }]);
    expect(machine.skewed).toEqual([1]);
    machine.set(1, { fails: {} });
    expect(await skew.recover()).toMatchObject([{ pid: 1 }]);
  },
);

test("the end: who cannot be looked at is not passed over", async () => {
  const machine = new Machine(1);
  const skew = await inject(machine, 1);
  const denied = fails("E_PERMISSION", { pid: 1 });
  machine.set(1, { fails: { status: denied, recover: denied } });
  expect(await failure(skew.recover())).toMatchObject({ code: "E_PERMISSION", targetState: "skewed" });
});

test("who is busy is waited for", async () => {
  const machine = new Machine(1);
  let times = 3;
  const busy = () => {
    if (times-- > 0) fails("E_BUSY", { pid: 1 })();
  };
  machine.set(1, { fails: { inject: busy } });
  const skew = await inject(machine, 1);
  times = 3;
  machine.set(1, { fails: { recover: busy } });
  expect(await skew.recover()).toHaveLength(1);
});

test("a change goes to whoever has the skew, and has a new id", async () => {
  const machine = new Machine(1, 2, 3);
  const skew = await inject(machine, [1, 2]);
  const first = skew.id;
  machine.set(3, { skew: first }); // forked by a member
  machine.set(2, { skew: "another's" });
  machine.asked.length = 0;
  expect((await skew.change({ rate: 2 })).map(({ pid }) => pid)).toEqual([1, 3]);
  expect(machine.asked).toEqual(["inject 1", "inject 3"]);
  expect(skew.id).not.toBe(first);
  await skew.recover();
  expect(machine.skewed).toEqual([2]);
});

test("a change that fails at one leaves that with the old skew, and the end finds both", async () => {
  const machine = new Machine(1, 2);
  const skew = await inject(machine, [1, 2]);
  machine.set(2, { fails: { inject: fails("E_UNSUPPORTED", { pid: 2, targetState: "skewed" }) } });
  const error = await failure(skew.change({ rate: 2 }));
  expect(error).toMatchObject({ code: "E_SOME_FAILED", failures: [{ pid: 2 }] });
  expect(await skew.recover()).toHaveLength(2);
});

test("a failed call does not keep the next from its turn", async () => {
  const machine = new Machine(1);
  const skew = await inject(machine, 1);
  const [changed, recovered] = await Promise.allSettled([
    skew.change({ offset: 5 as never }),
    skew.recover(),
  ]);
  expect(changed).toMatchObject({ status: "rejected", reason: { code: "E_USAGE" } });
  expect(recovered).toMatchObject({ status: "fulfilled", value: [{ pid: 1 }] });
});

test("newcomers of a set are skewed; if they never cease to come, it says so", async () => {
  const machine = new Machine(1);
  let last = 1;
  const more = () => {
    machine.processes.set(++last, { skew: undefined, fails: { inject: more } });
  };
  const few = () => {
    if (last < 5) machine.processes.set(++last, { skew: undefined });
  };
  machine.set(1, { fails: { inject: few } });
  const skew = await injectBy(machine.engine, { container: "web", offset: "1s" });
  expect(skew.targets.map(({ pid }) => pid)).toEqual([1, 2]);
  await skew.recover();
  machine.processes.clear();
  machine.processes.set(1, { skew: undefined, fails: { inject: more } });
  last = 1;
  const error = await failure(injectBy(machine.engine, { container: "web", offset: "1s" }));
  expect(error.failures).toMatchObject([{ code: "E_BUSY", pid: undefined }]);
  expect(machine.skewed).toEqual([]);
});

test("recover: everybody, who has a skew, or who was named", async () => {
  const machine = new Machine(1, 2, 3);
  expect(await recoverBy(machine.engine, { all: true })).toEqual([]);
  const [one, two] = [await inject(machine, 1), await inject(machine, 2)];
  expect(await recoverBy(machine.engine, { skew: [two.id] })).toMatchObject([{ pid: 2 }]);
  expect(await recoverBy(machine.engine, { pid: [1, 3] })).toMatchObject([
    { pid: 1, action: "recovered" },
    { pid: 3, action: "nothing" },
  ]);
  expect((await failure(recoverBy(machine.engine, { skew: one.id }))).code).toBe("E_NO_TARGET");
  expect((await failure(recoverBy(machine.engine, { pid: 9 }))).code).toBe("E_NO_TARGET");
});

test("status: whoever is skewed, or was named", async () => {
  const machine = new Machine(1, 2);
  const skew = await inject(machine, 1);
  expect((await statusBy(machine.engine)).rows).toMatchObject([{ pid: 1 }]);
  expect((await statusBy(machine.engine, { skew: skew.id.slice(0, 16) })).rows).toHaveLength(1);
  expect((await statusBy(machine.engine, { pid: [1, 2] })).rows).toHaveLength(2);
  machine.set(2, { fails: { status: fails("E_PERMISSION", { pid: 2 }) } });
  expect(await statusBy(machine.engine, { pid: [1, 2] })).toMatchObject({
    rows: [{ pid: 1 }],
    unreadable: [{ pid: 2, reason: "no: E_PERMISSION" }],
  });
  expect((await failure(statusBy(machine.engine, { pid: 2 }))).code).toBe("E_PERMISSION");
});

test("glide: who arrives is recovered, who ends on the way is no failure, who is skewed anew is one", async () => {
  const machine = new Machine(1, 2, 3);
  for (const pid of [1, 2, 3]) await inject(machine, pid);
  machine.onGlide = (pid) => {
    if (pid === 2) setImmediate(() => machine.processes.delete(2));
    if (pid === 3) machine.set(3, { skew: "another's" });
  };
  const error = await failure(recoverBy(machine.engine, { pid: [1, 2, 3], glide: "1s" }));
  expect(error.failures).toMatchObject([{ pid: 3, targetState: "skewed" }]);
  expect(machine.skewed).toEqual([3]);

  const both = await inject(machine, [1, 3]);
  machine.onGlide = undefined;
  expect(await both.recover({ glide: true })).toMatchObject([
    { pid: 1, action: "recovered" },
    { pid: 3, action: "recovered" },
  ]);
});

test.each([false, 0n, "-1s", 5, "soon"])("glide: %s is refused", async (glide) => {
  const machine = new Machine(1);
  const error = await failure(recoverBy(machine.engine, { pid: 1, glide } as never));
  expect(error.exitCode).toBe(2);
  expect(machine.asked).toEqual([]);
});
