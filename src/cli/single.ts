/** Where the single binary begins: what bin/timeskew.js is otherwise. CommonJS has no await here. */
process.exitCode = 1; // should what follows never come to an end, that was no success
const entry = process.argv[2] === "supervise" ? import("./supervise.ts") : import("./main.ts");

entry
  .then(({ main }) => main())
  .then((exitCode) => {
    process.exitCode = exitCode;
  });
