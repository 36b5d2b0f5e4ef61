// SPDX-License-Identifier: Apache-2.0
/** The namespaces that a container joins. */
import { NS_GET_NSTYPE } from "../../kernel/numbers.ts";
import { RuntimeError } from "../../errors.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import type { Namespaces } from "../../plan/namespaces.ts";
import type { Descriptors } from "../../sys/descriptors.ts";
import { AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_RDONLY, check } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

/** Descriptors of the namespaces to join, by the property that names them. */
export type OpenNamespaces = Map<string, number>;

/**
 * Opens the namespaces that the container joins, before anything is made for it.
 * @param descriptors owns them
 * @throws SYSCALL, CONFIG_INVALID for a namespace of another type, with the property
 */
export function openNamespaces({ joins }: Namespaces, descriptors: Descriptors): OpenNamespaces {
  const open: OpenNamespaces = new Map();
  for (const { path, flag, origin } of joins) {
    const pointer = `${origin}/path`;
    const fd = native.open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    const name = propertyName(pointer);
    descriptors.own(check(fd, `${name}: open ${path}`, { pointer, path }));
    if (native.ioctlInt(fd, NS_GET_NSTYPE, 0) !== flag) {
      const text = `${name}: ${path} is not a namespace of the type that linux.namespaces gives it`;
      throw new RuntimeError("CONFIG_INVALID", text, { pointer, path });
    }
    open.set(origin, fd);
  }
  return open;
}
