// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { helper } from "../harness/helpers.ts";
import {
  cgroupMounts,
  isAlive,
  namespaceOf,
  pids,
  readText,
  removeCgroups,
  sleep,
  temporaryFolder,
  tryKill,
  waitFor,
} from "../harness/host.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { PROJECT } from "../harness/runtime.ts";
import { Streams } from "./streams.ts";

/** How a program in the playground ended. `status` is 128+signal if a signal ended it, and 124 after a time-out. */
export interface Done {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, for a look at what happened. */
  readonly output: string;
}

export interface RunOptions {
  /** Text for stdin; empty without it. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds after which it is killed. Default 60000, and ten times as much in the machine. */
  readonly timeout?: number;
  /** Uid and gid to run with; root without it. */
  readonly uid?: number;
  /** Path of the cgroup to start in, beside systemd; the test's own without it. */
  readonly cgroup?: string;
}

/** The words of a shell that joins every cgroup of the playground, then becomes its arguments. */
const JOIN = `for f in /sys/fs/cgroup/*/tasks /sys/fs/cgroup/unified/cgroup.procs; do
  [ -e $f ] && echo 0 >$f; done; cd /; exec "$@"`;

/**
 * The shell outside that starts a playground (its arguments) in the cgroups CGROUPS and, when that has ended for whatever
 * reason, removes these and DIR. The cgroup namespace is made by a process that is in the cgroups that shall be its roots.
 */
const KEEP = `(for c in $CGROUPS; do echo 0 >$c/cgroup.procs; done; exec "$@" >>$LOG 2>&1)
[ -z "$CGROUPS" ] || for try in $(seq 50); do
  find $CGROUPS -depth -type d -exec rmdir {} + 2>/dev/null
  ls -d $CGROUPS >/dev/null 2>&1 || break
  sleep 0.1
done
rm -rf "$DIR"`;
const SIGNALS: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15, SIGHUP: 1 };

/** The only child of a process, or 0. */
function childOf(pid: number): number {
  return pid === 0 ? 0 : Number(readText(`/proc/${pid}/task/${pid}/children`).trim());
}

/** Whether this is the machine of conformance/vm, and how much slower than a host it is: it has one processor, partly emulated. */
export const IN_MACHINE: boolean = process.env["RUNT_VM"] === "1";
export const SLOW: number = IN_MACHINE ? 10 : 1;

/** `RUNT_ENGINES_ROOT`: a root with the engines of another release; "" if the machine's own are meant. */
export const ENGINES_ROOT = process.env["RUNT_ENGINES_ROOT"] ?? "";

/** Words before a program that is looked for where the engines are. */
export const IN_ROOT: readonly string[] = ENGINES_ROOT === "" ? [] : ["chroot", ENGINES_ROOT];

/** Cgroup hierarchies of this host, as playground.sh wants them. */
function hierarchies(kinds: { unified: boolean }): string[] {
  return [...cgroupMounts().keys()]
    .map((name) => (name === "" ? "cgroup2" : name))
    .filter((name) => name !== "cgroup2" || kinds.unified);
}

/** What is private in a playground, for unshare. Beside systemd pids and cgroups have to be those that it knows. */
const PRIVATE: Readonly<Record<"alone" | "systemd", readonly string[]>> = {
  alone: ["-m", "-n", "-p", "-C", "-f", "--kill-child", "--mount-proc"],
  systemd: ["-m", "-f", "--kill-child"],
};

/**
 * A private place for engines: new mount, network, pid and cgroup namespaces, with /run, /dev/shm, /etc, /var and the
 * cgroup tree of its own. Everything in it dies with it, and it dies with the process that made it.
 */
export class Playground {
  /** A directory on a tmpfs that has the same name inside and outside: data roots, sockets, images. */
  readonly dir: string;
  /** Unique name, of the directory and of the cgroup. */
  readonly name: string;
  /** Its pid 1, as the host counts. */
  readonly pid: number = 0;
  /** A root file system with busybox, and the same as a tar file. */
  readonly rootfs: string;
  readonly archive: string;
  /** Watches what the programs inside write. */
  readonly streams = new Streams();
  readonly #keeper: ChildProcess;
  readonly #kind: "alone" | "systemd";

