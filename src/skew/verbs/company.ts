/** Which verbs go together. Addition is the rule; what cannot be added, or would mean two things, is refused here. */
import type { VerbTexts } from "../verbs.ts";
import { notUsable } from "./values.ts";

type Name = keyof VerbTexts;

const FLAGS: Readonly<Record<Name, string>> = {
  offset: "--offset",
  at: "--at",
  freeze: "--freeze",
  rate: "--rate",
  drift: "--drift",
  slew: "--slew",
  over: "--over",
  keyframes: "--keyframes",
  repeat: "--repeat",
  strobe: "--strobe",
  period: "--period",
  jitter: "--jitter",
  jitterEvery: "--jitter-every",
  jitterGlide: "--jitter-glide",
  seed: "--seed",
  leap: "--leap",
  leapAt: "--leap-at",
  smear: "--smear",
  duration: "--duration",
  every: "--every",
  startIn: "--start-in",
};

/** Those that say what is wrong with the clock; the others say more about them. */
const MAIN = [
  ...(["offset", "at", "freeze", "rate", "drift", "slew", "keyframes", "strobe", "jitter", "leap"] as const),
];

/** The first makes no sense without the second. */
const NEEDS: readonly (readonly [name: Name, needs: Name, example: string])[] = [
  ["slew", "over", "for example --slew -5m --over 1h: five minutes slow, an hour from now"],
  ["over", "slew", "for example --slew -5m --over 1h: five minutes slow, an hour from now"],
  ["strobe", "period", "for example --strobe 200ms --period 1s: forth and back, each for a second"],
  ["period", "strobe", "for example --strobe 200ms --period 1s: forth and back, each for a second"],
  ["jitterEvery", "jitter", "for example --jitter 5ms --jitter-every 100ms"],
  ["jitterGlide", "jitter", "for example --jitter 5ms --jitter-glide"],
  ["seed", "jitter", "for example --jitter 5ms --seed 42"],
  ["leapAt", "leap", "for example --leap insert --leap-at 2017-01-01T00:00:00Z"],
  ["smear", "leap", "for example --leap insert --smear 24h"],
  ["repeat", "keyframes", "for example --keyframes course.csv --repeat"],
  ["every", "duration", "for example --offset 5m --duration 10s --every 1m: ten seconds of each minute"],
];

const LEAVE_OUT = "leave one of them out";
const STILL = "the one holds the clock still, the other moves it";
const IN_FILE = "both draw a course from the beginning to the end";
const IN_FILE_HINT = "put it all into the file of --keyframes, or have them repeated by --repeat";
const LEAP_TIME = "the moment of the leap second could not be told beforehand";
const LEAP_HINT = "a leap second goes with --offset, --at, --rate, --drift, --slew and --duration";

const EXCLUDES: readonly (readonly [name: Name, others: readonly Name[], why: string, hint: string])[] = [
  ["offset", ["at"], "both say where the clock begins", LEAVE_OUT],
  ["freeze", ["rate", "drift", "slew", "jitter", "strobe", "keyframes"], STILL, LEAVE_OUT],
  ["freeze", ["leap"], "a clock that stands still comes to no leap second", LEAVE_OUT],
  ["leap", ["jitter", "strobe", "keyframes"], LEAP_TIME, LEAP_HINT],
  ["leap", ["every"], "a leap second comes once", LEAP_HINT],
];

/** @throws TimeskewError E_USAGE if something is missing, or does not go together */
export function checkCompany(texts: VerbTexts): void {
  const given = (name: Name) => texts[name] !== undefined && texts[name] !== false;
  for (const [name, needs, example] of NEEDS) {
    if (given(name) && !given(needs)) throw notUsable(`${FLAGS[name]} needs ${FLAGS[needs]}`, example);
  }
  if (!MAIN.some(given)) throw nothingSaid((Object.keys(FLAGS) as Name[]).find(given));
  for (const [name, others, why, hint] of [...EXCLUDES, ...ofKeyframes(texts)]) {
    const other = given(name) ? others.find(given) : undefined;
    if (other !== undefined)
      throw notUsable(`${FLAGS[name]} and ${FLAGS[other]} exclude each other: ${why}`, hint);
  }
}

/** A course that comes once is a whole one; one that is repeated can be added to another, but not to a second rhythm. */
function ofKeyframes({ repeat }: VerbTexts): typeof EXCLUDES {
  return repeat
    ? [["keyframes", ["strobe"], "two rhythms cannot be told apart", "draw the strobe into the file, too"]]
    : [["keyframes", ["rate", "drift", "slew"], IN_FILE, IN_FILE_HINT]];
}

function nothingSaid(name: Name | undefined): Error {
  const hint = `say what is to be wrong with the clock: ${MAIN.map((each) => FLAGS[each]).join(", ")}`;
  if (name === undefined) return notUsable("nothing says how the clock is to be skewed", hint);
  return notUsable(`${FLAGS[name]} says when, but not what`, hint);
}
