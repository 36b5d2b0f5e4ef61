// SPDX-License-Identifier: Apache-2.0
import { hostname } from "node:os";
import { scenario } from "../harness/box.ts";
import { removeNamespaces } from "../harness/config.ts";
import { notFor } from "../harness/runtime.ts";

scenario(
  "hostname is set in the container and not on the host",
  (t, box) => {
    const before = hostname();
    t.equal(
      box.sh("hostname", (config) => void (config.hostname = "inner-name")),
      "inner-name\n",
    );
    t.equal(hostname(), before);
  },
  { proves: ["hostname"] },
);

scenario("without hostname the container has the host's", (t, box) => {
  t.equal(
    box.sh("hostname", (config) => void delete config.hostname),
    `${hostname()}\n`,
  );
});

scenario(
  "domainname is set",
  (t, box) => {
    const out = box.sh("cat /proc/sys/kernel/domainname", (config) => {
      config.domainname = "inner.example";
    });
    t.equal(out, "inner.example\n");
  },
  { skip: notFor("runc", "1.1 does not know it"), proves: ["domainname"] },
);

scenario("hostname without a new uts namespace is an error", (t, box) => {
  const done = box.run((config) => removeNamespaces(config, "uts"));
  t.equal(done.status, 1);
  t.match(done.stderr, /uts|UTS|hostname/);
  t.same(box.leftovers(), []);
});

scenario("a hostname that is too long is an error", (t, box) => {
  const done = box.run((config) => void (config.hostname = "x".repeat(65)));
  t.equal(done.status, 1);
  t.match(done.stderr, /hostname/);
  t.same(box.leftovers(), []);
});
