/** newuidmap(1) and newgidmap(1), by which an unprivileged user maps the subordinate ids that he has been given. */
import { RuntimeError } from "../errors.ts";
import { propertyName } from "../spec/property_name.ts";
import { errnoText } from "../sys/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDWR, SMALL_FILE, check } from "../sys/files.ts";
import { native } from "../sys/native.ts";

const X_OK = 1;
/** Where the tools are looked for without a PATH. */
const USUAL = "/usr/local/bin:/usr/bin:/bin";

/**
 * Has a map of `pid` written.
 * @param file `uid_map` or `gid_map`
 * @param text what would be written to it
 * @param pointer the property that the map comes from
 * @throws HOST_UNABLE where the tool is missing, STEP_FAILED with what it printed where it refuses
 */
export function writeByTool(pid: number, file: "uid_map" | "gid_map", text: string, pointer: string): void {
  const name = file === "uid_map" ? "newuidmap" : "newgidmap";
  const property = propertyName(pointer);
  const program = find(name, process.env["PATH"] ?? USUAL);
  if (program === undefined) {
    const message = `${property}: the kernel lets root only map these ids, and ${name} (package uidmap) is not installed`;
    throw new RuntimeError("HOST_UNABLE", message, { pointer });
  }
  const input = check(native.open(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0), "open /dev/null");
  const output = check(native.memfd(`runt:${name}`), "memfd_create");
  try {
    const args = [name, String(pid), ...text.trim().split(/\s+/)];
    // With an empty environment: what is set-user-ID reads none of the caller's.
    const spawned = native.spawn({ program, args, env: [], fds: [input, output, output], dieWithParent: true });
    if (typeof spawned === "number") {
      throw new RuntimeError("STEP_FAILED", `${property}: ${program}: ${errnoText(-spawned)}`, { pointer, path: program });
    }
    const exited = native.waitpid(spawned.pid, false);
    native.close(spawned.pidfd);
    if (exited !== null && typeof exited !== "number" && !exited.signaled && exited.status === 0) return;
    const said = native.readFile(AT_FDCWD, `/proc/self/fd/${output}`, SMALL_FILE);
    const why = typeof said === "string" && said !== "" ? said.trim() : "it failed";
    throw new RuntimeError("STEP_FAILED", `${property}: ${why} (see /etc/sub${file.slice(0, 3)})`, { pointer, path: program });
  } finally {
    native.close(input);
    native.close(output);
  }
}

function find(name: string, path: string): string | undefined {
  for (const directory of path.split(":")) {
    const program = `${directory}/${name}`;
    if (directory.startsWith("/") && native.access(AT_FDCWD, program, X_OK) === 0) return program;
  }
  return undefined;
}
