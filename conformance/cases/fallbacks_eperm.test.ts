import { scenariosWithout } from "../harness/without.ts";

scenariosWithout("EPERM:");
