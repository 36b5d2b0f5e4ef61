/** What the manual pages say beyond the help; loaded by `npm run generate` alone. */

/** Date in the foot of the pages: that of the last change that tells a reader something new. */
export const MANUAL_DATE = "2026-11-23";

/** The exit status of commands that have more to say than success or failure. */
export const EXIT_STATUS: Readonly<Record<string, string>> = {
  check: "0 where the bundle has no problem and this host can run it, 1 where there is a problem.",
  exec: `In the foreground that of the process, or 128 and the number of the signal that ended it. With
--detach 0 as soon as the process runs. 255 where exec itself has failed; nothing was run then.`,
  run: `In the foreground that of the container's process, or 128 and the number of the signal that ended
it. With --detach 0 as soon as the process runs. 1 where runt itself has failed.`,
  events: `0 when the container has been deleted, or with --stats when they are printed. 1 after an error.`,
  wait: "0 however the container has ended; what is printed says how. 1 after an error.",
};

export const ANY_EXIT_STATUS = "0 on success, 1 after an error, which is told in the log.";

export const PROGRAM_EXIT_STATUS = `0 on success, 1 after an error or where the options are wrong, and 3 where there is no such
command. run and exec in the foreground exit with the status of the process; see their pages.`;

/** Where the log goes and what is in it. */
export const LOG = `Errors and warnings go to stderr, or with --log to the end of that file, which is made with mode
0644 where it is missing. An error's message goes to stderr in any case, so that a person sees it.

With --log-format json each entry is one object on one line with the members level, msg and time.
That of an error has more, as far as they apply: code (one word from a closed list, for programs), pointer (the
place in config.json, as a JSON Pointer), path, errno, syscall, and problems (every problem of a config.json).`;

interface Item {
  readonly term: string;
  readonly text: string;
}

export const FILES: readonly Item[] = [
  { term: "config.json", text: "in the bundle: what the container is. See runt-check(8) and runt-spec(8)." },
  {
    term: "/run/runt/ID/",
    text: `the state of a container; it is there from "create" to "delete". The directory is that of --root.`,
  },
  { term: "/run/runt/@seccomp/", text: "filters of system calls that were compiled before." },
];

export const ENVIRONMENT: readonly Item[] = [
  {
    term: "XDG_RUNTIME_DIR",
    text: `for a user other than the machine's root, state is in $XDG_RUNTIME_DIR/runt unless --root is given.`,
  },
  { term: "LISTEN_FDS", text: "that many descriptors from 3 on are handed to the process of run and create." },
  {
    term: "NOTIFY_SOCKET",
    text: "where it is set, the container gets a socket of its own, and READY=1 is handed on from there.",
  },
];

/** Pages of others that help with a command, beside runt(8). */
export const SEE_ALSO: Readonly<Record<string, readonly string[]>> = {
  check: ["runt-plan(8)", "runt-spec(8)"],
  create: ["runt-start(8)", "runt-run(8)", "runt-delete(8)"],
  delete: ["runt-kill(8)"],
  events: ["runt-update(8)"],
  exec: ["runt-ps(8)", "capabilities(7)"],
  kill: ["signal(7)"],
  list: ["runt-state(8)"],
  pause: ["runt-resume(8)"],
  plan: ["runt-check(8)"],
  ps: ["ps(1)"],
  resume: ["runt-pause(8)"],
  run: ["runt-create(8)", "runt-exec(8)", "runt-delete(8)"],
  trace: ["runt-plan(8)", "runt-run(8)"],
  spec: ["runt-check(8)", "runt-run(8)"],
  start: ["runt-create(8)"],
  state: ["runt-list(8)"],
  update: ["runt-events(8)", "cgroups(7)"],
  wait: ["runt-state(8)", "wait(2)"],
};
