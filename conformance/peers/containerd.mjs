// SPDX-License-Identifier: Apache-2.0
// containerd's integration tests of its client, from a clone of containerd/containerd in which they and the daemon have been built.
// They run beneath that containerd, with a registry of images made of busybox: once with runt as the shim, once with containerd's own
// shim and runt, once with it and runc. Tests that name containerd's own shim use it in every column.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BUSYBOX } from "./image.mjs";
import { makeKey, makeRegistry, serveWords } from "./registry.mjs";
import { sh } from "./run.mjs";

export const repository = "containerd/containerd";
export const mark = "integration/client/client_test.go";
export const peer = "runc";
export const linkName = "runc";
export const shimName = "containerd-shim-runt-v2";
export const cgroupV1Alone = false;
const STALL_MS = 1_000_000;
/** The suite ends itself after that, with a trace of what hangs. */
const TIMEOUT = "15m";
const PORT = 5000;
/** They wait for an nc that gives up by itself, which Debian's busybox has not. */
const SKIPPED = "TestBindLowPort.*";
const PROGRAMS = ["containerd", "containerd-shim-runc-v2", "client.test"];
/** The registries that it asks. Some releases read the file with other names of images too late. */
const HOSTS = ["ghcr.io", "registry.k8s.io"];

/** @returns the reason why nothing of it can run, or undefined */
export function missing(clone) {
  const lacking = PROGRAMS.filter((name) => !existsSync(join(clone, "bin", name)));
  if (lacking.length > 0)
    return `it is not built: ${join(clone, "bin")} lacks ${lacking.join(", ")}; "go build -o bin ./cmd/..." and "go test -c -o bin/client.test ./integration/client" there build it`;
  if (sh("command -v openssl").status !== 0) return "openssl is missing; it makes a key for the registry of images";
  if (sh("command -v cc").status !== 0) return "a C compiler is missing; it builds a program of the images";
  return existsSync(BUSYBOX) ? undefined : `${BUSYBOX} is missing (Debian's package busybox-static); the images are made of it`;
}

/** @returns notes @throws Error */
export function prepare(_clone, work) {
  makeKey(makeRegistry(work), HOSTS);
  writeFileSync(join(work, "hosts"), `127.0.0.1 localhost ${HOSTS.join(" ")}\n`);
  // From what "go test" prints to TAP. A test that has begun and has no end has failed.
  writeFileSync(
    join(work, "tap.mjs"),
    `import { readFileSync } from "node:fs";
const verdicts = new Map();
for (const line of readFileSync(process.argv[2], "utf8").split("\\n")) {
  const begun = /^=== RUN +(\\S+)$/.exec(line)?.[1];
  if (begun !== undefined && !begun.includes("/")) verdicts.set(begun, "FAIL");
  const [, verdict, name] = /^--- (PASS|FAIL|SKIP): (\\S+) /.exec(line) ?? [];
  if (name !== undefined) verdicts.set(name, verdict);
}
console.log("1.." + verdicts.size);
[...verdicts].forEach(([name, verdict], index) => {
  console.log((verdict === "FAIL" ? "not ok " : "ok ") + (index + 1) + " - " + name + (verdict === "SKIP" ? " # skip" : ""));
});
`,
  );
  return [];
}

/** One file: it is one program. WORDS of the table's names would need a run each. */
export function files() {
  return ["client"];
}

export function command(clone, work, _file, runtime) {
  const isShim = basename(runtime) === shimName;
  const folder = join(work, `client-${basename(dirname(runtime))}`);
  mkdirSync(folder, { recursive: true });
  const chosen = process.env.CLIENT_TESTS === undefined ? "" : `-test.run '${process.env.CLIENT_TESTS}'`;
  const script = `mount -t tmpfs -o mode=755 tmpfs /run; mount -t tmpfs -o mode=755 tmpfs /var/lib; mount --bind '${work}/hosts' /etc/hosts; mkdir -p /run/lock
${serveWords(join(work, "registry"), PORT)}cd '${clone}/integration/client'
'${clone}/bin/client.test' -test.root -test.v -test.timeout ${TIMEOUT} -test.skip '${SKIPPED}' ${chosen} >'${folder}/out' 2>&1 </dev/null
cat '${folder}/out' >&2
exec '${process.execPath}' '${work}/tap.mjs' '${folder}/out'`;
  const env = {
    PATH: [dirname(runtime), join(clone, "bin"), process.env.PATH].join(":"),
    // Two tests call a wrapper of runc, which is built apart, and would be no part of a shim.
    RUNC_FLAVOR: "without-wrapper",
    SSL_CERT_FILE: join(work, "registry/cert.pem"),
    TEST_RUNTIME: isShim ? "io.containerd.runt.v2" : "io.containerd.runc.v2",
  };
  return { words: ["sh", "-c", script], env, stallMs: STALL_MS };
}

/** The cgroups of the tests, empty once their processes have ended with the namespace. */
export function cleanUp() {
  const names = ["testing", "default", "test", "containerd-test"];
  const places = names.flatMap((name) => [`/sys/fs/cgroup/*/${name}`, `/sys/fs/cgroup/${name}`]);
  sh(`for at in ${places.join(" ")}; do [ -d "$at" ] && find "$at" -depth -type d -exec rmdir {} \\;; done`);
}
