/** How a line of shell is taken apart. */
import { expect, test } from "vitest";
import { wordsOf } from "./words.ts";

test.each([
  ["timeskew status --json", [["timeskew", "status", "--json"]]],
  ["sudo timeskew status", [["timeskew", "status"]]],
  ["A=1 B='2 3' npm test > log 2>&1", [["npm", "test"]]],
  [
    "npm ci && npm test",
    [
      ["npm", "ci"],
      ["npm", "test"],
    ],
  ],
  ["a | b; c &", [["a"], ["b"], ["c"]]],
  [
    `timeskew run --at '2038-01-19 03:14:00' -- sh -c "a; b"`,
    [["timeskew", "run", "--at", "2038-01-19 03:14:00", "--", "sh", "-c", "a; b"]],
  ],
  ["", []],
])("%s", (line, commands) => {
  expect(wordsOf(line)).toEqual(commands);
});