  /**
   * @param options.unified whether the mount of cgroup v2 is seen in a hybrid layout (crun refuses that)
   * @param options.systemd whether the engines are the machine's own, below its systemd: for a machine that ends with the test
   * @param options.root the root with the engines; "" for the machine's own
   */
  constructor({
    unified = true,
    systemd = false,
    root = ENGINES_ROOT,
  }: { unified?: boolean; systemd?: boolean; root?: string } = {}) {
    this.#kind = systemd ? "systemd" : "alone";
    const reaper = helper("helpers/reap.c");
    this.dir = mkdtempSync(join(temporaryFolder(), "runt-engine-"));
    chmodSync(this.dir, 0o755);
    this.name = basename(this.dir);
    for (const folder of ["home", "tmp"]) mkdirSync(join(this.dir, folder));
    this.#linkEngines();
    chmodSync(join(this.dir, "tmp"), 0o1777);
    this.rootfs = join(this.dir, "rootfs");
    makeRootfs(this.rootfs);
    this.archive = join(this.dir, "box.tar");
    spawnSync("tar", ["-C", this.rootfs, "-cf", this.archive, "."]);
    if (!systemd) this.#makeCgroups();
    const script = join(PROJECT, "conformance/engines/playground.sh");
    const words = ["unshare", ...PRIVATE[this.#kind], "sh", script, this.dir];
    words.push(systemd ? "systemd" : hierarchies({ unified }).join(" "), reaper, root, PROJECT);
    const log = join(this.dir, "playground.log");
    writeFileSync(log, "");
    const cgroups = systemd ? "" : [...cgroupMounts().values()].map((mount) => join(mount, this.name)).join(" ");
    const env = { ...process.env, DIR: this.dir, LOG: log, CGROUPS: cgroups };
    // In a session of its own: what ends the test, a Ctrl-C for example, must not end what cleans up after it.
    this.#keeper = spawn("sh", ["-c", KEEP, "sh", ...words], { stdio: ["pipe", "ignore", "ignore"], env, detached: true });
    this.pid = this.#waitUntilReady(log);
  }

  /** `RUNT_ENGINES`: folders with engines of other versions than the packages that are installed; the first counts. */
  #linkEngines(): void {
    const folders = (process.env["RUNT_ENGINES"] ?? "").split(":").filter((folder) => folder !== "");
    for (const folder of folders) {
      mkdirSync(join(this.dir, "bin"), { recursive: true });
      for (const name of readdirSync(folder)) {
        const link = join(this.dir, "bin", name);
        if (!existsSync(link)) symlinkSync(join(folder, name), link);
      }
    }
  }

  #makeCgroups(): void {
    for (const [name, mount] of cgroupMounts()) {
      const folder = join(mount, this.name);
      mkdirSync(folder);
      if (name !== "cpuset") continue;
      for (const file of ["cpuset.cpus", "cpuset.mems"]) {
        writeFileSync(join(folder, file), readFileSync(join(mount, file)));
      }
    }
  }

