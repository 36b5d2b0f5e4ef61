// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { isIdMapOption, parseIdMapOption } from "./id_map_option.ts";

const linux = {
  uidMappings: [
    { containerID: 0, hostID: 100000, size: 1000 },
    { containerID: 1000, hostID: 5, size: 1 },
  ],
  gidMappings: [{ containerID: 0, hostID: 200000, size: 1000 }],
};

t.test("which options map ids", async (t) => {
  for (const option of ["idmap", "ridmap", "idmap=uids=0-1-1;gids=0-1-1", "ridmap="]) t.ok(isIdMapOption(option), option);
  for (const option of ["idmapped", "rridmap", "xidmap", "ro", "r", ""]) t.notOk(isIdMapOption(option), option);
});

t.test("mappings of an option", async (t) => {
  t.equal(parseIdMapOption("idmap", linux), undefined);
  t.same(parseIdMapOption("ridmap=uids=0-1000-10#20-5-1;gids=7-8-9", linux), {
    uidMappings: [
      { containerID: 0, hostID: 1000, size: 10 },
      { containerID: 20, hostID: 5, size: 1 },
    ],
    gidMappings: [{ containerID: 7, hostID: 8, size: 9 }],
  });
  t.same(parseIdMapOption("idmap=gids=@3-4-5;uids=@0-1000-1", linux), {
    uidMappings: [{ containerID: 0, hostID: 5, size: 1 }],
    gidMappings: [{ containerID: 3, hostID: 200004, size: 5 }],
  });
});

t.test("what is wrong with an option", async (t) => {
  for (const text of [
    "",
    "uids=0-1-1",
    "gids=0-1-1",
    "uids=;gids=",
    "uids=0-1;gids=0-1-1",
    "uids=0-1-1 ;gids=0-1-1",
    "uids=0-1-0;gids=0-1-1",
    "uids=4294967295-0-2;gids=0-1-1",
    "uids=@999-999-2;gids=0-1-1",
    "uids=@5000-5000-1;gids=0-1-1",
    "uids=0--1-1;gids=0-1-1",
    "pids=0-1-1",
    "uids=1-2-3-4;gids=0-0-1",
  ]) {
    t.type(parseIdMapOption(`idmap=${text}`, linux), "string", text);
  }
  t.match(parseIdMapOption("idmap=uids=@0-0-1;gids=@0-0-1", undefined), /Mappings/);
});
