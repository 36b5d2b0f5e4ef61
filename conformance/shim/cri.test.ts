// SPDX-License-Identifier: Apache-2.0
/** CRI's scenarios, with the shim that is the program itself. */
import "./with_shim.ts";
import "../engines/cri.test.ts";
