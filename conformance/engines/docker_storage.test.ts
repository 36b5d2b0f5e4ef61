// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Docker, DOCKER_PACKAGES } from "./docker.ts";
import { engine } from "./engine.ts";

/** A new directory that the playground and the test see under one name. */
function folder(d: Docker, name: string): string {
  const path = join(d.pg.dir, name);
  mkdirSync(path);
  return path;
}

engine("docker: storage and builds", DOCKER_PACKAGES, (pg) => new Docker(pg), {
  "-v of a directory, read-write and read-only"(t, d) {
    const path = folder(d, "shared");
    t.equal(d.once("-v", `${path}:/v`, "box", "sh", "-c", "echo from inside >/v/file").status, 0);
    t.equal(readFileSync(join(path, "file"), "utf8"), "from inside\n");
    const done = d.once("-v", `${path}:/v:ro`, "box", "sh", "-c", "cat /v/file; touch /v/x");
    t.equal(done.stdout, "from inside\n");
    t.match(done.stderr, "Read-only file system");
  },
  "-v of a file"(t, d) {
    const path = join(d.pg.dir, "one-file");
    writeFileSync(path, "content\n");
    t.equal(d.once("-v", `${path}:/etc/one`, "box", "cat", "/etc/one").stdout, "content\n");
  },
  "a named volume keeps what a container wrote, and gets what the image had there"(t, d) {
    d.once("-v", "kept:/home", "box", "sh", "-c", "echo data >/home/user/data");
    t.equal(d.once("-v", "kept:/x", "box", "cat", "/x/user/data").stdout, "data\n");
    d.must("volume", "rm", "kept");
  },
  "--mount of a bind with rslave sees what is mounted later, rprivate does not"(t, d) {
    const path = folder(d, "spread");
    mkdirSync(join(path, "sub"));
    d.pg.run(["sh", "-c", `mount --bind ${path} ${path} && mount --make-rshared ${path}`]);
    d.background("slave", "-v", `${path}:/v:rslave`, "box", "sleep", "1000");
    d.background("private", "-v", `${path}:/v:rprivate`, "box", "sleep", "1000");
    t.equal(d.pg.run(["sh", "-c", `mount -t tmpfs late ${path}/sub && touch ${path}/sub/late`]).status, 0);
    t.equal(d.must("exec", "slave", "ls", "/v/sub"), "late");
    t.equal(d.must("exec", "private", "ls", "/v/sub"), "");
    t.match(d.must("exec", "slave", "cat", "/proc/self/mountinfo"), / \/v rw.* master:\d+/);
    d.remove("slave", "private");
    d.pg.run(["umount", "-l", `${path}/sub`, path]);
  },
  "rshared: what the container mounts is seen outside"(t, d) {
    const path = folder(d, "outward");
    mkdirSync(join(path, "sub"));
    d.pg.run(["sh", "-c", `mount --bind ${path} ${path} && mount --make-rshared ${path}`]);
    d.background("mounter", "-v", `${path}:/v:rshared`, "--cap-add", "SYS_ADMIN", "box", "sleep", "1000");
    t.equal(d.docker("exec", "mounter", "mount", "-t", "tmpfs", "inner", "/v/sub").status, 0);
    t.equal(d.pg.run(["findmnt", "-no", "SOURCE", `${path}/sub`]).stdout.trim(), "inner");
    d.pg.run(["umount", `${path}/sub`]);
    d.remove("mounter");
    d.pg.run(["umount", "-l", path]);
  },
  "--mount type=tmpfs with a size and a mode"(t, d) {
    const done = d.once(
      "--mount",
      "type=tmpfs,destination=/t,tmpfs-size=1048576,tmpfs-mode=0700",
      "box",
      "sh",
      "-c",
      "df -k /t; stat -c %a /t",
    );
    t.match(done.stdout, /\b1024\b/);
    t.match(done.stdout, /^700$/m);
  },
  "--volumes-from"(t, d) {
    d.background("owner", "-v", "/data", "box", "sh", "-c", "echo lent >/data/file; sleep 1000");
    t.ok(d.docker("exec", "owner", "sh", "-c", "until [ -e /data/file ]; do sleep 0.1; done").status === 0);
    t.equal(d.once("--volumes-from", "owner", "box", "cat", "/data/file").stdout, "lent\n");
    d.remove("owner");
  },
  "cp, in both directions, of a running and of a stopped container"(t, d) {
    d.background("copied", "box", "sh", "-c", "echo origin >/origin; sleep 1000");
    const path = folder(d, "copies");
    writeFileSync(join(path, "in"), "brought\n");
    d.must("cp", join(path, "in"), "copied:/tmp/in");
    t.equal(d.must("exec", "copied", "cat", "/tmp/in"), "brought");
    d.must("cp", "copied:/origin", join(path, "out"));
    t.equal(readFileSync(join(path, "out"), "utf8"), "origin\n");
    d.must("stop", "-t", "0", "copied");
    d.must("cp", "copied:/tmp/in", join(path, "again"));
    t.equal(readFileSync(join(path, "again"), "utf8"), "brought\n");
    d.remove("copied");
  },
  "overlay2: copy on write and whiteouts, seen from the layer"(t, d) {
    d.background("layered", "box", "sh", "-c", "echo more >>/etc/passwd; rm /etc/group; mkdir /fresh; echo done; sleep 1000");
    d.must("exec", "layered", "sh", "-c", "until [ -d /fresh ]; do sleep 0.1; done");
    const upper = d.inspect("layered", "{{.GraphDriver.Data.UpperDir}}");
    t.match(d.read(`${upper}/etc/passwd`), /more$/);
    t.equal(d.pg.run(["stat", "-c", "%F %t %T", `${upper}/etc/group`]).stdout, "character special file 0 0\n");
    const lower = d.inspect("layered", "{{.GraphDriver.Data.LowerDir}}").split(":").at(-1) ?? "";
    t.notMatch(d.read(`${lower}/etc/passwd`), "more");
    t.match(d.read(`${lower}/etc/group`), "root:");
    t.match(d.must("diff", "layered"), "D /etc/group");
    t.match(d.must("diff", "layered"), "C /etc/passwd");
    t.match(d.must("diff", "layered"), "A /fresh");
    d.remove("layered");
  },
  "a build with two stages, with docker's own builder"(t, d) {
    t.equal(build(d, "classic", "0").status, 0);
    t.equal(d.once("classic").stdout, "compiled by 1000\n");
    t.equal(d.once("classic", "ls", "/src").status, 1, "the first stage's files are not in the image");
  },
  "a build with two stages, with BuildKit"(t, d) {
    const done = build(d, "kit", "1");
    t.equal(done.status, 0, done.output);
    t.equal(d.once("kit").stdout, "compiled by 1000\n");
  },
  "a RUN that fails fails the build with its exit code, with both builders"(t, d) {
    const path = folder(d, "failing");
    writeFileSync(join(path, "Dockerfile"), "FROM box\nRUN echo before; exit 9\n");
    for (const kit of ["0", "1"]) {
      const done = d.run(["/usr/bin/docker", "build", "--network", "none", path], { env: { DOCKER_BUILDKIT: kit } });
      t.not(done.status, 0);
      t.match(done.output, /exit code: 9|non-zero code: 9/);
    }
  },
  "save, load, export"(t, d) {
    const path = folder(d, "archives");
    d.must("save", "-o", join(path, "box.tar"), "box");
    t.match(d.must("load", "-i", join(path, "box.tar")), "Loaded image: box:latest");
    d.must("create", "--name", "exported", "box");
    d.must("export", "-o", join(path, "root.tar"), "exported");
    t.match(d.pg.run(["tar", "-tf", join(path, "root.tar")]).stdout, "bin/busybox");
    d.remove("exported");
  },
});

function build(d: Docker, name: string, kit: "0" | "1"): { status: number; output: string } {
  const path = folder(d, `build-${name}`);
  writeFileSync(
    join(path, "Dockerfile"),
    `FROM box AS builder
ENV PATH=/bin
WORKDIR /src
COPY source .
USER 1000
RUN id -u >/tmp/by
USER root
RUN sed "s/USER/$(cat /tmp/by)/" source >made
FROM box
ENV PATH=/bin
COPY --from=builder /src/made /made
CMD ["cat", "/made"]
`,
  );
  writeFileSync(join(path, "source"), "compiled by USER\n");
  return d.run(["/usr/bin/docker", "build", "--network", "none", "-t", name, path], { env: { DOCKER_BUILDKIT: kit } });
}
