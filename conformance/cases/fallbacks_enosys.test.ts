// SPDX-License-Identifier: Apache-2.0
import { scenariosWithout } from "../harness/scenarios_without.ts";
import { SINCE_4_18 } from "../harness/without.ts";

scenariosWithout("", SINCE_4_18, [
  "security/advisories",
  "security/hostile_root",
  "security/processes",
  "security/exec",
  "cases/mounts",
  "cases/namespaces",
  "cases/paths",
  "cases/root",
  "cases/root_mounts",
]);
