// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../harness/host.ts";
import { Docker, DOCKER_PACKAGES } from "./docker.ts";
import { engine } from "./engine.ts";

const FILE = `version: "3"
services:
  web:
    image: box
    command: ["sh", "-c", "while :; do echo served by $$WHO | nc -l -p 8000; done"]
    environment: { WHO: web }
    ports: ["8321:8000"]
    volumes: ["data:/data"]
  client:
    image: box
    depends_on: [web]
    command: ["sh", "-c", "until nc -w 1 web 8000; do sleep 0.2; done; echo seen >/data/seen; sleep 1000"]
    volumes: ["data:/data"]
volumes:
  data: {}
`;

interface Compose {
  readonly d: Docker;
  readonly folder: string;
}

function compose({ d, folder }: Compose, ...args: string[]): { status: number; stdout: string; output: string } {
  return d.run(["docker-compose", "--project-directory", folder, "-f", join(folder, "compose.yml"), "-p", "fleet", ...args], {
    timeout: 120_000,
  });
}

engine(
  "docker-compose",
  [...DOCKER_PACKAGES, "docker-compose"],
  (pg): Compose => {
    const folder = join(pg.dir, "fleet");
    mkdirSync(folder);
    writeFileSync(join(folder, "compose.yml"), FILE);
    pg.streams.engineWrites(/^(Creating|Starting|Stopping|Removing) /);
    // docker-compose 2.
    pg.streams.engineWrites(/^ (Network|Volume|Container) \S+  [A-Z]\w+/, /the attribute `version` is obsolete/);
    return { d: new Docker(pg), folder };
  },
  {
    "up -d starts the services, which find each other by name"(t, c) {
      const done = compose(c, "up", "-d");
      t.equal(done.status, 0, done.output);
      t.ok(waitFor(() => compose(c, "logs", "client").output.includes("served by web"), 15_000));
    },
    "the port is published, the volume is shared"(t, c) {
      t.ok(waitFor(() => c.d.pg.run(["busybox", "nc", "-w", "1", "127.0.0.1", "8321"]).stdout === "served by web\n", 5000));
      t.equal(compose(c, "exec", "-T", "web", "ls", "/data").stdout, "seen\n");
    },
    "exec, and its exit code"(t, c) {
      t.equal(compose(c, "exec", "-T", "web", "sh", "-c", "exit 6").status, 6);
    },
    "down leaves nothing"(t, c) {
      const done = compose(c, "down", "-v", "-t", "0");
      t.equal(done.status, 0, done.output);
      t.equal(c.d.must("ps", "-aq"), "");
      t.notMatch(c.d.must("volume", "ls"), "fleet_data");
    },
  },
);
