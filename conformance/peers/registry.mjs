// SPDX-License-Identifier: Apache-2.0
// A registry of images in the place of the public ones, for suites that fetch theirs: whatever image is asked for is busybox, with the
// users, ports and programs that the suites know the image for.
//
//   node registry.mjs FOLDER PORT      serves what makeRegistry has made, on 127.0.0.1; with TLS on port 443 as well, if it has a key
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, linkSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { makeRoot, pack } from "./image.mjs";
import { firstLine, sh } from "./run.mjs";

const TYPE = "application/vnd.docker";
const MANIFEST = `${TYPE}.distribution.manifest.v2+json`;
const INDEX = `${TYPE}.distribution.manifest.list.v2+json`;
const TLS_PORT = 443;
const PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

/** Says with whose rights it runs: its file is set-uid. */
const EFFECTIVE = `#include <stdio.h>
#include <unistd.h>
int main(void) { printf("Effective uid: %d\\n", geteuid()); return 0; }
`;

/** A web server that is called as nginx's first process is, and says that it is httpd. */
const SERVER = `#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void end(int signal) { _exit(signal - SIGTERM); }
int main(int count, char **words) {
  const char answer[] = "HTTP/1.0 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nIt works\\n";
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(words[count - 1]))};
  int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  char request[4096];
  signal(SIGTERM, end);
  signal(SIGPIPE, SIG_IGN);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 16) != 0) return perror("httpd"), 1;
  FILE *file = fopen("/var/run/nginx.pid", "w");
  if (file != NULL) fprintf(file, "%d\\n", getpid()), fclose(file);
  puts("httpd"), fflush(stdout);
  for (;;) {
    int peer = accept(listener, NULL, NULL);
    if (peer < 0) continue;
    if (read(peer, request, sizeof request) > 0) write(peer, answer, strlen(answer));
    close(peer);
  }
}
`;
const server = (port) => ["nginx", "master process", String(port)];

/** Programs that suites call and Debian's busybox lacks, as far as the suites need them. */
const SCRIPTS = {
  pgrep: `#!/bin/sh
ps -o pid,comm | awk -v name="$1" '$2 == name {print $1; found = 1} END {exit !found}'
`,
  bash: `#!/bin/sh
exec sh "$@"
`,
  ipcs: `#!/bin/sh
awk 'NR > 1 {printf "0x%08x %s %s %s %s\\n", $1, $2, $8, $3, $4}' /proc/sysvipc/shm
`,
};

/** What an image differs in, by the end of its name; the first that fits counts. */
const KINDS = [
  [/hostnet-nginx-\w+$/, { config: { Cmd: server(12_003) }, layer: "server" }],
  [/(nginx|httpd)$/, { config: { Cmd: server(80), ExposedPorts: { "80/tcp": {} } }, layer: "server" }],
  [/user-uid$/, { config: { User: "1002" } }],
  [/user-username$/, { config: { User: "www-data" } }],
  [/user-uid-group$/, { config: { User: "1003:1004" } }],
  [/user-username-group$/, { config: { User: "www-data:1004" } }],
  [/predefined-group$/, { config: { User: "1000" }, layer: "group" }],
  [/nonewprivs$/, { config: { Cmd: ["effective"] }, layer: "effective" }],
  [/pause$/, { config: { Cmd: ["sleep", "1000000"] } }],
  [/volume-copy-up$/, { layer: "volume", config: { Volumes: { "/test_dir": {} } } }],
  [/volume-ownership$/, { layer: "owned", config: { Volumes: { "/volumes": {} } } }],
  [/./, {}],
];

const digestOf = (data) => `sha256:${createHash("sha256").update(data).digest("hex")}`;

/** Further layers, by name: words of a shell that make them in the current directory. */
function layers(work) {
  const base = join(work, "registry-root");
  return {
    group: `mkdir etc; cp ${base}/etc/passwd ${base}/etc/group etc
      echo default-user:x:1000:1000::/home/default-user:/bin/sh >>etc/passwd
      printf '%s\\n' default-user:x:1000: group-defined-in-image:x:50000:default-user >>etc/group`,
    effective: "mkdir bin; cc -static -O1 -o bin/effective ../effective.c; chmod 4755 bin/effective",
    server: "mkdir bin; cc -static -O1 -w -o bin/nginx ../server.c",
    volume: "mkdir test_dir; echo test_content >test_dir/test_file",
    owned: "mkdir -p volumes/test_dir; chown 65534:65534 volumes/test_dir; chown 65533:65533 volumes",
  };
}

