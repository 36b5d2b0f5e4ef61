// The sources of QuickJS, the engine of dist/bin/runt: Debian's source package, by the digest in sources.json.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchSource } from "./debian_source.mjs";
import { ROOT } from "./prepare.mjs";
import { SOURCES } from "./sources.mjs";
import { StepFailed } from "./steps.mjs";

export const QUICKJS_VERSION = SOURCES.quickjs.version;

/** The directory, relative to the checkout, that {@link fetchQuickjs} unpacks the sources into. */
export const QUICKJS = "build/quickjs-source";

/**
 * Counts of references that have reached JS_IMMORTAL stay as they are; native/engine/quickjs.c says what for. Each is a
 * pattern, what takes its place, and how often it has to be there. The collector's own counting is left alone.
 */
const CHANGES = {
  "quickjs.h": [
    [/--p->ref_count <= 0/g, "js_ref_dec(&p->ref_count) <= 0", 2],
    [/p->ref_count\+\+/g, "js_ref_inc(&p->ref_count)", 2],
    [
      /^void __JS_FreeValue\(JSContext \*ctx, JSValue v\);$/gm,
      "#define JS_IMMORTAL (1 << 29)\n" +
        "static inline void js_ref_inc(int *count) { if (*count < JS_IMMORTAL) ++*count; }\n" +
        "static inline int js_ref_dec(int *count) { return *count < JS_IMMORTAL ? --*count : *count; }\n$&",
      1,
    ],
  ],
  "quickjs.c": [
    [/(?<![\w.>])(\w+(?:(?:->|\.)\w+)*->header\.ref_count)\+\+/g, "js_ref_inc(&$1)", 16],
    [/--(\w+(?:(?:->|\.)\w+)*->header\.ref_count)/g, "js_ref_dec(&$1)", 6],
    [/\b(str->header\.ref_count)--/g, "js_ref_dec(&$1)", 1],
  ],
};

/** Fetches and unpacks the sources, unless they are there. @throws StepFailed */
export function fetchQuickjs() {
  fetchSource({ name: "quickjs", directory: QUICKJS, file: "quickjs.c" }, change);
}

function change(directory) {
  for (const [name, changes] of Object.entries(CHANGES)) {
    const file = join(ROOT, directory, name);
    let source = readFileSync(file, "utf8");
    for (const [pattern, text, times] of changes) {
      const found = source.match(pattern)?.length ?? 0;
      if (found !== times) throw new StepFailed(`${name}: ${pattern} is there ${found} times, not ${times}`);
      source = source.replaceAll(pattern, text);
    }
    writeFileSync(file, source);
  }
}
