/**
 * "Clock skew too great": a Kerberos realm of which one member after the other is off by ten minutes, the client, the
 * service that the ticket is for (a Postgres), and the key server.
 */
import { rmSync } from "node:fs";
import { demonstrate } from "../support/scene.mjs";
import { PROGRAMS, startRealm } from "./realm.mjs";

const [TOO_GREAT, NOT_YET] = [/Clock skew too great/, /Ticket not yet valid/];

await demonstrate({ title: "Clock skew too great", programs: PROGRAMS }, async (scene) => {
  const { kdc, server, how, query } = await startRealm(scene);

  /** @returns {Promise<string>} what the server answers, or why there is no ticket, or why it is refused */
  const logIn = async (under = (argv) => argv, configuration = how.env.KRB5_CONFIG) => {
    const client = { ...how, env: { ...how.env, KRB5_CONFIG: configuration }, allowFailure: true };
    rmSync(`${how.cwd}/tickets`, { force: true });
    const ticket = await scene.run(under(["kinit", "postgres"]), { ...client, input: "secret\n" });
    if (ticket.code !== 0) return ticket.stderr.trim();
    const { stdout, stderr } = await scene.run(under(query), client);
    return /information: (.*)/.exec(stderr)?.[1] ?? `${stdout}${stderr}`.trim();
  };
  const claim = (words, said, expected = /^welcome$/) => scene.claim(words, expected.test(said), said);
  const inject = (pid, offset) => scene.timeskew("inject", "--pid", pid, "--offset", offset);

  claim("with the true time it is let in", await logIn());
  const ahead = (argv) => scene.under(["--offset", "10m"], argv);
  claim("a client ten minutes ahead is let in: kinit takes over the key server's time", await logIn(ahead));
  const strict = await logIn(ahead, `${how.cwd}/strict.conf:${how.env.KRB5_CONFIG}`);
  claim("without that (kdc_timesync = 0) it gets no ticket", strict, TOO_GREAT);

  await inject(server, "4m");
  claim("a server four minutes ahead lets it in", await logIn());
  await inject(server, "10m");
  claim("a server ten minutes ahead refuses it", await logIn(), TOO_GREAT);
  await inject(server, "-10m");
  claim("a server ten minutes behind refuses it", await logIn(), NOT_YET);
  await scene.timeskew("recover", "--pid", server);

  await inject(kdc, "10m");
  claim("by a ticket of a key server ten minutes ahead it is refused", await logIn(), NOT_YET);
  await inject(kdc, "-10m");
  claim("and by one of a key server ten minutes behind", await logIn(), TOO_GREAT);
});
