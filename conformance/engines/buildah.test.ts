// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RUNTIME } from "../harness/runtime.ts";
import { engine } from "./engine.ts";
import { Podman, PODMAN_PACKAGES } from "./podman.ts";

/** Runs buildah, and throws if it fails. */
function buildah(p: Podman, ...args: string[]): string {
  const done = p.run(["buildah", ...args]);
  if (done.status !== 0) throw new Error(`buildah ${args.join(" ")}: exit ${done.status}: ${done.output}`);
  return done.stdout.trim();
}

/** A folder to build from. */
function context(p: Podman, name: string, containerfile: string): string {
  const folder = join(p.pg.dir, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "Containerfile"), containerfile);
  writeFileSync(join(folder, "hello.txt"), "hello\n");
  return folder;
}

engine("podman build and buildah", PODMAN_PACKAGES, (pg) => new Podman(pg), {
  "podman build: RUN, COPY, USER, WORKDIR, ENV, CMD"(t, p) {
    const folder = context(
      p,
      "plain",
      `FROM localhost/box
RUN mkdir -p /app && id -u >/app/builder
COPY hello.txt /app/
ENV GREETING=hi
USER user
WORKDIR /app
CMD ["sh", "-c", "id -un; pwd; cat builder hello.txt; echo $GREETING"]
`,
    );
    p.must("build", "-q", "--network", "none", "-t", "plain", folder);
    t.equal(p.once("plain").stdout, "user\n/app\n0\nhello\nhi\n");
  },
  "podman build in stages, with ARG, and a RUN on the bridge"(t, p) {
    const folder = context(
      p,
      "stages",
      `FROM localhost/box AS first
ARG WORD=none
RUN echo $WORD >/made; ip -4 addr show eth0 | grep -c inet >/address
FROM localhost/box
COPY --from=first /made /address /
`,
    );
    p.must("build", "-q", "--build-arg", "WORD=given", "-t", "stages", folder);
    t.equal(p.once("stages", "cat", "/made", "/address").stdout, "given\n1\n");
  },
  "podman build fails with the command's exit code, and names it"(t, p) {
    const done = p.podman("build", "--network", "none", context(p, "fails", "FROM localhost/box\nRUN echo before; exit 42\n"));
    t.equal(done.status, 42);
    t.match(done.output, "before");
    t.match(done.output, /exit status 42/);
  },
  "podman build: limits, capabilities, a secret and a volume reach RUN"(t, p) {
    const folder = context(
      p,
      "limits",
      `FROM localhost/box
RUN --mount=type=secret,id=word cat /run/secrets/word >/copied
RUN cat /sys/fs/cgroup/memory/memory.limit_in_bytes /v/from >/seen; chown 5 /tmp || echo refused >>/seen
`,
    );
    writeFileSync(join(p.pg.dir, "from"), "volume\n");
    writeFileSync(join(p.pg.dir, "word"), "secret\n");
    const flags = [
      "--memory",
      "48m",
      "-v",
      `${p.pg.dir}:/v:ro`,
      "--secret",
      `id=word,src=${p.pg.dir}/word`,
      "--cap-drop",
      "chown",
    ];
    p.pg.streams.programWrites("chown: /tmp: Operation not permitted");
    p.must("build", "-q", "--network", "none", ...flags, "-t", "limits", folder);
    t.match(p.once("limits", "cat", "/copied", "/seen").stdout, /^secret\n50331648\nvolume\nrefused\n/);
  },
  "buildah from, run, copy, config, commit"(t, p) {
    const made = buildah(p, "from", "--name", "work", "localhost/box");
    t.equal(made, "work");
    t.equal(
      buildah(p, "run", "--runtime", RUNTIME, "work", "--", "sh", "-c", "echo done >/result; hostname >/dev/null; cat /result"),
      "done",
    );
    writeFileSync(join(p.pg.dir, "file"), "copied\n");
    buildah(p, "copy", "work", join(p.pg.dir, "file"), "/file");
    buildah(p, "config", "--cmd", '["cat","/result","/file"]', "work");
    buildah(p, "commit", "-q", "work", "localhost/committed");
    t.equal(p.once("committed").stdout, "done\ncopied\n");
  },
  "buildah run: exit code, user, environment, volume, stdin"(t, p) {
    const run = (input: string, ...args: string[]) => p.run(["buildah", "run", "--runtime", RUNTIME, ...args], { input });
    t.equal(run("", "work", "--", "sh", "-c", "exit 11").status, 11);
    t.match(run("", "--user", "1000", "work", "--", "id", "-u").stdout, /^1000$/m);
    t.match(run("", "--env", "A=set", "work", "--", "sh", "-c", "echo $A").stdout, "set");
    t.match(run("", "-v", `${p.pg.dir}:/v:ro`, "work", "--", "cat", "/v/file").stdout, "copied");
    t.match(run("typed\n", "work", "--", "cat").stdout, "typed");
  },
  "buildah run: a program that is not there"(t, p) {
    const done = p.run(["buildah", "run", "--runtime", RUNTIME, "work", "--", "no-such-program"]);
    t.not(done.status, 0);
    t.match(done.output, /not found/);
  },
  "buildah run --terminal"(t, p) {
    const done = p.run(["script", "-qec", `buildah run --runtime ${RUNTIME} --terminal work -- tty`, "/dev/null"]);
    t.match(done.output, /\/dev\/(pts\/0|console)/);
  },
  "buildah bud with RUN, and rm"(t, p) {
    const folder = context(p, "bud", "FROM localhost/box\nRUN echo bud >/bud\n");
    buildah(p, "bud", "-q", "--runtime", RUNTIME, "--network", "none", "-t", "localhost/bud", folder);
    t.equal(p.once("bud", "cat", "/bud").stdout, "bud\n");
    buildah(p, "rm", "--all");
    t.equal(buildah(p, "containers", "-q"), "");
  },
});
