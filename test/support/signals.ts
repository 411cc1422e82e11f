/** A program that is sent numbered real-time signals (receiver.c), and the program that sends them (sender.c). */
import { expect } from "vitest";
import { build } from "./build.ts";
import { Dialog } from "./dialog.ts";
import { assemble } from "./own.ts";
import { RECEIVER, SENDER } from "./recipes.ts";
import { waitFor } from "./wait.ts";

/** What one way of taking signals has taken. */
export interface Channel {
  name: string;
  received: number;
  /** Numbers that were passed over, came again (or late), and signals with another siginfo than was sent. */
  lost: number;
  again: number;
  wrong: number;
  /** The first of these, in words. */
  first: string;
}

export interface Correspondence extends AsyncDisposable {
  readonly pid: number;
  /** Signals begin to flow, from the other process, until `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** How many were sent so far. */
  sent(): Promise<number>;
  /** Makes the sender do something odd to one channel. */
  meddle(how: "skip" | "double" | "plain", channel: number): Promise<void>;
  /** Stops the sender and waits until every signal has been taken; the channels on which something was wrong. */
  settle(): Promise<Channel[]>;
}

interface Greeting {
  tally: string;
  channels: { name: string; tid: number }[];
}

export function startCorrespondence(shape: "threads" | "single"): Promise<Correspondence> {
  return assemble(async (own) => {
    const receiver = own(await Dialog.start([await build(RECEIVER), shape]));
    const { channels, tally } = JSON.parse(await receiver.line()) as Greeting;
    const tids = channels.map(({ tid }) => String(tid));
    const sender = own(await Dialog.greeted([await build(SENDER), String(receiver.pid), tally, ...tids]));
    await receiver.ask(`from ${sender.pid}`);
    const tell = async (command: string) => (await sender.askJson<{ sent: number[] }>(command)).sent;

    const settle = async () => {
      const sent = await tell("stop");
      const report = await waitFor("all signals to be taken", async () => {
        const { channels: counts } = await receiver.askJson<{ channels: Omit<Channel, "name">[] }>("report");
        // One that is lost will not be waited for: it has been noticed when a later one came.
        const all = counts.every(({ received, lost }, i) => received + lost >= sent[i]!);
        return all && counts.map((count, i) => ({ ...count, name: channels[i]!.name }));
      });
      for (const { received } of report) expect(received).toBeGreaterThan(0);
      return report.filter(
        ({ lost, again, wrong, received }, i) => lost + again + wrong > 0 || received !== sent[i],
      );
    };
    return {
      pid: receiver.pid,
      start: async () => void (await tell("start")),
      stop: async () => void (await tell("stop")),
      sent: async () => (await tell("count")).reduce((sum, each) => sum + each, 0),
      meddle: async (how: string, channel: number) => void (await tell(`${how} ${channel}`)),
      settle,
    };
  });
}
