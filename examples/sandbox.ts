// A sandbox for code, over HTTP: POST a shell script, get what it has printed and how it has ended. Each request has a container and
// a writable layer of its own, no network and no privileges, half a processor, 64 MiB, 32 processes and two seconds.
//
//   node sandbox.js ROOTFS [PORT]
//   curl --data 'echo hello; id' http://127.0.0.1:8080/
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Container, RuntimeError, type ExecResult } from "@runt-oci/runt";

const [rootfs = "rootfs", port = "8080"] = process.argv.slice(2);
/** Of requests that run at once; the others wait. */
const MOST = 20;

let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  if (running >= MOST) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    return await work();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

function run(script: string, signal: AbortSignal): Promise<ExecResult> {
  return Container.run({
    rootfs,
    overlay: { size: "16m" },
    args: ["sh"],
    input: script,
    user: "65534:65534",
    limits: { memory: "64m", cpus: 0.5, pids: 32 },
    timeout: 2000,
    maxBuffer: 64 << 10,
    buffer: true,
    signal,
  });
}

const server = createServer(async (request, response) => {
  // Who does not wait for the answer does not need the container any more.
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  try {
    const script = await text(request);
    const result = await inTurn(() => run(script, gone.signal));
    response.setHeader("content-type", "application/json").end(`${JSON.stringify(result)}\n`);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    if (error.code !== "ABORTED") response.writeHead(500).end(`${error.message}\n`);
  }
});

server.listen(Number(port), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
process.once("SIGTERM", () => server.close());
