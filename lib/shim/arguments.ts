// SPDX-License-Identifier: Apache-2.0
/** The arguments with which containerd starts a shim, in the form of Go's flags. Pure. */
import { RuntimeError } from "../errors.ts";

export interface ShimArguments {
  /** `start`, `delete`, or "" for the shim itself. */
  readonly action: string;
  readonly namespace: string;
  readonly id: string;
  /** The address of containerd's main socket. */
  readonly address: string;
  readonly bundle: string;
  /** Path of the socket that the shim listens on. */
  readonly socket: string;
  readonly debug: boolean;
  readonly version: boolean;
  readonly info: boolean;
}

const FLAGS: Readonly<Record<string, keyof ShimArguments>> = { debug: "debug", v: "version", version: "version", info: "info" };
/** Arguments with a value; those without a name of ours are accepted and ignored. */
const VALUES: Readonly<Record<string, keyof ShimArguments | "">> = {
  namespace: "namespace",
  id: "id",
  address: "address",
  bundle: "bundle",
  "publish-binary": "",
  socket: "socket",
  "debug-socket": "",
};

/** @throws USAGE */
export function readShimArguments(args: readonly string[]): ShimArguments {
  const found: Record<string, string | boolean> = {};
  let index = 0;
  for (; index < args.length; index++) {
    const word = args[index] ?? "";
    if (!word.startsWith("-") || word === "-") break;
    if (word === "--") {
      index++;
      break;
    }
    const [name = "", ...rest] = word.replace(/^--?/, "").split("=");
    const flag = FLAGS[name];
    const target = VALUES[name];
    if (flag !== undefined) found[flag] = rest.length === 0 || rest.join("=") === "true";
    else if (target === undefined) throw new RuntimeError("USAGE", `flag provided but not defined: -${name}`);
    else {
      const value = rest.length > 0 ? rest.join("=") : args[++index];
      if (value === undefined) throw new RuntimeError("USAGE", `flag needs an argument: -${name}`);
      if (target !== "") found[target] = value;
    }
  }
  const texts = { action: args[index] ?? "", namespace: "", id: "", address: "", bundle: "", socket: "" };
  return { ...texts, debug: false, version: false, info: false, ...found };
}
