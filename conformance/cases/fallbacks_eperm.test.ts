// SPDX-License-Identifier: Apache-2.0
import { scenariosWithout } from "../harness/scenarios_without.ts";
import { CALLS, SINCE_4_18 } from "../harness/without.ts";

scenariosWithout("EPERM:", SINCE_4_18, ["security/advisories", "security/hostile_root", "security/exec", "cases/mounts"]);
scenariosWithout("EPERM:", CALLS, [
  "security/hostile_root",
  "security/processes",
  "cases/namespaces",
  "cases/paths",
  "cases/root",
]);
