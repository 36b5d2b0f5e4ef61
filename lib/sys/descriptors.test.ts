// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { F_GETFD } from "../kernel/numbers.ts";
import { Descriptors, withDescriptor } from "./descriptors.ts";
import { check } from "./files.ts";
import { native } from "./native.ts";

function open(): number {
  return check(native.memfd("test"), "memfd");
}

function isOpen(fd: number): boolean {
  return native.fcntl(fd, F_GETFD, 0) >= 0;
}

t.test("what is owned is closed, what was released is not", async (t) => {
  const owner = new Descriptors();
  const [kept, given] = [owner.own(open()), owner.own(open())];
  t.same(owner.all, [kept, given]);
  t.equal(owner.release(given), given);
  owner.close();
  t.same([isOpen(kept), isOpen(given)], [false, true]);
  const again = owner.own(open());
  owner.close();
  t.equal(isOpen(again), false, "an owner can be used again");
  t.equal(native.close(given), 0);
});

t.test("what has descriptors of its own is closed before them, once", async (t) => {
  const owner = new Descriptors();
  const fd = owner.own(open());
  const seen: boolean[] = [];
  owner.attach({ close: () => void seen.push(isOpen(fd)) });
  owner.close();
  owner.close();
  t.same(seen, [true]);
});

t.test("a descriptor in use is closed when that ends, also by an error", async (t) => {
  const one = open();
  t.equal(
    withDescriptor(one, (fd) => fd + 1),
    one + 1,
  );
  t.equal(isOpen(one), false);
  const two = open();
  t.throws(
    () =>
      withDescriptor(two, () => {
        throw new Error("why");
      }),
    { message: "why" },
  );
  t.equal(isOpen(two), false);
  t.equal(
    withDescriptor(-2, (fd) => fd),
    -2,
    "a failure to open is the user's to see",
  );
});
