/**
 * A token of ten minutes, when the clock of who verifies it is wrong, or of who issued it: what PyJWT and Crypt::JWT
 * say of it, without leeway and with one of a minute.
 */
import { fileURLToPath } from "node:url";
import { demonstrate } from "../support/scene.mjs";

const PYTHON = "/usr/bin/python3";
const [TOKENS_PY, TOKENS_PL] = ["tokens.py", "tokens.pl"].map((name) =>
  fileURLToPath(new URL(name, import.meta.url)),
);
const KEY = "a key of thirty-two bytes or more";

const ACCEPTED = /^accepted/;
const EXPIRED = /^ExpiredSignatureError|^JWT: exp claim check failed/;
const EARLY = /^ImmatureSignatureError|^JWT: nbf claim check failed/;

const programs = {
  [PYTHON]: "python3",
  "/usr/lib/python3/dist-packages/jwt/__init__.py": "python3-jwt",
  "/usr/share/perl5/Crypt/JWT.pm": "libcrypt-jwt-perl",
};

await demonstrate({ title: "A token of ten minutes", programs }, async (scene) => {
  const python = (name) => startDialog(scene, name, [PYTHON, TOKENS_PY, KEY]);
  const [issuer, pyjwt] = [await python("issuer"), await python("PyJWT")];
  const perl = await startDialog(scene, "Crypt::JWT", ["perl", TOKENS_PL, KEY]);
  const verifiers = ["--pid", pyjwt.pid, "--pid", perl.pid];

  /** @param {readonly RegExp[]} words of PyJWT, and of Crypt::JWT */
  const expect = async (what, token, leeway, ...words) => {
    for (const [index, verifier] of [pyjwt, perl].entries()) {
      const said = await verifier.ask(`verify ${leeway} ${token}`);
      scene.claim(`${what}: ${verifier.name}`, words.at(index).test(said), said);
    }
  };
  const token = await issuer.ask("issue 600 nbf");
  await expect("with the true time", token, 0, ACCEPTED, ACCEPTED);

  await scene.timeskew("inject", ...verifiers, "--offset", "15m");
  await expect("15 min ahead, a leeway of 1 min", token, 60, EXPIRED, EXPIRED);
  await scene.timeskew("inject", ...verifiers, "--offset", "-30s");
  const [issuedAt, notBefore] = [await issuer.ask("issue 600"), await issuer.ask("issue 600 nbf")];
  await expect("30 s behind, a token with iat", issuedAt, 0, EARLY, ACCEPTED);
  await expect("30 s behind, a token with nbf", notBefore, 0, EARLY, EARLY);
  await expect("30 s behind, a leeway of 1 min", notBefore, 60, ACCEPTED, ACCEPTED);
  await scene.timeskew("recover", ...verifiers);

  await scene.timeskew("inject", "--pid", issuer.pid, "--offset", "-15m");
  const old = await issuer.ask("issue 600 nbf");
  await expect("issued by who is 15 min behind", old, 0, EXPIRED, EXPIRED);
  await scene.timeskew("inject", ...verifiers, "--offset", "-15m");
  await expect("the same, verified by who is behind, too", old, 0, ACCEPTED, ACCEPTED);
});

/** Each line is answered by one. */
async function startDialog(scene, name, argv) {
  const actor = await scene.start(name, argv);
  const ask = async (line) => {
    const count = actor.lines.length;
    actor.write(`${line}\n`);
    return (await actor.line((_, each) => actor.lines.indexOf(each) >= count, `an answer to ${line}`)).text;
  };
  return { name, pid: actor.pid, ask };
}
