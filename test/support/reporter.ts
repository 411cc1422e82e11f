/**
 * Ends a test run with two things: every skipped test with its reason, and one line `N passed, N failed` or
 * `N passed, N failed, N skipped`, alone and last.
 */
import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from "vitest/node";

export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const skipped = tests.filter((test) => stateOf(test) === "skipped");
    const passed = tests.filter((test) => stateOf(test) === "passed");
    const failed =
      tests.length - skipped.length - passed.length + brokenGroups(modules) + unhandledErrors.length;
    // After what the other reporters write at this point.
    setImmediate(() => process.stdout.write(`${summary(passed.length, failed, skipped)}\n`));
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

function summary(passed: number, failed: number, skipped: readonly TestCase[]): string {
  const counts = [`${passed} passed`, `${failed} failed`];
  if (skipped.length > 0) counts.push(`${skipped.length} skipped`);
  return [...skipped.map((test) => `skipped: ${test.fullName}: ${reason(test)}`), counts.join(", ")].join(
    "\n",
  );
}

function reason(test: TestCase): string {
  const result = test.result();
  if (result.state === "skipped" && result.note) return result.note;
  return test.parent.errors().length > 0 ? "a hook of its group failed" : "no reason given";
}
