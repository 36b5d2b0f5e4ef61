// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { markHeldMounts } from "./held_mounts.ts";
import { mountFields } from "./mounts.ts";
import { MountFlag, type Step } from "./steps.ts";

function mount(destination: string, options: string[] = []): Step {
  return { op: "mount", origin: "", fields: mountFields({ destination, type: "tmpfs", source: "tmpfs", options }, "/b", false) };
}
const mask = (path: string): Step => ({ op: "maskPath", origin: "", fields: { path } });
const device = (path: string): Step => ({
  op: "device",
  origin: "",
  fields: { path, mode: 0, major: 0, minor: 0, uid: 0, gid: 0, bind: 0, node: 0 },
});

/** `h`: held, `r`: releases the one that it lies in, `-`: neither; for each mount. */
function marks(...steps: Step[]): string {
  markHeldMounts(steps);
  return steps
    .flatMap((step) => {
      if (step.op !== "mount") return [];
      const { flags } = step.fields;
      return [`${(flags & MountFlag.HOLD) !== 0 ? "h" : ""}${(flags & MountFlag.RELEASE) !== 0 ? "r" : ""}` || "-"];
    })
    .join(" ");
}

t.test("a mount is held as long as a later step looks for something in it", async (t) => {
  t.equal(marks(mount("/a"), mount("/b")), "- -");
  t.equal(marks(mount("/a"), mask("/a/x")), "h");
  t.equal(marks(mount("/a"), mask("/a")), "h");
  t.equal(marks(mount("/a"), mask("/ab")), "-");
  t.equal(marks(mount("/a"), mount("/a/b"), mount("/c")), "h r -");
  t.equal(marks(mount("/a"), mount("/a/b"), mask("/a/x")), "h -");
  t.equal(marks(mount("/a"), mount("/a/b"), mask("/a/b/x")), "h hr");
  t.equal(marks(mount("/a"), device("/a")), "h");
  t.equal(marks(mount("/dev"), device("/dev/null")), "h");
});

t.test("the latest mount on the way counts: it covers the others", async (t) => {
  t.equal(marks(mount("/a"), mount("/a"), mask("/a/x")), "h hr");
  t.equal(marks(mount("/a/b"), mount("/a"), mask("/a/b/x")), "- h");
  t.equal(marks(mount("/a"), mount("/"), mask("/a/x")), "- -", "what is mounted on the root is the root");
  t.equal(marks(mount("/"), mount("/a"), mount("/a/b")), "- h r");
  t.equal(marks(mount("/a"), mount("/a", ["remount", "ro"])), "h -", "a remount makes none");
});

t.test("no more are held at a time than init can hold, and the time is linear", async (t) => {
  const count = 20_000;
  const pairs = Array.from({ length: count }, (_, index) => mount(`/m/${index >> 1}${index % 2 === 0 ? "" : "/in"}`));
  const start = performance.now();
  markHeldMounts(pairs);
  t.ok(performance.now() - start < 2000);
  t.equal(pairs.filter((step) => step.op === "mount" && (step.fields.flags & MountFlag.HOLD) !== 0).length, count / 2);
  const many = Array.from({ length: 600 }, (_, index) => mount(`/m/${index}`));
  const masks = many.map((_, index) => mask(`/m/${index}/x`));
  t.equal(
    marks(...many, ...masks)
      .split(" ")
      .filter((each) => each === "h").length,
    256,
  );
});
