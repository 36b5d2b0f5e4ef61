// SPDX-License-Identifier: Apache-2.0
/** Scenarios that are a shell script and what it prints: engines beside systemd, on cgroup v2. */
import type { Test } from "tap";
import { engine } from "../engine.ts";
import { SLOW, type Done, type Playground } from "../playground.ts";
import { waitFor } from "../../harness/host.ts";

/** A scenario: a script of a user of the engine, and what comes of it. */
export interface Script {
  readonly sh: string;
  /** What it prints on its standard output, as a whole or as a pattern. */
  readonly out: string | RegExp;
  /** Exit status; 0 without it. */
  readonly status?: number;
  /** Lines of standard error that its programs write. */
  readonly err?: readonly string[];
  /** A script that succeeds with an engine that can do it; the scenario is skipped with the others, and says why. */
  readonly needs?: { readonly sh: string; readonly else: string };
}

/** An engine whose user writes scripts. */
export interface Scripted {
  readonly pg: Playground;
  run(words: readonly string[]): Done;
}

export interface Kind<Engine extends Scripted> {
  readonly name: string;
  readonly packages: readonly string[];
  readonly make: (pg: Playground) => Engine;
  /** Functions of the scripts. */
  readonly functions: string;
  /** Ends and removes all containers. */
  readonly clean: string;
  /** Patterns of the names of the scopes of its containers, for systemctl. */
  readonly scopes: string;
}

/** What systemd has of an engine's containers. */
function units(made: Scripted, scopes: string): string {
  return made.run(["sh", "-c", `systemctl list-units --all --plain --no-legend ${scopes}`]).stdout.trim();
}

/**
 * Tries scripts beneath an engine. Each begins without a container, and must leave neither a scope nor a failed unit.
 *
 * @param scripts by title
 */
export function scripted<Engine extends Scripted>(kind: Kind<Engine>, scripts: Readonly<Record<string, Script>>): void {
  const scenarios = Object.entries(scripts).map(
    ([title, { sh, out, status = 0, err = [], needs }]) =>
      [
        title,
        (t: Test, made: Engine): void => {
          if (needs !== undefined && made.run(["sh", "-c", needs.sh]).status !== 0) {
            t.plan(0, needs.else);
            return;
          }
          made.pg.streams.programWrites(...err);
          const done = made.run(["sh", "-c", `${kind.functions}\n${sh}`]);
          if (typeof out === "string") t.equal(done.stdout, out, done.stderr);
          else t.match(done.stdout, out, done.stderr);
          t.equal(done.status, status, done.output);
          const cleaned = made.run(["sh", "-c", kind.clean]);
          t.equal(cleaned.status, 0, cleaned.output);
          waitFor(() => units(made, kind.scopes) === "", 5000 * SLOW);
          t.equal(units(made, kind.scopes), "", "no scope is left");
        },
      ] as const,
  );
  engine(kind.name, kind.packages, kind.make, Object.fromEntries(scenarios), { systemd: true });
}
