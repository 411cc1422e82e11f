import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { formatInstant, parseInstant } from "../../../src/skew/instant.ts";
import { refusal } from "./refusal.ts";

const S = 1_000_000_000n;
const LAST = 2n ** 63n - 1n;

const zone = process.env.TZ;
afterEach(() => inZone(zone));

function inZone(name: string | undefined): void {
  if (name === undefined) delete process.env.TZ;
  else process.env.TZ = name;
}

const refused = (text: string) => refusal(() => parseInstant(text));

describe("parseInstant", () => {
  it.each<[string, bigint]>([
    ["1970-01-01T00:00:00Z", 0n],
    ["2038-01-19T03:14:07Z", (2n ** 31n - 1n) * S],
    ["2038-01-19t03:14:07z", (2n ** 31n - 1n) * S],
    ["2038-01-19 03:14:07Z", (2n ** 31n - 1n) * S],
    ["2038-01-19 03:14:07 Z", (2n ** 31n - 1n) * S],
    ["2038-01-19T03:14:07+00:00", (2n ** 31n - 1n) * S],
    ["2038-01-19T03:14:07-00:00", (2n ** 31n - 1n) * S],
    ["2038-01-19T08:44:07+05:30", (2n ** 31n - 1n) * S],
    ["2038-01-18T15:14:07-12:00", (2n ** 31n - 1n) * S],
    ["2038-01-19T03:14Z", (2n ** 31n - 8n) * S],
    ["1970-01-01T00:00:00.5Z", S / 2n],
    ["1970-01-01T00:00:00.000000001Z", 1n],
    ["1970-01-01T00:00:00.0000000010000Z", 1n],
    ["2000-02-29T00:00:00Z", 951_782_400n * S],
    ["2262-04-11T23:47:16.854775807Z", LAST],
    ["1969-12-31T23:00:00-01:00", 0n],
    ["@0", 0n],
    ["@2147483640", 2_147_483_640n * S],
    ["@1.5", 1_500_000_000n],
    ["@1.000000001", S + 1n],
    [" @1 ", S],
    ["@-0", 0n],
    ["@9223372036.854775807", LAST],
  ])("reads %s", (text, ns) => expect(parseInstant(text)).toBe(ns));

  it.each<[string, RegExp, RegExp]>([
    ["", /is empty/, /2038/],
    ["tomorrow", /not a date/, /2038/],
    ["19.01.2038", /not a date/, /2038/],
    ["2038-1-19", /not a date/, /2038/],
    ["2147483640", /bare number/, /@2147483640/],
    ["1.5", /bare number/, /@1.5/],
    ["@", /no number of seconds/, /@2147483640/],
    ["@1e9", /no number of seconds/, /@2147483640/],
    ["@1.", /no number of seconds/, /@2147483640/],
    ["@0x10", /no number of seconds/, /@2147483640/],
    ["@1.0000000001", /finer/, /nine/],
    ["2038-01-19T03:14:07", /no zone/, /2038-01-19T03:14:07Z \(UTC\), or '2038-01-19 03:14:07' \(local/],
    ["2038-01-19T03:14:07 UTC", /no zone/, /2038-01-19T03:14:07Z/],
    ["2038-01-19 03:14:07 CET", /no zone at " CET"/, /\+01:00/],
    ["2038-01-19T03:14:07+0100", /no zone/, /\+01:00/],
    ["2038-01-19T03:14:07+24:00", /no zone/, /\+01:00/],
    ["2038-01-19T03:14:07+01:60", /no zone/, /\+01:00/],
    ["2038-01-19T03:14:07ZZ", /no zone/, /Z for UTC/],
    ["2038-01-19T", /no time of day/, /2038/],
    ["2038-01-19T3:14:07Z", /no time of day/, /2038/],
    ["2038-01-19T03Z", /no time of day/, /2038/],
    ["2038-01-19T03:14:07.Z", /no zone/, /UTC/],
    ["2038-01-19T03:14:07,5Z", /no zone/, /UTC/],
    ["2038-01-19T24:00:00Z", /no hour 24/, /2038-01-20/],
    ["2038-12-31T24:00:00Z", /no hour 24/, /2039-01-01/],
    ["2038-01-19T25:00:00Z", /no hour 25/, /23/],
    ["2038-01-19T24:00:01Z", /no hour 24/, /23/],
    ["2038-01-19T03:60:00Z", /no minute 60/, /59/],
    ["2038-01-19T03:14:61Z", /no second 61/, /59/],
    ["2038-01-19T03:14:60Z", /no second 60/, /59/],
    ["2016-12-31T23:59:60Z", /leap second/, /--leap insert/],
    ["2017-01-01T00:59:60+01:00", /leap second/, /--leap insert/],
    ["2038-13-01T00:00:00Z", /no month 13/, /year-month-day/],
    ["2038-00-01T00:00:00Z", /no month 0/, /year-month-day/],
    ["2038-02-29T00:00:00Z", /no day 29/, /1 to 28/],
    ["2100-02-29", /no day 29/, /1 to 28/],
    ["2038-01-00", /no day 0/, /1 to 31/],
    ["2038-01-19T03:14:07.1234567891Z", /finer/, /nine/],
    ["2038-01-19T03:14:07Z\n2039", /no zone/, /UTC/],
    ["9".repeat(61), /longer than 60/, /2038/],
  ])("refuses %s", (text, message, hint) => {
    const found = refused(text);
    expect([found.code, found.message, found.hint]).toEqual([
      "E_USAGE",
      expect.stringMatching(message),
      expect.stringMatching(hint),
    ]);
  });

  it.each([
    "1969-12-31T23:59:59.999999999Z",
    "0000-01-01T00:00:00Z",
    "0099-01-01T00:00:00Z",
    "1970-01-01T00:00:00+00:01",
    "2262-04-11T23:47:16.854775808Z",
    "9999-12-31T23:59:59Z",
    "@-1",
    "@-0.000000001",
    "@9223372036.854775808",
    "@99999999999999999999999",
  ])("says of %s that no clock reads it", (text) => {
    expect(refused(text)).toMatchObject({
      code: "E_RANGE",
      hint: expect.stringMatching(/2262-04-11T23:47:16.8/),
    });
  });

  it("reads what formatInstant writes", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: LAST }), (ns) => {
        expect(parseInstant(formatInstant(ns))).toBe(ns);
      }),
    );
    expect([0n, 1_500_000_000n, LAST].map(formatInstant)).toEqual([
      "1970-01-01T00:00:00Z",
      "1970-01-01T00:00:01.5Z",
      "2262-04-11T23:47:16.854775807Z",
    ]);
  });
});

