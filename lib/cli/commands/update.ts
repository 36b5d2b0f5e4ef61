import { RuntimeError } from "../../errors.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { update as updateContainer, type RdtSchemas } from "../../runtime/operations/update.ts";
import { parseResources } from "../../spec/documents/resources_file.ts";
import type { LinuxResources } from "../../spec/types.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD } from "../../sys/files.ts";
import { POLLIN } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { type CommandResult, SILENT } from "../result.ts";

/** A resources file that is larger than this is none; bytes. */
const LIMIT = 16 << 20;

/** The limits, or the file that they stand in; "-" is stdin. */
export type Limits = ({ readonly file: string } | { readonly resources: LinuxResources }) & {
  readonly rdt?: RdtSchemas;
};

/**
 * `runt update`: changes limits of a container.
 *
 * @throws RuntimeError `SYSCALL` where the file cannot be read, `CONFIG_INVALID`, and those of the runtime's update
 */
export function update(context: RuntimeContext, id: string, limits: Limits): CommandResult {
  const resources = "file" in limits ? readResources(limits.file) : limits.resources;
  updateContainer(context, id, resources, limits.rdt);
  return SILENT;
}

function readResources(file: string): LinuxResources {
  const name = file === "-" ? "standard input" : file;
  const text = file === "-" ? readInput() : native.readUtf8File(AT_FDCWD, file, LIMIT);
  if (typeof text === "number") {
    throw new RuntimeError("SYSCALL", `open ${name}: ${errnoText(-text)}`, { path: name, errno: -text });
  }
  return parseResources(text, name);
}

/** All of stdin, which may be a socket or a pipe, as text; or a negative errno. */
function readInput(): string | number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const buffer = new Uint8Array(65536);
  let text = "";
  try {
    for (;;) {
      const size = native.read(0, buffer);
      if (size === -Errno.EAGAIN) native.poll(new Int32Array([0, POLLIN]), -1);
      else if (size < 0) return size;
      else if (size === 0) return text + decoder.decode();
      else text += decoder.decode(buffer.subarray(0, size), { stream: true });
      if (text.length > LIMIT) return -Errno.EFBIG;
    }
  } catch {
    return -Errno.EILSEQ;
  }
}
