/** What the supervisor needs to know before it starts a process. */
import { readCorpus } from "./corpus.ts";
import { FAULTS } from "./faults.ts";
import { literal } from "./literal.ts";
import { PARSERS } from "./parsers.ts";

export const all = PARSERS.map(({ name }) => name);
export const hidden = FAULTS.map(({ name }) => name);
export const corpus = () => literal(readCorpus());
