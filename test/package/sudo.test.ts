/**
 * What becomes of `sudo timeskew` under Debian's sudo, which looks for programs in its own secure_path: README.md says how to
 * call the program then, by where npm has put it. Whatever way it was called, the undo command that it names works.
 */
import { expect, type TestContext, test } from "vitest";
import { MINUTE } from "../support/clock.ts";
import { Dialog } from "../support/dialog.ts";
import { type NodeRoot, needNodeRoot } from "../support/installs.ts";
import { needPacking, pack } from "../support/packed.ts";
import type { Ended } from "../support/programs.ts";
import { shared } from "../support/shared.ts";
import { error, succeed, TELLER } from "./trial.ts";

const packed = shared(needPacking, pack);

const ALICE = { uid: 1000, home: "/home/alice" };
/** A user who may do anything by sudo, and to whom npm's cache belongs. */
const USER = `
  useradd --create-home --uid 1000 --shell /bin/bash alice
  echo 'alice ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/alice
  echo "127.0.0.1 localhost $(hostname)" > /etc/hosts
  chown -R alice /npm-cache`;

interface Place {
  /** How README.md calls it. */
  readonly name: string;
  /** By root, before anything is installed. */
  readonly prepare?: string;
  readonly install: string;
  /** What a shell of alice has been told. */
  readonly shell: string;
  /** Ways to call it, in her shell; where one does not work: what is said then. */
  readonly works: readonly string[];
  readonly fails: Readonly<Record<string, RegExp>>;
}

const PATHS = 'sudo env "PATH=$PATH" timeskew';
const BY_PATH = 'sudo "$(command -v timeskew)"';
const NOT_FOUND = /^sudo: timeskew: command not found$/m;

const PLACES: readonly Place[] = [
  {
    name: "installed for everybody",
    install: "npm config set --global offline=true cache=/npm-cache && npm install -g /timeskew.tgz",
    shell: "",
    works: ["sudo timeskew", "sudo npx timeskew", PATHS],
    fails: {},
  },
  {
    name: "installed in a folder of one's own",
    install: "npm config set prefix ~/.npm-global && npm install -g /timeskew.tgz",
    shell: "PATH=~/.npm-global/bin:$PATH",
    works: [BY_PATH, PATHS],
    fails: { "sudo timeskew": NOT_FOUND, "sudo -E timeskew": NOT_FOUND },
  },
  {
    name: "installed by nvm's Node",
    prepare: `
      node=/home/alice/.nvm/versions/node/v24
      mkdir -p $node/bin $node/lib
      mv /usr/local/bin/node /usr/local/bin/npm /usr/local/bin/npx $node/bin
      mv /usr/local/lib/node_modules $node/lib
      chown -R alice /home/alice/.nvm`,
    install: "npm install -g /timeskew.tgz",
    shell: "PATH=~/.nvm/versions/node/v24/bin:$PATH",
    works: [
      PATHS,
      'sudo "$(command -v node)" "$(command -v timeskew)"',
      'sudo env "PATH=$PATH" npx timeskew',
    ],
    fails: {
      "sudo timeskew": NOT_FOUND,
      "sudo npx timeskew": /^sudo: npx: command not found$/m,
      [BY_PATH]: /env: .?node.?: No such file or directory/,
    },
  },
  {
    name: "installed in a project",
    install: "mkdir ~/project && cd ~/project && npm init --yes && npm install /timeskew.tgz",
    shell: "cd ~/project",
    works: ["sudo npx timeskew", "sudo node_modules/.bin/timeskew"],
    fails: { "sudo timeskew": NOT_FOUND },
  },
];

async function inShell(system: NodeRoot, { shell }: Place, command: string): Promise<Ended> {
  return await system.run(["bash", "-c", `cd; ${shell}\n${command}`], ALICE);
}

/** It is installed there; by root, if it is for everybody. */
async function installed(context: TestContext, place: Place): Promise<NodeRoot> {
  const { file } = await packed(context);
  const system = await needNodeRoot(context, { node: "24", npm: "12", packages: ["sudo"] }, file);
  await succeed(system, "sh", "-ec", `${USER}\n${place.prepare ?? ""}`);
  const { code, stderr } = await system.run(
    ["bash", "-ec", `cd; ${place.shell.startsWith("PATH") ? place.shell : ""}\n${place.install}`],
    place.shell === "" ? {} : ALICE,
  );
  expect(code, stderr).toBe(0);
  return system;
}

test.for(PLACES)("$name", async (place, context) => {
  await using system = await installed(context, place);
  await using teller = await Dialog.start(system.command(TELLER, ALICE));
  for (const way of place.works) {
    expect(await error(teller, 0n)).toBe(0n);
    const flags = `--pid ${teller.pid} --offset -10m --stop-timeout 20s`;
    const { code, stdout, stderr } = await inShell(system, place, `${way} inject ${flags}`);
    expect(code, `${way}\n${stderr}`).toBe(0);
    expect(await error(teller, -10n * MINUTE)).toBe(0n);
    const [, undo = ""] = /^ *undo: (.*)$/m.exec(stdout) ?? [];
    expect(undo, stdout).toMatch(/^sudo .* --pid \d+$/);
    const undone = await inShell(system, place, undo);
    expect(undone.code, `${way}\n${undo}\n${undone.stderr}`).toBe(0);
    expect(await error(teller, 0n)).toBe(0n);
  }
  for (const [way, words] of Object.entries(place.fails)) {
    const { code, stderr } = await inShell(system, place, `${way} --version`);
    expect({ way, code: code === 0, stderr }).toMatchObject({
      code: false,
      stderr: expect.stringMatching(words),
    });
  }
});
