import { expect, it } from "vitest";
import { Member, secondsOf } from "../../../examples/etcd/member.mjs";

it("reads the durations that etcd logs", () => {
  expect(secondsOf("10m0.000115558s")).toBeCloseTo(600.000115558, 9);
  expect(secondsOf("19m59.99986071s")).toBeCloseTo(1199.99986071, 9);
  expect(secondsOf("2562047h47m16.854s")).toBeCloseTo(9223372036.854, 3);
  expect(secondsOf("51.827µs")).toBeCloseTo(51.827e-6, 12);
  expect(secondsOf("1.5s")).toBe(1.5);
  for (const none of ["", "10", "10 m", "s", "-1s", "10m0.5"])
    expect(() => secondsOf(none)).toThrow("not a duration");
});

/** A member whose program prints those lines, each at a time of its own. */
function memberThatLogs(...lines: { at: number; text: string }[]): Member {
  const member = new Member("etcd-1", "127.0.0.1:1", "127.0.0.1:2");
  member.listenTo({
    pid: 1,
    onLine: (listener: (line: { at: number; text: string }) => void) => lines.forEach(listener),
  } as never);
  return member;
}

it("takes what a member says from its log", () => {
  const at = Date.parse("2026-01-01T00:10:00Z");
  const line = (later: number, ts: string, msg: string, fields: object = {}) => ({
    at: at + later,
    text: JSON.stringify({ level: "info", ts, msg, ...fields }),
  });
  const member = memberThatLogs(
    {
      at,
      text: "WARNING: 2026/01/01 00:10:00 [core] grpc: addrConn.createTransport failed to connect to {…}",
    },
    line(0, "2026-01-01T00:10:00.000Z", "starting local member", { "local-member-id": "d88" }),
    line(1, "2026-01-01T00:10:00.001Z", "d88 became leader at term 3"),
    line(2, "2026-01-01T00:00:00.000Z", "prober found high clock drift", {
      "remote-peer-id": "9e8",
      "clock-drift": "10m0s",
    }),
  );
  expect(member.id).toBe("d88");
  expect(member.isServing).toBe(false);
  expect(member.elections()).toEqual([{ at: at + 1, term: 3 }]);
  expect(member.warnings(at)).toEqual([{ at: at + 2, id: "9e8", drift: 600 }]);
  expect(member.warnings(at + 3)).toEqual([]);
  expect(member.offsets(at + 1).logged).toEqual([
    { at: at + 1, offset: 0 },
    { at: at + 2, offset: -600_002 },
  ]);
});
