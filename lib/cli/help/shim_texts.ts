// SPDX-License-Identifier: Apache-2.0
/** The words of the manual page of the shim. Pure. */

interface Item {
  readonly term: string;
  readonly text: string;
}

export const SHIM = "containerd-shim-runt-v2";
export const SHIM_SUMMARY = "runt as a shim of containerd";
/** Lines of the synopsis. */
export const SHIM_FORMS: readonly string[] = [
  "-namespace NAME -id ID -address SOCKET [-debug] start",
  "-namespace NAME -id ID -address SOCKET [-bundle DIR] delete",
  "-v",
  "-info",
];

export const SHIM_TEXT = `The program runt under this name stands between containerd and containers, as the runtime type
io.containerd.runt.v2. containerd starts it; nobody else has to. One shim serves all containers of a pod, or one container. It
makes and ends them itself, with the functions of runt(8): no runtime is started, and without a terminal no byte of a
container's output passes through it.

A user asks for it by its type:

    ctr run --runtime io.containerd.runt.v2 docker.io/library/alpine:latest box sh

The CRI plugin has the type as runtime_type in the table of a runtime, and docker as runtimeType in daemon.json.`;

export const SHIM_COMMANDS: readonly Item[] = [
  {
    term: "start",
    text: `finds the shim of the pod that config.json in the working directory names, or starts one, and prints its address. Standard
input has the options of the runtime, or, from containerd 2.3 on, all parameters of the start.`,
  },
  {
    term: "delete",
    text: "ends and deletes a container whose shim is gone, and unmounts its root file system.",
  },
];

export const SHIM_OPTIONS: readonly Item[] = [
  { term: "-namespace NAME", text: "containerd's namespace of the container" },
  { term: "-id ID", text: "the id of the container, or of the sandbox" },
  { term: "-address SOCKET", text: "containerd's main socket" },
  { term: "-bundle DIR", text: "the bundle of the container, for delete" },
  { term: "-publish-binary FILE", text: "ignored: events go to containerd's socket" },
  { term: "-debug", text: "writes debug messages into containerd's log" },
  { term: "-v", text: "prints the version" },
  { term: "-info", text: "prints what the runtime can do, as a message of containerd's" },
];

export const SHIM_EXIT_STATUS = "0, or 1 after an error, which is on standard error.";

export const SHIM_ENVIRONMENT: readonly Item[] = [
  { term: "TTRPC_ADDRESS", text: "containerd's socket for events" },
  { term: "MAX_SHIM_VERSION", text: "the newest version of the task service that containerd understands" },
  { term: "SCHED_CORE", text: "not empty: the shim and its containers get a cookie of their own for core scheduling" },
];

export const SHIM_FILES: readonly Item[] = [
  { term: "/run/containerd/s/", text: "sockets of shims" },
  {
    term: "/run/containerd/runt/",
    text: "the state of the containers, a directory a namespace, unless the option Root names another",
  },
];
