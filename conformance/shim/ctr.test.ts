// SPDX-License-Identifier: Apache-2.0
/** All scenarios of containerd's own client, with the shim that is the program itself. */
import "./with_shim.ts";
import "../engines/ctr.test.ts";
