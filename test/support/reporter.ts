/**
 * Ends a test run with three things: every test that passed only at a further try, with what was wrong at the first; every
 * skipped test with its reason; and one line `N passed, N failed` or `N passed, N failed, N skipped`, alone and last.
 */
import { stripVTControlCharacters } from "node:util";
import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from "vitest/node";

export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const skipped = tests.filter((test) => stateOf(test) === "skipped");
    const passed = tests.filter((test) => stateOf(test) === "passed");
    const failed =
      tests.length - skipped.length - passed.length + brokenGroups(modules) + unhandledErrors.length;
    // After what the other reporters write at this point.
    const lines = [
      ...furtherTries(passed),
      ...skipped.map(skip),
      counts(passed.length, failed, skipped.length),
    ];
    setImmediate(() => process.stdout.write(`${lines.join("\n")}\n`));
  }
}

function stateOf(test: TestCase): string {
  return test.result().state;
}

/** Files that could not be loaded and groups whose hooks failed: no test of theirs says so. */
function brokenGroups(modules: readonly TestModule[]): number {
  const groups: (TestModule | TestSuite)[] = modules.flatMap((module) => [
    module,
    ...module.children.allSuites(),
  ]);
  return groups.filter((group) => group.errors().length > 0).length;
}

function furtherTries(passed: readonly TestCase[]): string[] {
  const flaky = passed.filter((test) => test.diagnostic()?.flaky);
  const lines = flaky.map(
    (test) =>
      `needed a ${test.diagnostic()?.retryCount === 1 ? "second" : "third"} try: ` +
      `${test.module.relativeModuleId} > ${test.fullName}: ${firstError(test)}`,
  );
  return lines.length === 0
    ? []
    : [...lines, `${lines.length} of the ${passed.length} that passed needed a further try`];
}

const MOST_CHARACTERS = 400;

/** On one line, with what differs: of a test that has passed nothing else is shown. */
function firstError(test: TestCase): string {
  const [error] = test.result().errors ?? [];
  const [message = ""] = error?.message.split("\n") ?? [];
  const differing = stripVTControlCharacters(error?.diff ?? "")
    .split("\n")
    .filter((line) => /^[-+] /.test(line) && !/^[-+] (Expected|Received)/.test(line))
    .map((line) => line.replace(/ +/g, " "));
  return [message, ...differing].join(" | ").slice(0, MOST_CHARACTERS);
}

function skip(test: TestCase): string {
  return `skipped: ${test.fullName}: ${reason(test)}`;
}

function counts(passed: number, failed: number, skipped: number): string {
  const all = [`${passed} passed`, `${failed} failed`];
  return [...all, ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(", ");
}

function reason(test: TestCase): string {
  const result = test.result();
  if (result.state === "skipped" && result.note) return result.note;
  return test.parent.errors().length > 0 ? "a hook of its group failed" : "no reason given";
}
