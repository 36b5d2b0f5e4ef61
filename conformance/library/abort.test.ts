// SPDX-License-Identifier: Apache-2.0
// An AbortSignal that comes when it is hardest to tell what has been made.
import { Container } from "../../lib/index.ts";
import { scenario } from "../harness/box.ts";
import { options, refused, skip } from "./made.ts";

/** Keeps this thread from hearing of anything; milliseconds. */
function block(time: number): void {
  const end = performance.now() + time;
  while (performance.now() < end);
}

scenario(
  "a signal that comes when a process of exec has just been made ends it",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    await (await container.spawn(["true"])).wait();
    const given = new AbortController();
    const made = container.exec({ args: ["sleep", "1000"], signal: given.signal });
    block(300);
    given.abort();
    t.equal((await refused(made)).code, "ABORTED");
    t.equal((await container.processes()).length, 1);
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "a container of which many an exec was given up can be deleted",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    const ends = await Promise.all(
      Array.from({ length: 60 }, async (_, at) => {
        const given = new AbortController();
        setTimeout(() => given.abort(), at);
        const process = container.exec({ args: ["sleep", "1000"], signal: given.signal, stdio: "ignore" });
        return await process.then(
          async (made) => (await made.wait()).signal,
          ({ code }) => code as string,
        );
      }),
    );
    t.same(
      ends.filter((end) => end !== "ABORTED" && end !== 9),
      [],
    );
    t.equal((await container.processes()).length, 1);
    await container.delete({ force: true });
  },
  { skip },
);
