// Runs a shell script that nobody has looked at: no network, no privileges, a read-only root, half a
// processor, 32 MiB, 16 processes, two seconds.
//
//   node sandbox.mjs ROOTFS SCRIPT
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { Container, newConfig } from "@runt-oci/runt";

const [rootfs = "rootfs", script = "echo hello"] = process.argv.slice(2);

function sandboxConfig() {
  const config = newConfig();
  return {
    ...config,
    root: { path: resolve(rootfs), readonly: true },
    process: {
      ...config.process,
      terminal: false,
      args: ["sh", "-c", script],
      user: { uid: 65534, gid: 65534 },
      capabilities: {},
      noNewPrivileges: true,
    },
    linux: {
      ...config.linux,
      resources: {
        memory: { limit: 32 << 20 },
        cpu: { period: 100_000, quota: 50_000 },
        pids: { limit: 16 },
      },
    },
  };
}

const bundle = await mkdtemp(join(tmpdir(), "sandbox-"));
try {
  await writeFile(join(bundle, "config.json"), JSON.stringify(sandboxConfig()));
  // After two seconds the signal kills whatever runs in there.
  const signal = AbortSignal.timeout(2000);
  const box = await Container.run({ bundle, signal, stdio: ["ignore", "pipe", "pipe"] });
  try {
    const [stdout, stderr, end] = await Promise.all([text(box.stdout), text(box.stderr), box.wait()]);
    console.log(JSON.stringify({ ...end, timedOut: signal.aborted, stdout, stderr }));
  } finally {
    await box.delete({ force: true });
  }
} finally {
  await rm(bundle, { recursive: true });
}