describe("parseInstant in a local zone", () => {
  it.each([
    ["UTC", "2038-01-19 03:14:07", "2038-01-19T03:14:07Z"],
    ["Europe/Berlin", "2026-01-15 12:00:00", "2026-01-15T11:00:00Z"],
    ["Europe/Berlin", "2026-07-15 12:00:00.25", "2026-07-15T10:00:00.25Z"],
    ["Europe/Berlin", "2026-07-15 12:00", "2026-07-15T10:00:00Z"],
    ["Europe/Berlin", "2026-07-15", "2026-07-14T22:00:00Z"],
    ["Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29T00:59:59Z"],
    ["Europe/Berlin", "2026-03-29 03:00:00", "2026-03-29T01:00:00Z"],
    ["Europe/Berlin", "2026-10-25 01:59:59", "2026-10-24T23:59:59Z"],
    ["Europe/Berlin", "2026-10-25 03:00:00", "2026-10-25T02:00:00Z"],
    ["Asia/Kathmandu", "2026-10-25 03:00:00", "2026-10-24T21:15:00Z"],
    ["Pacific/Kiritimati", "2026-01-01", "2025-12-31T10:00:00Z"],
    ["Africa/Monrovia", "1970-06-01 00:00:00", "1970-06-01T00:44:30Z"],
  ])("%s: %s is %s", (name, text, utc) => {
    inZone(name);
    expect(formatInstant(parseInstant(text))).toBe(utc);
  });

  it.each([
    ["Europe/Berlin", "2026-03-29 02:00:00"],
    ["Europe/Berlin", "2026-03-29 02:59:59.5"],
    ["America/New_York", "2026-03-08 02:30"],
    ["America/Sao_Paulo", "2018-11-04"],
    ["Australia/Lord_Howe", "2026-10-04 02:15:00"],
    ["Pacific/Apia", "2011-12-30 12:00:00"],
  ])("%s leaves out %s", (name, text) => {
    inZone(name);
    expect(refused(text).message).toContain(`does not exist in the local zone (${name})`);
  });

  it.each([
    ["Europe/Berlin", "2026-10-25 02:30:00", "2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00"],
    ["America/New_York", "2026-11-01 01:00:00", "2026-11-01T01:00:00-04:00 or 2026-11-01T01:00:00-05:00"],
    ["Australia/Lord_Howe", "2026-04-05 01:45:00", "2026-04-05T01:45:00+11:00 or 2026-04-05T01:45:00+10:30"],
  ])("%s has %s twice", (name, text, both) => {
    inZone(name);
    const { message, hint } = refused(text);
    expect(message).toContain(`comes twice in the local zone (${name})`);
    expect(hint).toBe(`write ${both}`);
    for (const each of both.split(" or ")) expect(parseInstant(each)).toBeGreaterThan(0n);
  });

  it("gives the time that clocks on the wall show", () => {
    const zones = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Chatham"];
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 0, max: 9e9 }), (name, seconds) => {
        inZone(name);
        const d = new Date(seconds * 1000);
        const two = (value: number) => String(value).padStart(2, "0");
        const date = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
        const text = `${date} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
        try {
          expect(parseInstant(text)).toBe(BigInt(seconds) * S);
        } catch (error) {
          expect((error as Error).message).toContain("comes twice");
        }
      }),
    );
  });
});
