/** A Kerberos realm on loopback: its key server, and a Postgres that lets in who has a ticket. */
import { writeFileSync } from "node:fs";

const REALM = "EXAMPLE";
/** Postgres refuses root; the others have no need of it. */
const USER = "postgres";

/** What has to be installed. */
export const PROGRAMS = {
  krb5kdc: "krb5-kdc",
  kdb5_util: "krb5-kdc",
  "kadmin.local": "krb5-admin-server",
  kinit: "krb5-user",
  initdb: "postgresql",
  postgres: "postgresql",
  psql: "postgresql-client",
};

/**
 * @returns {Promise<{ kdc: number, server: number, how: import("../support/processes.mjs").How, query: string[] }>} pids;
 *   how clients are run (`psql` and `kinit`), and the one that asks the server something
 */
export async function startRealm(scene) {
  const folder = await scene.subfolder("realm", { user: USER });
  const [kdcPort, port] = [await scene.port(), await scene.port()];
  for (const [name, words] of Object.entries(settings(folder, kdcPort)))
    writeFileSync(`${folder}/${name}`, words);
  const profiles = { KRB5_CONFIG: `${folder}/krb5.conf`, KRB5_KDC_PROFILE: `${folder}/kdc.conf` };
  const env = { ...profiles, KRB5CCNAME: `FILE:${folder}/tickets`, KRB5RCACHEDIR: folder, LC_ALL: "C" };
  const how = { env, user: USER, cwd: folder };

  await scene.run(["kdb5_util", "create", "-s", "-r", REALM, "-P", "master"], how);
  const members = ["addprinc -pw secret +requires_preauth postgres", "addprinc -randkey postgres/localhost"];
  for (const command of [...members, `ktadd -k ${folder}/keytab postgres/localhost`]) {
    await scene.run(["kadmin.local", "-q", command], how);
  }
  const kdc = await scene.start("key server", ["krb5kdc", "-n"], how);
  await kdc.line(/commencing operation/);
  const server = await startPostgres(scene, how, folder, port);
  const address = `host=localhost hostaddr=127.0.0.1 port=${port} user=${USER} dbname=postgres gssencmode=disable`;
  return {
    kdc: kdc.pid,
    server: server.pid,
    how,
    query: ["psql", "-XqAt", address, "-c", "select 'welcome'"],
  };
}

/** The files of the realm. A client that reads `strict.conf` first does not adapt itself to the key server's time. */
function settings(folder, port) {
  return {
    "strict.conf": "[libdefaults]\nkdc_timesync = 0\n",
    "krb5.conf": `
[libdefaults]
default_realm = ${REALM}
dns_lookup_kdc = false
dns_canonicalize_hostname = false
[realms]
${REALM} = {
  kdc = 127.0.0.1:${port}
}
[dbmodules]
${REALM} = {
  db_library = db2
  database_name = ${folder}/principal
}
`,
    "kdc.conf": `
[kdcdefaults]
kdc_listen = 127.0.0.1:${port}
kdc_tcp_listen = 127.0.0.1:${port}
[realms]
${REALM} = {
  key_stash_file = ${folder}/stash
}
[logging]
kdc = STDERR
`,
  };
}

async function startPostgres(scene, how, folder, port) {
  const data = `${folder}/data`;
  await scene.run(["initdb", "-D", data, "-U", USER, "-A", "trust", "--no-locale", "--no-sync"], how);
  writeFileSync(`${data}/pg_hba.conf`, "host all all 127.0.0.1/32 gss include_realm=0\n");
  const network = ["listen_addresses=127.0.0.1", `port=${port}`, `unix_socket_directories=${folder}`];
  const options = [...network, `krb_server_keyfile=${folder}/keytab`, "fsync=off"].flatMap((each) => [
    "-c",
    each,
  ]);
  const server = await scene.start("Postgres", ["postgres", "-D", data, ...options], {
    ...how,
    stopBy: "SIGINT",
  });
  await server.line(/ready to accept connections/);
  return server;
}
