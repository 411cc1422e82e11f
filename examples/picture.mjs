/**
 * Draws what happens, for the README: the clocks of three programs of one machine before, during and after a skew.
 *
 *     node examples/picture.mjs > examples/picture.svg
 */
import { pathToFileURL } from "node:url";
import { MARGIN, SANS, STYLE, WIDTH } from "./support/timeline/style.mjs";
import { element, px, rect, text } from "./support/timeline/xml.mjs";

const MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace";
const MINUTE = 60;
const START = 15 * 60 * MINUTE;

/** `off`: seconds that a program's clock is wrong by; `since`: seconds since the first scene. */
const SCENES = [
  { head: "before", command: "", since: 0, off: 0, foot: ["All programs of a machine", "have its clock."] },
  {
    head: "10 minutes behind",
    command: "timeskew inject --pid 1234 --offset -10m",
    since: 5,
    off: -10 * MINUTE,
    foot: ["One program's clock is wrong.", "It runs on, and was not restarted."],
  },
  {
    head: "after",
    command: "timeskew recover --pid 1234",
    since: 65,
    off: 0,
    foot: ["It is right again,", "byte for byte as it was."],
  },
];
const PROGRAMS = [
  { name: "your server", pid: 1234, isSkewed: true },
  { name: "its database", pid: 812, isSkewed: false },
  { name: "everything else", isSkewed: false },
];

const GAP = 14;
const PANEL = (WIDTH - 2 * MARGIN - (SCENES.length - 1) * GAP) / SCENES.length;
const COMMANDS_AT = 22;
const PANELS_AT = 62;
const ROW = 64;
const HEAD = 34;
const FOOT = 54;
const PANEL_HEIGHT = HEAD + PROGRAMS.length * ROW + FOOT;
const HEIGHT = PANELS_AT + PANEL_HEIGHT + MARGIN;
const RADIUS = 23;

/** @returns {string} the whole file */
export function picture() {
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    width: WIDTH,
    height: HEIGHT,
    role: "img",
    "font-family": SANS,
  };
  const parts = [
    text("title", {}, "One program of a machine gets a wrong clock, and the true time back"),
    text("desc", {}, SCENES.map(inWords).join(" ")),
    element("style", {}, STYLE),
    rect(0.5, 0.5, WIDTH - 1, HEIGHT - 1, { class: "ground", rx: 8 }),
    ...SCENES.map((scene, column) => drawScene(scene, MARGIN + column * (PANEL + GAP))),
  ];
  return `${element("svg", root, ...parts.map((part) => `\n${part}`), "\n")}\n`;
}

/** For who cannot see it. */
function inWords({ head, command, since, off }) {
  const clocks = PROGRAMS.map((each) => `${each.name} ${digits(clockOf(each, { since, off }))}`).join(", ");
  return `${command || head}: ${clocks}.`;
}

function clockOf({ isSkewed }, { since, off }) {
  return START + since + (isSkewed ? off : 0);
}

function drawScene(scene, x) {
  const kind = scene.off === 0 ? "muted" : "skew";
  const y = PANELS_AT;
  return [
    ...(scene.command === "" ? [] : [drawCommand(scene.command, x)]),
    rect(x + 0.5, y + 0.5, PANEL - 1, PANEL_HEIGHT, { class: "line", rx: 6 }),
    text("text", { x: px(x + 16), y: y + 24, class: kind, "font-size": 13, "font-weight": 600 }, scene.head),
    ...PROGRAMS.map((program, row) => drawProgram(program, scene, x, y + HEAD + row * ROW)),
    ...scene.foot.map((words, line) =>
      text(
        "text",
        { x: px(x + 16), y: y + PANEL_HEIGHT - FOOT + 24 + line * 17, class: "ink", "font-size": 13 },
        words,
      ),
    ),
  ].join("");
}

/** What was typed, and an arrow down to what came of it. */
function drawCommand(command, x) {
  const middle = px(x + PANEL / 2);
  const how = { class: "ink", "font-size": 11.5, "font-family": MONO, "text-anchor": "middle" };
  const arrow = `M${middle} ${COMMANDS_AT + 10}v${PANELS_AT - COMMANDS_AT - 16}m-5 -5l5 5l5 -5`;
  return (
    text("text", { x: middle, y: COMMANDS_AT, ...how }, command) +
    element("path", { d: arrow, class: "info-line", "stroke-width": 1.5 })
  );
}

function drawProgram(program, scene, x, y) {
  const seconds = clockOf(program, scene);
  const isWrong = program.isSkewed && scene.off !== 0;
  const [ink, line] = isWrong ? ["skew", "skew-line"] : ["ink", "info-line"];
  const middle = y + ROW / 2;
  const left = x + 16 + 2 * RADIUS + 14;
  const about = program.pid === undefined ? "on this machine" : `pid ${program.pid}`;
  return [
    ...(isWrong ? [rect(x + 7, y + 1, PANEL - 14, ROW - 2, { class: "skew-line", rx: 5 })] : []),
    drawFace(x + 16 + RADIUS, middle, seconds, line),
    text("text", { x: px(left), y: middle - 4, class: "ink", "font-size": 14 }, program.name),
    text("text", { x: px(left), y: middle + 14, class: "muted", "font-size": 12 }, about),
    text(
      "text",
      {
        x: px(x + PANEL - 18),
        y: middle + 6,
        class: ink,
        "font-size": 17,
        "font-weight": 600,
        "font-family": MONO,
        "text-anchor": "end",
      },
      digits(seconds),
    ),
  ].join("");
}

/** A dial with two hands. */
function drawFace(x, y, seconds, line) {
  const hours = seconds / 3600 / 12;
  const minutes = seconds / 3600;
  return [
    element("circle", { cx: px(x), cy: px(y), r: RADIUS, class: line, "stroke-width": 1.5 }),
    ...[0, 0.25, 0.5, 0.75].map((turn) => hand(x, y, turn, RADIUS - 4, RADIUS - 1, line, 1.5)),
    hand(x, y, hours, 0, RADIUS * 0.5, line, 3),
    hand(x, y, minutes, 0, RADIUS * 0.74, line, 1.8),
  ].join("");
}

/** @param {number} turn turns since twelve o'clock */
function hand(x, y, turn, from, to, line, width) {
  const [right, down] = [Math.sin(2 * Math.PI * turn), -Math.cos(2 * Math.PI * turn)];
  const d = `M${px(x + right * from)} ${px(y + down * from)}L${px(x + right * to)} ${px(y + down * to)}`;
  return element("path", { d, class: line, "stroke-width": width, "stroke-linecap": "round" });
}

/** "11:50:05" */
function digits(seconds) {
  const parts = [seconds / 3600, (seconds / MINUTE) % 60, seconds % 60];
  return parts.map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.stdout.write(picture());
