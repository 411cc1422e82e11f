import { expect } from "vitest";
import { TimeskewError } from "../../../src/errors.ts";

/** The error with which something is refused. */
export function refusal(attempt: () => unknown): TimeskewError {
  try {
    attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(TimeskewError);
    return error as TimeskewError;
  }
  throw new Error("it was accepted");
}
