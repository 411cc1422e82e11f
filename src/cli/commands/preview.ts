/** `timeskew preview`: a chart of what a skew would do, before anything is done. */
import type { CommandSpec } from "../command.ts";
import { addFlags, durations, texts } from "../flag.ts";
import { clockOptions } from "../flags.ts";
import { verbOptions } from "../verbs.ts";

export const preview: CommandSpec = {
  name: "preview",
  summary: "show a chart of what a skew would do",
  description:
    "Shows a chart of the offset that a clock would have, over the true time. It takes the flags of inject, and " +
    "looks at no process.",
  examples: [
    ["timeskew preview --drift 200ppm", "a bad quartz"],
    ["timeskew preview --strobe 200ms --period 1s --for 10s", "ten seconds of it"],
    ["timeskew preview --slew -5s --over 10m -o slew.svg", "as an SVG file"],
  ],
  options(command) {
    verbOptions(command, { short: false });
    addFlags(clockOptions(command), "Chart:", [
      ["--for <DURATION>", "how much of it: 1h (default: until all has been seen)", durations("1h", "10s")],
      ["-o, --output <FILE.svg>", "write an SVG file; - is stdout", { kind: "file" }],
      ["--width <COLUMNS>", "how wide (default: the terminal's width, or 80)", texts(["80", "120"])],
    ]);
  },
  async run(session, flags) {
    const { drawPreview } = await import("../draw.ts");
    return drawPreview(session, flags);
  },
};