  #waitUntilReady(log: string): number {
    const parent = this.#keeper.pid ?? 0;
    const deadline = Date.now() + 20_000 * SLOW;
    while (Date.now() < deadline) {
      const unshare = childOf(parent);
      const child = childOf(unshare);
      if (child > 0 && readText(log).includes("ready\n")) return child;
      if (unshare === 0 && (readText(log) !== "" || !isAlive(parent))) break;
      sleep(10);
    }
    const text = readText(log);
    this.close();
    throw new Error(`the playground did not come up: ${text}`);
  }

  /** The command that runs `words` inside. */
  command(words: readonly string[], options: RunOptions = {}): string[] {
    const env = {
      PATH: `${this.dir}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      HOME: join(this.dir, "home"),
      TMPDIR: join(this.dir, "tmp"),
      // systemctl talks to the machine's systemd, though the root is another.
      ...(this.#kind === "systemd" ? { SYSTEMD_IGNORE_CHROOT: "1" } : {}),
      ...options.env,
    };
    const user =
      options.uid === undefined ? [] : ["setpriv", `--reuid=${options.uid}`, `--regid=${options.uid}`, "--clear-groups", "--"];
    const set = Object.entries(env).map(([key, value]) => `${key}=${value}`);
    const namespaces = this.#kind === "systemd" ? ["-m"] : ["-m", "-n", "-p", "-C"];
    const place = options.cgroup === undefined ? "" : `echo 0 >/sys/fs/cgroup/${options.cgroup}/cgroup.procs; `;
    const shell = this.#kind === "systemd" ? `${place}cd /; exec "$@"` : JOIN;
    const enter = ["nsenter", "-t", String(this.pid), ...namespaces, "--", "sh", "-c", shell, "sh"];
    return [...enter, ...user, "env", "-i", ...set, ...words];
  }

  /** Runs a program inside and waits for it. What it leaves running must not hold its stdout or stderr. */
  run(words: readonly string[], options: RunOptions = {}): Done {
    const [program = "", ...rest] = this.command(words, options);
    const done = spawnSync(program, rest, {
      encoding: "utf8",
      input: options.input ?? "",
      timeout: options.timeout ?? 60_000 * SLOW,
      killSignal: "SIGKILL",
      maxBuffer: 64 << 20,
    });
    const late = done.error !== undefined && "code" in done.error && done.error.code === "ETIMEDOUT";
    const status = late ? 124 : (done.status ?? 128 + (SIGNALS[done.signal ?? ""] ?? 0));
    const written = { status, stdout: done.stdout, stderr: done.stderr };
    this.streams.look(words, written);
    return { ...written, output: `${done.stdout}${done.stderr}` };
  }

  /** Starts a daemon inside; its output goes to the file `NAME.log` of {@link dir}. It ends with the playground. */
  start(name: string, words: readonly string[], options: RunOptions = {}): ChildProcess {
    const log = join(this.dir, `${name}.log`);
    const [program = "", ...rest] = this.command(["sh", "-c", `exec "$@" >>${log} 2>&1`, "sh", ...words], options);
    return spawn(program, rest, { stdio: "ignore" });
  }

  /** Ends what runs in a playground beside systemd: what has its mount namespace. The containers are the scenarios' to end. */
  #endDaemons(): void {
    const own = namespaceOf(this.pid, "mnt");
    for (const pid of pids()) {
      try {
        if (namespaceOf(pid, "mnt") === own && pid !== this.pid) tryKill(pid);
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  /** Ends everything that runs inside, and removes the directory and the cgroups; what could not be removed is returned. */
  close(): string[] {
    if (this.#kind === "systemd" && this.pid > 0) this.#endDaemons();
    this.#keeper.stdin?.destroy();
    const pid = this.#keeper.pid ?? 0;
    const gone = (): boolean => !isAlive(pid);
    if (!waitFor(gone, 5000)) {
      if (this.pid > 0) tryKill(this.pid);
      if (!waitFor(gone, 10_000)) this.#keeper.kill("SIGKILL");
    }
    const problems: string[] = [];
    if (this.#kind === "alone") {
      removeCgroups(`/${this.name}`);
      for (const mount of cgroupMounts().values()) {
        if (existsSync(join(mount, this.name))) problems.push(`cgroup ${mount}/${this.name}`);
      }
    }
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    return problems;
  }
}

/** Why CRIU cannot dump a process in a playground, in its own words; undefined if it can. */
export function whyNoCheckpoint(pg: Playground): string | undefined {
  const images = mkdtempSync(join(pg.dir, "criu-probe-"));
  const script = `command -v criu >/dev/null || { echo criu is not installed; exit 1; }
    setsid sleep 1000 </dev/null >/dev/null 2>&1 &
    sleep 0.3; criu dump -v0 -t $! -D ${images} 2>&1 || { criu dump -t $! -D ${images} 2>&1 | grep Error | tail -n 1; kill -9 $!; exit 1; }`;
  const done = pg.run(["sh", "-c", script]);
  return done.status === 0 ? undefined : `CRIU cannot dump here: ${done.output.trim()}`;
}
