/**
 * When does who notice that a certificate of 90 days has ended? Clients that are started on another day, a check
 * that should warn a fortnight before, and a certificate that was renewed by a machine whose clock is ahead.
 */
import { demonstrate } from "../support/scene.mjs";

/** No settings of the reader's, and no proxy. */
const CURL = ["curl", "-q4sS", "--noproxy", "*", "--cacert"];
const WGET = ["wget", "--no-config", "--no-proxy", "-nv", "-O-"];
const PYTHON = "/usr/bin/python3";
const GET = "import sys, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(sys.argv[1])";
const NEW =
  "req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=localhost -addext subjectAltName=DNS:localhost";
const CHECK = "x509 -noout -checkend 1209600";
const REASON = /certificate (of \S+ )?(has expired|is not yet \w+|will (not )?expire)/i;

const programs = { openssl: "openssl", curl: "curl", wget: "wget", [PYTHON]: "python3" };

await demonstrate({ title: "A certificate of 90 days", programs }, async (scene) => {
  const env = { LC_ALL: "C", SSL_CERT_FILE: `${scene.folder}/0.pem` };
  const onDay = async (day, argv) => {
    const command = scene.under(["--offset", `${day}d`], argv);
    const { code, stdout, stderr } = await scene.run(command, { env, allowFailure: true });
    return {
      code,
      words: [`exit code ${code}`, REASON.exec(stderr + stdout)?.[0]].filter(Boolean).join(", "),
    };
  };
  const openssl = (day, words, ...further) => onDay(day, ["openssl", ...words.split(" "), ...further]);
  const { url, port, pem } = await serve(scene, 0, openssl);

  const clients = {
    curl: [...CURL, pem, url],
    wget: [...WGET, `--ca-certificate=${pem}`, url],
    Python: [PYTHON, "-c", GET, url],
  };
  for (const [name, argv] of Object.entries(clients)) {
    const [last, late, early] = [await onDay(89, argv), await onDay(91, argv), await onDay(-1, argv)];
    scene.claim(`on day 89 ${name} accepts it`, last.code === 0, last.words);
    scene.claim(`on day 91 ${name} refuses it`, late.code !== 0 && /expired/.test(late.words), late.words);
    scene.claim(`on day -1 ${name} refuses it`, early.code !== 0 && /not yet/.test(early.words), early.words);
  }
  const peek = await openssl(91, "s_client -connect", `127.0.0.1:${port}`, "-CAfile", pem);
  const isContent = peek.code === 0 && /certificate has expired/.test(peek.words);
  scene.claim("on day 91 s_client names the error, and ends with 0", isContent, peek.words);

  const [silent, warned] = [await openssl(75, CHECK, "-in", pem), await openssl(77, CHECK, "-in", pem)];
  scene.claim("a check for the next fortnight is silent on day 75", silent.code === 0, silent.words);
  scene.claim("and warns on day 77", warned.code === 1, warned.words);

  const renewed = await serve(scene, 60, openssl);
  const today = await onDay(0, [...CURL, renewed.pem, renewed.url]);
  scene.claim(
    "one that was renewed 60 days ahead is refused today",
    /not yet valid/.test(today.words),
    today.words,
  );
});

/** A server with a certificate that was made so many days ahead. */
async function serve(scene, day, openssl) {
  const [key, pem] = [`${scene.folder}/${day}.key`, `${scene.folder}/${day}.pem`];
  await openssl(day, NEW, "-keyout", key, "-out", pem);
  const port = await scene.port();
  const words = ["-quiet", "-www", "-accept", `127.0.0.1:${port}`, "-key", key, "-cert", pem];
  await scene.start("openssl s_server", ["openssl", "s_server", ...words]);
  const url = `https://localhost:${port}/`;
  await scene.until("a server", () => scene.run([...CURL, pem, "-k", url]));
  return { url, port, pem };
}