/** Makes the layers. @returns the folder to serve @throws Error */
export function makeRegistry(work) {
  const folder = join(work, "registry");
  mkdirSync(folder);
  writeFileSync(join(work, "effective.c"), EFFECTIVE);
  writeFileSync(join(work, "server.c"), SERVER);
  const root = makeRoot(join(work, "registry-root"), linkSync);
  appendFileSync(join(root, "etc/passwd"), "sys:x:3:3:sys:/dev:/bin/false\n");
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(root, "bin", name), text, { mode: 0o755 });
  const add = (name, from) => {
    const archive = join(work, `${name}.tar`);
    pack(from, archive);
    const data = readFileSync(archive);
    writeFileSync(join(folder, `${name}.tar.gz`), gzipSync(data, { level: 1 }));
    writeFileSync(join(folder, `${name}.diff`), digestOf(data));
  };
  add("base", root);
  for (const [name, script] of Object.entries(layers(work))) {
    const from = join(work, `registry-${name}`);
    mkdirSync(from);
    const made = sh(`set -e; ${script}`, { cwd: from });
    if (made.status !== 0) throw new Error(`the layer "${name}": ${firstLine(made.stderr)}`);
    add(name, from);
  }
  return folder;
}

/** Makes a key of the registry for hosts that clients reach by TLS alone. @returns the path of what they have to trust @throws Error */
export function makeKey(folder, hosts) {
  const names = hosts.map((host) => `DNS:${host}`).join(",");
  const words = `-newkey rsa:2048 -nodes -days 2 -subj /CN=registry -addext 'subjectAltName=${names}'`;
  const made = sh(`openssl req -x509 ${words} -keyout '${folder}/key.pem' -out '${folder}/cert.pem'`);
  if (made.status !== 0) throw new Error(`openssl: ${firstLine(made.stderr)}`);
  return join(folder, "cert.pem");
}

/** Words of a shell that serve `folder` until the shell's namespace ends, and wait for it. */
export function serveWords(folder, port) {
  const program = join(import.meta.dirname, "registry.mjs");
  return `'${process.execPath}' '${program}' '${folder}' ${port} >'${folder}/../registry.log' 2>&1 &
for i in $(seq 100); do '${process.execPath}' -e 'fetch("http://127.0.0.1:${port}/v2/").then(() => process.exit(0), () => process.exit(1))' && break; done
`;
}

/** What is stored, by digest; images join it when they are asked for. */
class Store {
  #blobs = new Map();
  #layers = new Map();
  #folder;

  constructor(folder) {
    this.#folder = folder;
  }

  put(type, data) {
    const digest = digestOf(data);
    this.#blobs.set(digest, { type, data });
    return { mediaType: type, digest, size: data.length };
  }

  putJson(type, value) {
    return this.put(type, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, ...value })));
  }

  get(digest) {
    return this.#blobs.get(digest);
  }

  #layer(name) {
    if (!this.#layers.has(name)) {
      const data = readFileSync(join(this.#folder, `${name}.tar.gz`));
      const diff = readFileSync(join(this.#folder, `${name}.diff`), "utf8");
      this.#layers.set(name, { ...this.put(`${TYPE}.image.rootfs.diff.tar.gzip`, data), diff });
    }
    return this.#layers.get(name);
  }

  /** The image of a name, whatever its tag; another name is another image. @returns the digest of its index */
  image(name) {
    const [, { config = {}, layer }] = KINDS.find(([pattern]) => pattern.test(name));
    const all = ["base", ...(layer === undefined ? [] : [layer])].map((each) => this.#layer(each));
    const platform = { architecture: process.arch === "x64" ? "amd64" : process.arch, os: "linux" };
    const image = {
      ...platform,
      created: "2026-01-01T00:00:00Z",
      config: { Env: [PATH], Cmd: ["sh"], Labels: { name: name.split("/").at(-1) }, ...config },
      rootfs: { type: "layers", diff_ids: all.map(({ diff }) => diff) },
      history: all.map(() => ({ created: "2026-01-01T00:00:00Z", created_by: "registry.mjs" })),
    };
    const manifest = this.putJson(MANIFEST, {
      config: this.put(`${TYPE}.container.image.v1+json`, Buffer.from(JSON.stringify(image))),
      layers: all.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    });
    return this.putJson(INDEX, { manifests: [{ ...manifest, platform }] }).digest;
  }
}

function serve(folder, port) {
  const store = new Store(folder);
  const answer = (request, response) => {
    const [, name, kind, reference] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)/.exec(request.url) ?? [];
    if (name === undefined) return response.writeHead(request.url.startsWith("/v2/") ? 200 : 404).end();
    const index = store.image(name);
    const digest = kind === "manifests" && !reference.startsWith("sha256:") ? index : reference;
    const found = store.get(digest);
    if (found === undefined) return response.writeHead(404).end();
    const head = { "Content-Type": found.type, "Content-Length": found.data.length, "Docker-Content-Digest": digest };
    return response.writeHead(200, head).end(request.method === "HEAD" ? undefined : found.data);
  };
  createServer(answer).listen(port, "127.0.0.1");
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
  if (!existsSync(key)) return;
  createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, answer).listen(TLS_PORT, "127.0.0.1");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , folder, port] = process.argv;
  serve(folder, Number(port));
}
