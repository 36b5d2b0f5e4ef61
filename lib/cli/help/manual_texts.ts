// SPDX-License-Identifier: Apache-2.0
/** Texts of the manual pages that the help does not have. */

/** Date in the foot of the pages: the date of the last change that matters to a reader. */
export const MANUAL_DATE = "2026-11-29";

export const ANY_EXIT_STATUS = "0 on success, 1 after an error, which is told in the log.";

export const PROGRAM_EXIT_STATUS = `0 on success, 1 after an error or where the options are wrong, and 3 where there is no such
command. run and exec in the foreground exit with the status of the process; see their pages.`;

/** Destination and content of the log. */
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
