// SPDX-License-Identifier: Apache-2.0
// The scripts of `runt completion`, in the shells that they are for.

import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { type Box, scenario } from "../harness/box.ts";
import { RUNTIME, runtOnly } from "../harness/runtime.ts";

/** Completes the line at its end: the words that a shell would offer, sorted. */
type Completer = (box: Box, line: string) => string;

function ask(box: Box, shell: string, args: readonly string[]): string {
  const env = { PATH: `${dirname(RUNTIME)}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: box.dir };
  const done = spawnSync(shell, args, { cwd: box.dir, encoding: "utf8", env, timeout: 20_000 });
  if (done.error !== undefined) throw done.error;
  const offered = done.stdout.split("\n").filter((word) => word !== "");
  return [...new Set(offered)].sort().join(" ") + done.stderr;
}

/** Bash gives a completion function these words and no others, so it runs as well without a terminal. */
const bash: Completer = (box, line) => {
  const script = String.raw`
    source <(runt completion bash)
    compopt() { :; }
    COMP_LINE=$1 COMP_POINT=${"${#1}"} COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
    mapfile -t COMP_WORDS < <(grep -oE '[=:]+|[^ =:]+' <<<"$1")
    [[ $1 == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${"${#COMP_WORDS[@]}"} - 1))
    _runt runt
    printf '%s\n' "${"${COMPREPLY[@]}"}"`;
  return ask(box, "bash", ["--norc", "-c", script, "bash", line]);
};

/** The same for zsh, with what the completion system has for a function, where that would show words. */
const zsh: Completer = (box, line) => {
  const script = String.raw`
    compdef() { :; }
    compset() { PREFIX=${"${PREFIX#-*=}"}; }
    _describe() { print -rl -- "${"${(@)values%%:*}"}"; }
    _files() { print -rl -- $PREFIX*(/N); }
    source <(runt completion zsh)
    words=("${"${(@s: :)1}"}") CURRENT=$#words PREFIX=$words[-1]
    _runt`;
  return ask(box, "zsh", ["-f", "-c", script, "zsh", line]);
};

const fish: Completer = (box, line) => {
  const script = "runt completion fish | source; complete -C $argv[1] | string replace -r '\\t.*' ''";
  return ask(box, "fish", ["--no-config", "-c", script, line]);
};

const SHELLS: Readonly<Record<string, Completer>> = { bash, zsh, fish };

for (const [shell, complete] of Object.entries(SHELLS)) {
  const installed = spawnSync(shell, ["--version"]).status === 0;
  scenario(
    `completion: ${shell}`,
    (t, box) => {
      const container = box.running();
      const created = box.create(() => undefined);
      const both = [container.id, created.id].sort().join(" ");
      const root = `--root ${box.root}`;
      // Bash replaces what is behind the "=", the others the whole word.
      const whole = (option: string, word: string): string => (shell === "bash" ? word : `${option}=${word}`);
      t.equal(complete(box, "runt sta"), "start state");
      t.equal(complete(box, "runt list --qui"), "--quiet");
      t.equal(complete(box, "runt list --format "), "json table");
      t.equal(complete(box, "runt list --format=j"), whole("--format", "json"));
      t.equal(complete(box, `runt ${root} delete --force `), both);
      t.equal(complete(box, `runt --root=${box.root} exec --user 1:1 `), both);
      t.equal(complete(box, `runt ${root} start `), created.id);
      t.equal(complete(box, `runt ${root} kill ${container.id} TE`), "TERM");
      t.equal(complete(box, `runt --root ${box.dir}/none delete `), "", "no such root");
      box.folder("completion-of-a-folder");
      const folder = complete(box, `runt run --bundle ${box.dir}/completion-of`);
      t.match(folder, /^\S+\/completion-of-a-folder\S*$/);
      t.match(complete(box, `runt run --bundle=${box.dir}/completion-of`), /completion-of-a-folder\S*$/);
    },
    { skip: runtOnly("the scripts are runt's") || (!installed && `${shell} is not installed`) },
  );
}
