/** What a chart says, before it is drawn in characters or as SVG. */
import { isFarFromZero } from "./axes.ts";
import type { View } from "./curve.ts";
import { type Mark, marksOf } from "./marks.ts";
import { rangesOf } from "./range.ts";
import { type Subject, valueAt } from "./subject.ts";

export interface Picture {
  readonly subject: Subject;
  readonly view: View;
  /** What the offsets of the axis are counted from, ns: 0n, or where it begins, if that is far from zero. */
  readonly origin: bigint;
  readonly marks: readonly Mark[];
  /** The verbs. */
  readonly title: string;
  /** What they do, one sentence. */
  readonly words: string;
}

/** How much of the chart is run-up, to show what the clock does when it begins: one part in so many. */
const RUN_UP = 25n;

/** @param until the right edge, ns from now, after the subject's begin */
export function pictureOf(subject: Subject, until: bigint, text: Pick<Picture, "title" | "words">): Picture {
  const { base, begin } = subject;
  const range = rangesOf(subject)(begin, until);
  const isFar = isFarFromZero(range);
  // The way there from zero would leave no room for what it does there.
  const view = { from: isFar ? begin : firstOf(begin, until), until };
  const isBaseInside = range.low <= base && base <= range.high;
  const origin = !isFar ? 0n : isBaseInside ? base : valueAt(subject, begin);
  return { subject, view, origin, marks: marksOf(subject, view), ...text };
}

function firstOf(begin: bigint, until: bigint): bigint {
  const runUp = until / RUN_UP;
  return begin < runUp ? begin - runUp : 0n;
}
