/** The longer texts of the help; loaded for the help alone. */

import type { CommandName } from "../table.ts";

/** First line and introduction of the program's help. */
export const PROGRAM = {
  title: "Open Container Initiative runtime",
  text: `runt makes, starts and ends containers as the OCI runtime specification 1.3.0 describes
them. Engines (containerd, dockerd, podman) call it in the place of runc; a person can use it
with a bundle.

A bundle is a directory with a file "config.json", which says what the container is, and
with its root file system. To make a bundle and run it:

    # mkdir -p bundle/rootfs        (fill the rootfs with the files of a system)
    # runt spec -b bundle
    # runt check -b bundle
    # runt run -b bundle my-container

A container id has the characters a-z, A-Z, 0-9, "_", "+", "-" and "."; no two containers
of one root directory (--root) have the same.`,
} as const;

/** What each command does, in full. */
export const DESCRIPTIONS: Readonly<Record<CommandName, string>> = {
  check: `Reads config.json of the bundle and tells every problem at once: what breaks the OCI
runtime specification, what this version of runt cannot do yet, and what this host lacks (a
root file system, a kind of namespace, a cgroup controller, a file system). Nothing is
changed. The exit status is 0 without problems and 1 with some.

Warnings are no problems: a program that is not in the root file system, a property that the
specification does not know (with the one that was meant, perhaps), no terminal, ids and devices
that this user may not have, and what is ignored.

EXAMPLE:
    # runt check --bundle /bundles/web --format json`,
  completion: `Prints a script for bash, zsh or fish. A shell that has read it completes commands, options,
their values, and the ids of the containers of the root directory (that of --root, where the
line has one).

EXAMPLE:
    $ source <(runt completion bash)
    $ runt completion bash > /usr/share/bash-completion/completions/runt
    $ runt completion zsh > /usr/local/share/zsh/site-functions/_runt
    $ runt completion fish > /etc/fish/completions/runt.fish`,
  checkpoint: `Saves the processes of a running container to files, by CRIU (criu(8), which has to be in
PATH), and deletes the container, unless it is to go on. Terminals, TCP connections and file
locks are saved only where an option says so. /etc/criu/runt.conf, or else /etc/criu/runc.conf,
or the file that the annotation "org.criu.config" names, has settings for CRIU that count more
than the options.

EXAMPLE:
    # runt checkpoint --image-path /var/lib/web.images web
    # runt restore --detach --image-path /var/lib/web.images --bundle /bundles/web web`,
  create: `Makes a container of the bundle up to the point where its process would run; that waits
for "runt start". Terminals ("terminal": true) need --console-socket.

EXAMPLE:
    # runt create --bundle /bundles/web --pid-file /run/web.pid web
    # runt start web`,
  delete: `Removes what the container holds: its cgroups and its state. The container must have
stopped, or not have been started. With --force it is killed first, and a container that does
not exist is no error.

With --regex the id is an extended regular expression, and every container whose id it fits is
deleted; one that cannot be is a warning.

EXAMPLE:
    # runt delete web`,
  events: `Prints what happens to the container, a JSON object on each line: its statistics in an
interval, and "oom" whenever the kernel has to kill one of its processes for want of memory.
It ends when the container is deleted.

EXAMPLE:
    # runt events --stats web
    # runt events --interval 1s web`,
  exec: `Runs one more process in a container that was created or runs: in its namespaces and
cgroups, and by default with the user, environment, working directory and capabilities of the
process in config.json. In the foreground the exit status is that of the process, or 128 and
the number of the signal that ended it; a failure of exec itself is 255.

EXAMPLE:
    # runt exec web ps
    # runt exec --tty --user 1000:1000 --env TERM=xterm web sh
    # runt exec --detach --pid-file /run/job.pid --process process.json web`,
  features: `Prints what this runt, the libseccomp that it was built with, and (for the flags of
seccomp filters) this kernel can do, in the form of features.md of the OCI runtime
specification. Engines read it.

EXAMPLE:
    $ runt features`,
  kill: `Sends a signal to the container's first process. The signal is a number, or a name with
or without SIG; without one it is SIGTERM.

With --regex the id is an extended regular expression, and every container whose id it fits gets
the signal; one that does not run is a warning.

EXAMPLE:
    # runt kill web KILL`,
  list: `Lists the containers whose state is in the root directory.

EXAMPLE:
    # runt --root /run/containerd/runc/default list --format json`,
  pause: `Stops every process of the container where it is, through the freezer of its cgroup. The
container's status is "paused" until "runt resume".

EXAMPLE:
    # runt pause web`,
  plan: `Prints the steps by which a container of this bundle would be made, in their order: the
operation, its values, and behind an arrow the place in config.json (a JSON Pointer) that asks
for it. Nothing is done, and no privileges are needed. In the JSON format integers above
2^53 are strings.

EXAMPLE:
    $ runt plan --bundle /bundles/web`,
  ps: `Lists the processes of the container: the lines of ps(1) that are about them, or with
--format json their pids. What follows the id goes to ps(1); without it that is -ef.

EXAMPLE:
    # runt ps web -o pid,stat,args -e`,
  restore: `Makes a container of the bundle from the files of "runt checkpoint", by CRIU: its processes go
on where they stood. The root file system must be as it was. Without --detach runt stays, as
with "runt run".

EXAMPLE:
    # runt restore --detach --image-path /var/lib/web.images --bundle /bundles/web web`,
  resume: `Lets the processes of a paused container go on.

EXAMPLE:
    # runt resume web`,
  run: `Makes a container of the bundle and runs its process. Without --detach runt stays, passes
signals on, and exits with the status of the process, or with 128 and the number of the signal
that ended it; then the container is deleted unless --keep is given. SIGTERM ends a process that
does not handle it by SIGKILL.

A terminal ("terminal": true) is that of runt's standard streams, or else its controlling one;
without any, or with --detach, it needs --console-socket.

EXAMPLE:
    # runt run --bundle /bundles/web web`,
  spec: `Writes a config.json to start from: it runs "sh" in a terminal, with the root file
system in "rootfs", read-only. A config.json that exists is not replaced.

With --rootless the container gets a user namespace in which the caller is root. Root in a
user namespace does not need it.

EXAMPLE:
    $ runt spec --rootless --bundle ./bundle`,
  start: `Lets the process of a created container run.

EXAMPLE:
    # runt start web`,
  state: `Prints the state of the container as JSON: ociVersion, id, pid, status (creating, created,
running, paused or stopped), bundle, rootfs, created, annotations.

EXAMPLE:
    # runt state web`,
  trace: `Draws a timeline that the global option --trace has written: when each system call of the
runtime and each step of init began, how long it took, and from which property of config.json it comes.
Browsers draw the same file (ui.perfetto.dev, chrome://tracing).

EXAMPLE:
    # runt --trace web.json run --bundle /bundles/web web
    $ runt trace web.json`,
  update: `Changes limits of a container. What is not named stays as it is, and if the kernel refuses a
value, all keep their former ones. Sizes may have a unit (64M, 1.5g); units are powers of 1024.

The resources file has the form of linux.resources in config.json. In it, a 0 where 0 cannot be
a limit means that the value is not named. Device rules are not changed.

EXAMPLE:
    # runt update --memory 256M --pids-limit 100 web
    # echo '{"cpu": {"quota": 50000}}' | runt update --resources - web`,
  wait: `Waits until the container has ended, whoever has started it, and prints how: the exit
status of its first process, or the signal that ended it, and whether that was for want of
memory. With --format json it is an object with exitCode, signal and oomKilled. How a
container has ended that was reaped before the call is known to its parent alone; before Linux
6.15 that may also be so where it is reaped at once.

EXAMPLE:
    # runt wait web`,
};
