// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { constants } from "node:os";
import { parseSignal } from "./signals.ts";

t.test("names of this system", async (t) => {
  for (const [name, number] of Object.entries(constants.signals)) {
    if (name === "SIGUNUSED") continue;
    t.equal(parseSignal(name), number, name);
    t.equal(parseSignal(name.slice(3)), number, name);
    t.equal(parseSignal(name.toLowerCase()), number, name);
  }
});

t.test("numbers and real-time signals", async (t) => {
  const cases: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["9", 9],
    ["015", 15],
    ["64", 64],
    ["RTMIN", 34],
    ["SIGRTMIN+3", 37],
    ["rtmin+30", 64],
    ["RTMAX", 64],
    ["sigrtmax-14", 50],
  ];
  for (const [text, number] of cases) t.equal(parseSignal(text), number, text);
});

t.test("what is none", async (t) => {
  const wrong = [
    "",
    "SIG",
    "FOO",
    "65",
    "999",
    "-9",
    "+9",
    "9x",
    "1.0",
    "RTMIN-1",
    "RTMIN+31",
    "RTMAX+1",
    "RTMAX-31",
    "RTMIN+",
    "SIGSIGTERM",
    "constructor",
  ];
  for (const text of wrong) {
    t.throws(() => parseSignal(text), { code: "USAGE", message: `unknown signal ${JSON.stringify(text)}` }, text);
  }
});
