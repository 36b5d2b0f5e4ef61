// SPDX-License-Identifier: Apache-2.0
// Kubernetes' validation of container runtimes, from a clone of kubernetes-sigs/cri-tools that has been built. containerd runs in
// the file's namespaces, with the runtime as its default one and a registry of images made of busybox.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BUSYBOX } from "./image.mjs";
import { makeRegistry, serveWords } from "./registry.mjs";
import { firstLine, sh } from "./run.mjs";

export const repository = "kubernetes-sigs/cri-tools";
export const mark = "cmd/critest/cri_test.go";
export const peer = "runc";
export const linkName = "runc";
export const shimName = "containerd-shim-runt-v2";
export const cgroupV1Alone = false;
const STALL_MS = 300_000;
/** CONTAINERD names another one than the machine's. */
const DAEMON = process.env.CONTAINERD ?? "containerd";
const PORT = 5000;

/** Path of the built program: "make critest" puts it below build/bin. */
function program(clone) {
  return firstLine(sh(`find '${clone}/build' -type f -name critest -perm -1 2>/dev/null`).stdout);
}

/** @returns the reason why nothing of it can run, or undefined */
export function missing(clone) {
  if (program(clone) === "")
    return `critest is not built: there is none below ${join(clone, "build")}; "make critest" there builds it`;
  if (sh(`command -v '${DAEMON}'`).status !== 0) return `${DAEMON} is not installed`;
  if (!existsSync("/usr/lib/cni/bridge")) return "/usr/lib/cni/bridge is missing (Debian's package containernetworking-plugins)";
  if (!existsSync(BUSYBOX)) return `${BUSYBOX} is missing (Debian's package busybox-static); the images are made of it`;
  return undefined;
}

/** The network of pods, as the scenarios of CRI have it. */
const NETWORK = join(import.meta.dirname, "../engines/pods.conflist");

const isShim = (runtime) => basename(runtime) === shimName;

function containerdConfig(folder, runtime) {
  const cri = `plugins."io.containerd.grpc.v1.cri"`;
  // The plugin asks for the features of this type alone.
  const kind = isShim(runtime)
    ? `  runtime_path = "${runtime}"
`
    : `  [${cri}.containerd.runtimes.tested.options]
    BinaryName = "${runtime}"
`;
  return `version = 2
root = "${folder}/root"
state = "/run/containerd"
[grpc]
  address = "${folder}/containerd.sock"
[${cri}]
  sandbox_image = "localhost/sandbox-pause:latest"
  restrict_oom_score_adj = true
[${cri}.registry]
  config_path = "${folder}/certs.d"
[${cri}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${folder}/cni"
[${cri}.containerd]
  default_runtime_name = "tested"
[${cri}.containerd.runtimes.tested]
  runtime_type = "io.containerd.runc.v2"
${kind}`;
}

/** @returns notes @throws Error */
export function prepare(_clone, work) {
  makeRegistry(work);
  // From ginkgo's report to TAP.
  writeFileSync(
    join(work, "tap.mjs"),
    `import { readFileSync } from "node:fs";
const specs = JSON.parse(readFileSync(process.argv[2], "utf8")).flatMap(({ SpecReports }) => SpecReports).filter(({ LeafNodeType }) => LeafNodeType === "It");
console.log("1.." + specs.length);
specs.forEach(({ ContainerHierarchyTexts, LeafNodeText, State }, index) => {
  const name = [...(ContainerHierarchyTexts ?? []), LeafNodeText].join(" ").replaceAll("#", "");
  const isSkipped = State === "skipped" || State === "pending";
  console.log((State === "passed" || isSkipped ? "ok " : "not ok ") + (index + 1) + " - " + name + (isSkipped ? " # skip" : ""));
});
`,
  );
  return [];
}

/** One file: critest is one program. */
export function files() {
  return ["critest"];
}

export function command(clone, work, file, runtime) {
  const folder = join(work, `cri-${basename(dirname(runtime))}`);
  mkdirSync(join(folder, "cni"), { recursive: true });
  copyFileSync(NETWORK, join(folder, "cni/10-pods.conflist"));
  writeFileSync(join(folder, "containerd.toml"), containerdConfig(folder, runtime));
  // Every registry is the one that is served here.
  const registry = `http://127.0.0.1:${PORT}`;
  mkdirSync(join(folder, "certs.d/_default"), { recursive: true });
  writeFileSync(
    join(folder, "certs.d/_default/hosts.toml"),
    `server = "${registry}"\n[host."${registry}"]\n  capabilities = ["pull", "resolve"]\n`,
  );
  const [socket, report] = [join(folder, "containerd.sock"), join(folder, "report.json")];
  const script = `mount -t tmpfs -o mode=755 tmpfs /run; mkdir -p /run/lock; echo 1 >/proc/sys/net/ipv4/ip_forward
${serveWords(join(work, "registry"), PORT)}'${DAEMON}' -c '${folder}/containerd.toml' >'${folder}/containerd.log' 2>&1 &
for i in $(seq 100); do ctr -a '${socket}' version >/dev/null 2>&1 && break; sleep 0.1; done
'${program(clone)}' --runtime-endpoint='unix://${socket}' --ginkgo.v --ginkgo.no-color --ginkgo.json-report='${report}' ${process.env.CRITEST_OPTIONS ?? ""} >&2 2>&1
exec '${process.execPath}' '${work}/tap.mjs' '${report}'`;
  const path = DAEMON.includes("/") ? { PATH: `${dirname(DAEMON)}:${process.env.PATH}` } : {};
  // It makes shared memory, which would stay.
  return { words: ["unshare", "--ipc", "sh", "-c", script], env: path, stallMs: STALL_MS };
}

/** The cgroups of pods, empty once their processes have ended with the namespace. */
export function cleanUp() {
  sh(
    'for at in /sys/fs/cgroup/*/k8s.io /sys/fs/cgroup/k8s.io; do [ -d "$at" ] && find "$at" -depth -type d -exec rmdir {} \\;; done',
  );
}
