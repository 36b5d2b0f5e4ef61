// Kubernetes' validation of container runtimes, from a clone of kubernetes-sigs/cri-tools that has been built.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { sh } from "./run.mjs";

export const repository = "kubernetes-sigs/cri-tools";
export const mark = "cmd/critest/cri_test.go";
export const peer = "runc";
export const linkName = "runc";
export const cgroupV1Alone = false;
const STALL_MS = 300_000;
const SOCKET = process.env.CONTAINERD_SOCKET ?? "";

/** Path of the built program: "make critest" puts it below build/bin. */
function program(clone) {
  const found = sh(`find '${clone}/build' -type f -name critest -perm -1 2>/dev/null | head -n 1`);
  return found.stdout.trim();
}

export function missing(clone) {
  if (program(clone) === "") return `critest is not built: there is none below ${join(clone, "build")}; "make critest" there builds it`;
  if (SOCKET === "") return "CONTAINERD_SOCKET has to name the socket of a containerd whose runtime \"runt\" or \"runc\" is called by its handler";
  if (!existsSync(SOCKET)) return `there is no socket ${SOCKET}`;
  return undefined;
}

export function prepare() {
  return [];
}

/** One file: critest is one program. */
export function files() {
  return ["critest"];
}

export function command(clone, work, file, runtime) {
  // The handler has the name of the runtime: "runt", or the peer's.
  const handler = runtime.includes("bin-runt") ? "runt" : "runc";
  const words = [`--runtime-endpoint=unix://${SOCKET}`, `--runtime-handler=${handler}`, "--ginkgo.v", "--ginkgo.no-color"];
  return { words: [program(clone), ...words], env: {}, stallMs: STALL_MS };
}
