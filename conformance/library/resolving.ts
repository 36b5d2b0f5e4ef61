// SPDX-License-Identifier: Apache-2.0
// A plugin of Rollup that finds packages as Node.js does: Rollup itself leaves them all out.
import { fileURLToPath } from "node:url";

export default function resolving(): { readonly name: string; resolveId(id: string, importer?: string): string | undefined } {
  return {
    name: "resolving",
    resolveId: (id) => (/^[./]/.test(id) || id.startsWith("node:") ? undefined : fileURLToPath(import.meta.resolve(id))),
  };
}
