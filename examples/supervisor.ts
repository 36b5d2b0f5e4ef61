// Keeps so many workers running. The workers live on when the supervisor is killed: the next one finds them by their names, says how
// those have ended that did so meanwhile, and starts them again. SIGTERM ends the supervisor alone, SIGINT the workers as well.
//
//   node supervisor.js ROOTFS STATE COUNT COMMAND...
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Container, RuntimeError, type ContainerEnd } from "@runt-oci/runt";

const [rootfs = "rootfs", root = "/run/supervisor", count = "3", ...command] = process.argv.slice(2);
const args = command.length === 0 ? ["sleep", "1000"] : command;
const stop = new AbortController();

function say(id: string, text: string): void {
  console.log(`${id}: ${text}`);
}

/** The worker of a name that runs already, or a new one. */
async function worker(id: string): Promise<Container> {
  try {
    const found = await Container.open(id, { root });
    const { status } = await found.state();
    if (status === "running") {
      say(id, `found, pid ${found.pid}`);
      return found;
    }
    if (status === "stopped") say(id, `has ended meanwhile: ${words(await found.wait())}`);
    await found.delete({ force: true });
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== "CONTAINER_NOT_FOUND") throw error;
  }
  const made = await Container.run({ id, root, rootfs, args, overlay: true, limits: { memory: "64m", pids: 64 }, stdio: "ignore" });
  say(id, `started, pid ${made.pid}`);
  return made;
}

function words({ exitCode, signal, killedBy }: ContainerEnd): string {
  if (killedBy === "oom") return "it needed more memory than it may have";
  return signal === undefined ? `exit status ${exitCode}` : `signal ${signal}`;
}

/** Keeps one worker running; one that ends soon waits longer and longer for the next try. */
async function supervise(id: string): Promise<void> {
  for (let pause = 100; !stop.signal.aborted; ) {
    const began = performance.now();
    const container = await worker(id);
    try {
      say(id, `ended: ${words(await container.wait({ signal: stop.signal }))}`);
    } catch (error) {
      // The supervisor is to end; or the worker was deleted by hand.
      if (stop.signal.aborted) return;
      say(id, `ended: ${error instanceof Error ? error.message : String(error)}`);
    }
    await container.delete({ force: true });
    pause = performance.now() - began > 10_000 ? 100 : Math.min(pause * 2, 30_000);
    await sleep(pause, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}

for (const name of ["SIGTERM", "SIGINT"] as const) {
  process.once(name, async () => {
    stop.abort();
    if (name === "SIGINT") await Promise.all((await Container.list({ root })).map((each) => each.delete({ force: true })));
  });
}
await Promise.all(Array.from({ length: Number(count) }, (_, at) => supervise(`${basename(root)}-${at + 1}`)));
