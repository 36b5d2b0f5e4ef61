// SPDX-License-Identifier: Apache-2.0
import { scenario } from "../harness/box.ts";
import { waitFor } from "../harness/host.ts";

scenario("ps lists the container's processes and no others", (t, box) => {
  const container = box.running((config) => {
    config.process.args = ["sh", "-c", "sleep 1001 & sleep 1002 & wait"];
  });
  const json = (): number[] => JSON.parse(box.call(["ps", "--format", "json", container.id]).stdout) as number[];
  t.ok(
    waitFor(() => json().length === 3),
    "three processes",
  );
  t.ok(json().includes(container.pid), "as the host knows them");
  const short = box.call(["ps", "-f", "json", container.id]);
  t.match(short.stdout, /^\[[0-9]+(,[0-9]+)*\]\n$/);
  t.equal(short.stderr, "");

  const table = box.call(["ps", container.id]);
  t.equal(table.status, 0, table.output);
  const [head = "", ...lines] = table.stdout.trimEnd().split("\n");
  t.match(head, /^UID +PID +PPID /, "what ps -ef prints");
  t.equal(lines.length, 3);
  t.match(lines.join("\n"), /sleep 1001/);
  t.match(lines.join("\n"), /sleep 1002/);
});

scenario("ps hands its other arguments to ps(1)", (t, box) => {
  const container = box.running();
  const aux = box.call(["ps", container.id, "-e", "-x"]);
  t.equal(aux.status, 0, aux.output);
  t.match(aux.stdout, /^ +PID TTY +STAT +TIME COMMAND\n *[0-9]+ \S+ +S/);
  const chosen = box.call(["ps", container.id, "-eo", "pid,args"]);
  t.equal(chosen.stdout.trimEnd().split("\n").length, 2);
  const noPid = box.call(["ps", container.id, "-eo", "args"]);
  t.equal(noPid.status, 1);
  t.match(noPid.output, /couldn't find PID field in ps output/);
  const bad = box.call(["ps", container.id, "--no-such-option"]);
  t.equal(bad.status, 1);
  t.match(bad.output, /exit status 1/);
});

scenario("ps of what is not there, and formats that are not", (t, box) => {
  const missing = box.call(["ps", box.id()]);
  t.equal(missing.status, 1);
  t.match(missing.output, /container does not exist/);
  const container = box.running();
  const format = box.call(["ps", "--format", "xml", container.id]);
  t.equal(format.status, 1);
  t.match(format.output, /invalid format option/);
  t.equal(box.call(["ps"]).status, 1);
});
