// SPDX-License-Identifier: Apache-2.0
/** Comes before the scenarios of engines, which then run with the shim. */
process.env["RUNT_SHIM"] = "1";
