// SPDX-License-Identifier: Apache-2.0
import { networkInterfaces } from "node:os";
import t from "tap";
import { native } from "./native.ts";
import { links, openNetlink, linkAddresses, setLinkUp } from "./netlink.ts";

t.test("the devices of this process's namespace", (tt) => {
  const socket = openNetlink();
  tt.teardown(() => native.close(socket));
  const found = links(socket);
  tt.match(
    found.find(({ name }) => name === "lo"),
    { index: 1 },
  );
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const link = found.find((each) => each.name === name);
    tt.equal(link?.up, true, name);
    const wide = linkAddresses(socket, link?.index ?? 0);
    tt.ok(wide.length <= (addresses?.length ?? 0), `${name} has no more than in all`);
  }
  const local = linkAddresses(socket, 1);
  tt.ok(
    local.some(({ family, prefix }) => family === 2 && prefix === 8),
    "127.0.0.1/8",
  );
  tt.notOk(
    local.some(({ isPermanent, scope }) => isPermanent && scope !== 0),
    "of scope host, so not to be moved",
  );
  tt.strictSame(linkAddresses(socket, 0), []);
  tt.end();
});

t.test("what the kernel refuses is an error with its number", (tt) => {
  const socket = openNetlink();
  tt.teardown(() => native.close(socket));
  tt.throws(() => setLinkUp(socket, 0x7ffffff0, true), { code: "SYSCALL", facts: { errno: /^(1|19)$/ } });
  tt.throws(() => openNetlink(9999), { code: "SYSCALL", facts: { errno: 9 } });
  tt.equal(links(socket).length > 0, true, "the socket goes on");
  tt.end();
});
