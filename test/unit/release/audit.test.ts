/** What is read from `npm audit --json`: that nobody answered is not taken for good news. */
import { expect, it } from "vitest";
import { answerOf } from "../../release/audit.mjs";

const said = (answer: object | string, stderr = "") =>
  answerOf({ stdout: typeof answer === "string" ? answer : JSON.stringify(answer), stderr });

it("counts what is known", () => {
  const none = { info: 0, low: 0, moderate: 0, high: 0, critical: 0, total: 0 };
  expect(said({ vulnerabilities: {}, metadata: { vulnerabilities: none } })).toEqual({ total: 0 });
  expect(said({ metadata: { vulnerabilities: { ...none, high: 2, total: 2 } } })).toEqual({ total: 2 });
});

it.each<[why: string, answer: object | string, stderr?: string]>([
  ["405 Method Not Allowed", { message: "405 Method Not Allowed", error: { summary: "", detail: "" } }],
  ["no lockfile", { error: { code: "ENOLOCK", summary: "no lockfile" } }],
  ["npm error network", "", "npm error network\n"],
  ["npm said nothing", ""],
])("says why nobody could be asked: %s", (why, answer, stderr) => {
  expect(said(answer, stderr)).toEqual({ why });
});

it("says that there is no npm", () => {
  expect(answerOf({ stdout: "", stderr: "", error: new Error("spawnSync npm ENOENT") })).toEqual({
    why: "spawnSync npm ENOENT",
  });
});
