/**
 * What is done with files by their age: logrotate, which keeps four old logs, find -mtime, and make. The times of files are
 * the kernel's, and true; what these programs compare them with is wrong.
 */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { demonstrate } from "../support/scene.mjs";

const programs = { logrotate: "logrotate", find: "findutils", make: "make" };

await demonstrate({ title: "Old files", programs }, async (scene) => {
  const onDay = async (day, ...argv) => {
    const { stdout, stderr } = await scene.run(scene.under(["--offset", `${day}d`], argv), {
      env: { LC_ALL: "C" },
    });
    return stdout + stderr;
  };
  await logs(scene, onDay);
  writeFileSync(`${scene.folder}/report`, "written today");

  const find = ["find", scene.folder, "-name", "report"];
  const [today, later] = [await onDay(0, ...find, "-mtime", "+7"), await onDay(9, ...find, "-mtime", "+7")];
  scene.claim("today nothing is older than a week", today === "", today);
  scene.claim(
    "nine days ahead, find takes for old what was written just now",
    later.includes("report"),
    later.trim(),
  );

  writeFileSync(`${scene.folder}/Makefile`, "copy: report\n\tcp report copy\n");
  const built = await onDay(-1, "make", "-C", scene.folder);
  const warning = /Clock skew detected.*/.exec(built)?.[0];
  scene.claim(
    "a day behind, make says that something is wrong with the time",
    warning,
    warning ?? built.trim(),
  );
});

/** A log of which the last four days are kept: logrotate is started often, and does something once a day. */
async function logs(scene, onDay) {
  const { folder } = scene;
  const configuration = `${folder}/logrotate.conf`;
  writeFileSync(configuration, `${folder}/app.log { daily\nrotate 4\n }`, { mode: 0o644 });
  const rotate = async (day, words) => {
    appendFileSync(`${folder}/app.log`, words, { mode: 0o644 });
    const said = await onDay(day, "logrotate", "--verbose", "--state", `${folder}/state`, configuration);
    return /last rotated in the future.*|log (does not need|needs) rotating/.exec(said)?.[0];
  };
  const first = await rotate(0, "of today");
  scene.claim("today logrotate leaves the log alone", first === "log does not need rotating", first);
  const said = [];
  for (const day of [2, 0, 2, 0, 2]) said.push(await rotate(day, "of a moment later"));
  const isForced = said[1] === said[3] && /rotation forced/.test(said[1]);
  scene.claim(
    "two days ahead and back in turns, it rotates each time",
    said[0] === "log needs rotating" && isForced,
    said[1],
  );
  const kept = readdirSync(folder).filter((name) => name.startsWith("app.log"));
  const isLost = kept.every((name) => !readFileSync(`${folder}/${name}`, "utf8").includes("of today"));
  scene.claim("and what was written today has been deleted", isLost, `there are ${kept.join(", ")}`);
}
