// SPDX-License-Identifier: Apache-2.0
import t, { type Test } from "tap";
import { spawnSync } from "node:child_process";
import { KIND } from "../harness/runtime.ts";
import { ENGINES_ROOT, IN_MACHINE, Playground, SLOW } from "./playground.ts";

/** A scenario: what a user does with the engine, and what has to come of it. */
export type Scenario<Engine> = (t: Test, engine: Engine) => void | Promise<void>;

/** Where the packages of the engines are known. */
const FROM: readonly string[] = ENGINES_ROOT === "" ? [] : [`--admindir=${ENGINES_ROOT}/var/lib/dpkg`];

/** `RUNT_SCENARIOS`: those alone whose title this pattern matches. */
const SOME = new RegExp(process.env["RUNT_SCENARIOS"] ?? "");

/** Why the scenarios cannot run here, or `false`. */
function reason(packages: readonly string[]): string | false {
  if (process.getuid?.() !== 0) return "needs root";
  const asked = spawnSync("dpkg-query", [...FROM, "-W", "-f", "${Package} ${db:Status-Status}\n", ...packages], {
    encoding: "utf8",
  });
  const there = new Set((asked.stdout ?? "").split("\n"));
  const missing = packages.filter((name) => !there.has(`${name} installed`));
  return missing.length > 0 && `needs the Debian packages ${missing.join(" ")}`;
}

/**
 * Brings up an engine in a playground of its own, tries the scenarios one after another, and takes it down. The engine must
 * not leave anything behind. In every scenario both streams of every call are the program's alone (streams.ts).
 *
 * @param packages Debian packages without which all is skipped
 * @param make starts the engine; it ends with the playground
 * @param options.patience the time that a scenario may take; milliseconds
 * @param options.systemd whether the engine runs beside the systemd of the test machine
 */
export function engine<Engine>(
  name: string,
  packages: readonly string[],
  make: (playground: Playground) => Engine | Promise<Engine>,
  scenarios: Readonly<Record<string, Scenario<Engine>>>,
  { patience = 60_000, systemd = false }: { readonly patience?: number; readonly systemd?: boolean } = {},
): void {
  const skip = systemd && !IN_MACHINE ? "npm run engines -- --v2: needs a machine with systemd" : reason(packages);
  void t.test(name, { skip, timeout: (180_000 + patience) * SLOW }, async (tt) => {
    // crun refuses a host with both.
    const playground = new Playground({ unified: KIND !== "crun", systemd });
    try {
      const made = await make(playground);
      playground.streams.strange();
      for (const [title, body] of Object.entries(scenarios).filter(([title]) => SOME.test(title))) {
        await tt.test(title, { timeout: patience * SLOW }, async (ttt) => {
          await body(ttt, made);
          const strange = playground.streams.strange();
          // A scenario that was skipped has planned none.
          if (strange.length > 0) ttt.fail("both streams are the program's alone", { strange });
        });
      }
    } finally {
      tt.same(playground.close(), [], "nothing is left behind");
    }
  });
}
