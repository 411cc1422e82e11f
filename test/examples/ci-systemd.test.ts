/** The units of examples/ci under a systemd of their own: started, stopped, broken off, and with the service in all its states. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, type TestContext } from "vitest";
import { needCiDocker, startCiDocker } from "../support/ci/docker.ts";
import { needSystemd, type SystemdMachine, startSystemd } from "../support/ci/systemd.ts";
import { MINUTE } from "../support/clock.ts";
import { BACK } from "../support/containers/scene.ts";
import { EXAMPLES } from "../support/examples.ts";
import { assemble } from "../support/own.ts";
import { realtimeSkews } from "../support/readings.ts";
import { shared } from "../support/shared.ts";
import { waitFor } from "../support/wait.ts";

const SERVICE = "resident";
const SKEW = "timeskew@resident";
const DROP_IN = "timeskew@resident.service.d/skew.conf";
const TEMPLATE = join(EXAMPLES, "ci/timeskew@.service");

const machine = shared(
  (context: TestContext) => {
    needSystemd(context);
    return needCiDocker(context);
  },
  (programs) =>
    assemble(async (own) => {
      const { docker } = own(await startCiDocker(programs));
      return { machine: own(await startSystemd(docker, [TEMPLATE])) };
    }),
);

const state = ({ property }: SystemdMachine, unit: string) => property(unit, "ActiveState");

async function isBehind({ service }: SystemdMachine): Promise<boolean> {
  return (await service.complaints(BACK)).length === 0;
}

/** What is wrong with its clocks if they are to be true. */
const complaints = ({ service }: SystemdMachine) => service.complaints({});

describe("timeskew@.service", () => {
  it("is a unit that systemd finds nothing wrong with", async (context) => {
    const { machine: at } = await machine(context);
    expect(await at.run("systemd-analyze", "verify", `${SKEW}.service`)).toBe("");
  });

  it("started and stopped", async (context) => {
    const { machine: at } = await machine(context);
    await at.run("systemctl", "start", SKEW);
    expect([await state(at, SKEW), await isBehind(at)]).toEqual(["active", true]);
    await at.run("systemctl", "stop", SKEW);
    expect([await state(at, SKEW), await complaints(at)]).toEqual(["inactive", []]);
  });

  it("with another skew, as `systemctl edit` writes it", async (context) => {
    const { machine: at } = await machine(context);
    await at.write(DROP_IN, '[Service]\nEnvironment="SKEW=--offset 10m --duration 1h"\n');
    await at.run("systemctl", "start", SKEW);
    expect(await at.service.complaints(realtimeSkews(10n * MINUTE))).toEqual([]);
    await at.run("systemctl", "stop", SKEW);
    await at.write(DROP_IN, undefined);
    expect(await complaints(at)).toEqual([]);
  });

  it("goes along when the service is restarted, stopped, and started anew", async (context) => {
    const { machine: at } = await machine(context);
    await at.run("systemctl", "start", SKEW);
    await at.run("systemctl", "restart", SERVICE);
    await at.service.ready();
    await waitFor("the skew", () => isBehind(at));
    await at.run("systemctl", "stop", SERVICE);
    expect(await state(at, SKEW)).toBe("inactive");
    await at.run("systemctl", "start", SERVICE);
    await at.service.ready();
    expect([await state(at, SKEW), await complaints(at)]).toEqual(["inactive", []]);
  });

  it("enabled, it is started with the service", async (context) => {
    const { machine: at } = await machine(context);
    await at.run("systemctl", "enable", SKEW);
    await at.run("systemctl", "restart", SERVICE);
    await at.service.ready();
    await waitFor("the skew", () => isBehind(at));
    await waitFor("the unit", async () => (await state(at, SKEW)) === "active");
    await at.run("systemctl", "disable", "--now", SKEW);
    expect(await complaints(at)).toEqual([]);
  });

  it("is no failure if the service dies meanwhile", async (context) => {
    const { machine: at } = await machine(context);
    await at.run("systemctl", "start", SKEW);
    await at.run("systemctl", "kill", "--signal=KILL", SERVICE);
    await waitFor("the unit's end", async () => (await state(at, SKEW)) === "inactive");
    expect(await at.property(SKEW, "Result")).toBe("success");
    await at.run("systemctl", "reset-failed");
    await at.run("systemctl", "start", SERVICE);
    await at.service.ready();
    expect(await complaints(at)).toEqual([]);
  });

  it.for([
    ["killed", ["systemctl", "kill", "--signal=KILL", SKEW]],
    ["stopped", ["systemctl", "stop", SKEW]],
  ] as const)("%s while it is being started, it gives the time back", async ([, breakOff], context) => {
    const { machine: at } = await machine(context);
    await at.write(DROP_IN, '[Service]\nEnvironment="SKEW=--offset -10m --wait"\n'); // so it does not come to an end
    await at.run("systemctl", "start", "--no-block", SKEW);
    await waitFor("the skew", () => isBehind(at));
    expect(await state(at, SKEW)).toBe("activating");
    await at.run(...breakOff);
    await waitFor("the unit's end", async () => ["failed", "inactive"].includes(await state(at, SKEW)));
    expect(await complaints(at)).toEqual([]);
    await at.write(DROP_IN, undefined);
    await at.run("systemctl", "reset-failed");
  });

  it("is not started for a service that there is not", async (context) => {
    const { machine: at } = await machine(context);
    await expect(at.run("systemctl", "start", "timeskew@nobody")).rejects.toThrow("nobody.service not found");
  });
});

describe("timeskew.conf", () => {
  it("has the service run with a wrong clock, until it is removed", async (context) => {
    const { machine: at } = await machine(context);
    const path = "resident.service.d/timeskew.conf";
    await at.write(path, readFileSync(join(EXAMPLES, "ci/timeskew.conf"), "utf8"));
    await at.run("systemctl", "restart", SERVICE);
    await at.service.ready();
    expect(await at.service.complaints(BACK)).toEqual([]);
    await at.write(path, undefined);
    await at.run("systemctl", "restart", SERVICE);
    await at.service.ready();
    expect(await complaints(at)).toEqual([]);
  });
});
