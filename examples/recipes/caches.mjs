/**
 * Three caches on loopback. Each can be filled with an entry of a minute, and says whether it has it.
 *
 * @typedef {{ pid: number, fill: () => Promise<unknown>, look: () => Promise<[isThere: boolean, words: string]> }} Cache
 */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";

/** @returns {Promise<Cache>} */
export async function startRedis(scene) {
  const port = String(await scene.port());
  const argv = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", ""];
  const { pid } = await scene.start("Redis", argv);
  const ask = async (...words) => (await scene.run(["redis-cli", "-p", port, ...words])).stdout.trim();
  await scene.until("Redis", async () => (await ask("PING")) === "PONG");
  const look = async () => {
    const answer = await ask("GET", "key");
    return [answer === "value", `GET: "${answer}"`];
  };
  return { pid, fill: () => ask("SET", "key", "value", "EX", "60"), look };
}

/** A proxy with a cache before an origin that says max-age=60; both are this nginx. @returns {Promise<Cache>} */
export async function startNginx(scene) {
  const port = await scene.port();
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const configuration = `
    daemon off; pid nginx.pid; error_log stderr; ${process.getuid() === 0 ? "user root;" : ""}
    events {}
    http {
      access_log off;
      ${kinds.map((kind) => `${kind}_temp_path ${kind};`).join(" ")}
      proxy_cache_path cache keys_zone=pages:1m;
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://127.0.0.1:${port}/origin;
          proxy_cache pages;
          add_header X-Cache-Status $upstream_cache_status;
        }
        location /origin { add_header Cache-Control max-age=60; return 200; }
      }
    }`;
  writeFileSync(`${scene.folder}/nginx.conf`, configuration);
  const { pid } = await scene.start("nginx", [
    "nginx",
    "-p",
    scene.folder,
    "-c",
    "nginx.conf",
    "-e",
    "stderr",
  ]);
  const get = async () => {
    const { stdout } = await scene.run(["curl", "-qsSi", "--noproxy", "*", `http://127.0.0.1:${port}/`]);
    return /X-Cache-Status: \w+/.exec(stdout)[0];
  };
  await scene.until("nginx", get);
  const look = async () => {
    const words = await get();
    return [words.endsWith("HIT"), words];
  };
  return { pid, fill: get, look };
}

/**
 * @param {readonly string[]} [verbs] of `timeskew run`
 * @returns {Promise<Cache & { fill: (until?: number) => Promise<unknown> }>} `until`: a moment, s since 1970
 */
export async function startMemcached(scene, verbs) {
  const port = await scene.port();
  const argv = ["memcached", "-l", "127.0.0.1", "-p", String(port), "-u", "nobody"];
  const { pid } = await scene.start("memcached", verbs ? scene.under(verbs, argv) : argv);
  const ask = async (words) => {
    const socket = connect(port, "127.0.0.1").setEncoding("latin1");
    socket.write(`${words}\r\n`);
    const [answer] = await once(socket, "data");
    socket.destroy();
    return answer;
  };
  await scene.until("memcached", () => ask("version"));
  const uptime = async () => /STAT uptime (\d+)/.exec(await ask("stats"))[1];
  const look = async () => {
    const before = await uptime();
    await scene.until("its look at its clock, once a second", async () => (await uptime()) !== before);
    const answer = await ask("get key");
    return [answer.startsWith("VALUE"), answer.split("\r\n")[0]];
  };
  return { pid, fill: (until = 60) => ask(`set key 0 ${until} 5\r\nvalue`), look };
}
