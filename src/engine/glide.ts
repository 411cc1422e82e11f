/**
 * Takes a skew back without a jump: the clock runs slower, or faster, until it is the true one. The target does that by
 * itself; what is left then is an ordinary recovery.
 */
import { TimeskewError } from "../errors.ts";
import { selectionFromMask } from "../skew/clock.ts";
import { formatDuration, parseDuration } from "../skew/duration.ts";
import { checkClocks, parseVerbs, shapeOf } from "../skew/verbs.ts";
import { clockShift } from "../target/timens.ts";
import type { RecoverResult } from "../types.ts";
import { inspect } from "./inspect.ts";
import { courseAt, type InForce, SOURCES, timeOf } from "./model.ts";
import { monotoneIn } from "./monotonic.ts";
import { ALL_CLOCKS } from "./readings.ts";
import { refuseForeign } from "./refuse.ts";
import { inForceIn, nowIn, skewOf } from "./skew.ts";
import { type Change, isSkewed, update } from "./update.ts";
import { isOthers, type Whose } from "./whose.ts";

/** So much of its way, at the most, a clock loses or gains in the same true time. */
const GENTLY = 2n;
const SHORTEST = 1_000_000n;

interface Gliding extends Whose {
  readonly pid: number;
  /** How long it shall take: text, ns, or true for twice the offset. */
  readonly over: string | bigint | true;
  readonly allowBackwardMonotonic?: boolean;
}

/**
 * @returns undefined if there is nothing to glide from: then to recover is not to jump
 * @throws TimeskewError
 */
export function glide({
  pid,
  over,
  allowBackwardMonotonic = false,
  skews,
}: Gliding): RecoverResult | undefined {
  const wanted = over === true ? undefined : typeof over === "bigint" ? over : parseDuration(over);
  using target = inspect(pid, { locked: true });
  refuseForeign(target);
  if (!isSkewed(target) || isOthers(target, { skews })) return undefined;
  const shift = clockShift(pid);
  const old = inForceIn(target.found);
  if (isTrue(old, nowIn(shift, old))) return undefined;
  const { inForce } = update(target, changeTo(pid, old, wanted, allowBackwardMonotonic));
  return {
    pid,
    command: target.process.command,
    state: "skewed",
    action: "gliding",
    skew: skewOf(inForce, nowIn(shift, inForce)),
    pauseNs: 0n,
    threads: 0,
    asleepThreads: 0,
    lingeringThreads: 0,
    waitingThreads: 0,
  };
}

/** Whether it reads the true time, and goes on to. */
function isTrue(inForce: InForce, now: ReturnType<typeof nowIn>): boolean {
  return SOURCES.every((source) => {
    const { offset, until } = courseAt(inForce, source, timeOf(source, now));
    return offset === 0n && until === undefined;
  });
}

function changeTo(
  pid: number,
  { settings: { mask } }: InForce,
  wanted: bigint | undefined,
  allowBackward: boolean,
): Change {
  const selection = selectionFromMask(mask & ALL_CLOCKS);
  return {
    mask,
    selection,
    shapeAt: ({ realtime, offset }) => {
      const distance = offset < 0n ? -offset : offset;
      const over = wanted ?? (GENTLY * distance > SHORTEST ? GENTLY * distance : SHORTEST);
      if (!allowBackward && offset > 0n && over <= offset) refuseTooFast(pid, mask, offset);
      // What it is when it is over is the true time, so that it ends by itself.
      const verbs = parseVerbs({ slew: 0n, over, duration: over });
      checkClocks(verbs, selection);
      return shapeOf(verbs, { realtime, offset });
    },
    jumps: false,
    text: "",
    startIn: 0n,
    allowBackward,
    translatesWaits: true,
  };
}

function refuseTooFast(pid: number, mask: bigint, ahead: bigint): void {
  const [clock] = monotoneIn(mask);
  if (clock === undefined) return;
  throw new TimeskewError(
    "E_BACKWARD_MONOTONIC",
    `${clock.name} of pid ${pid} is ${formatDuration(ahead)} ahead, and would have to go back to be the true one so soon`,
    {
      pid,
      targetState: "skewed",
      hint: `give it more time than that with --over; ${formatDuration(GENTLY * ahead)} is the default`,
    },
  );
}
